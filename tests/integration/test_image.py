"""The image of deploy/Dockerfile, as far as it can be made without an engine: see tests/fixtures/image_tree.py."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_services import ENVIRONMENT, skip_without_environment
from image_tree import CHECKOUT, DOCKERFILE, IS_ROOT, Tree, expand, parse
from installed import locked
from packaging.requirements import Requirement

from pipeline.images.content import read_content

pytestmark = pytest.mark.integration

HOME = Path("/") / "home" / "penstock"
DIGEST = f"sha256:{'ab' * 32}"
BASE = f"python:3.11-slim-bookworm@{DIGEST}"
ARGUMENTS = {
    "BASE_NAME": "python:3.11-slim-bookworm",
    "BASE_DIGEST": DIGEST,
    "LOCK_DIGEST": "aa",
    "CODE_DIGEST": "bb",
    "COMMIT": "cc",
}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The tree of the stage that nodes run in, with the packages of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("image")
    return Tree(folder, Path(sys.prefix), {"VARIANT": "cpu", **ARGUMENTS}).build("job")


def test_every_package_of_the_locks_is_installed_by_the_images_own_commands(job):
    installed = [command for command in job.commands if "pip install" in command]
    assert len(installed) == 3
    assert all("--no-deps --require-hashes" in command for command in installed)
    assert {"requirements.lock", "requirements-aws.lock"} <= {command.split()[-1] for command in installed}


def test_launchers_self_test_passes_in_the_tree(job):
    assert job.entrypoint == ["python", "-m", "pipeline.launch"]
    done = job.run([*job.entrypoint, "--self-test"])
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    checks = {each["check"]: each for each in found}
    assert {"import tensorflow", "import tfx", "import boto3", "import pipeline.definition", "s3", "lineage"} <= set(
        checks
    )
    assert "lock file" not in checks


def test_code_is_the_images_own_and_the_checkout_is_not_there(job):
    program = "import pipeline, os; print(pipeline.__file__, os.path.exists('" + str(CHECKOUT / "Makefile") + "'))"
    done = job.run(["python", "-c", program])
    assert done.stdout.split() == ["/opt/penstock/pipeline/__init__.py", "False"], done.stderr
    copied = {path.name for path in (job.root / "opt" / "penstock").iterdir()}
    assert copied == {"schemas", "models", "components", "pipeline", "requirements.lock", "requirements-aws.lock"}
    assert not list((job.root / "opt" / "penstock").rglob("*.pyc"))


def test_sets_have_the_order_that_they_have_in_runs_on_this_machine(job):
    program = ["-c", "print(hash('star_rating'), hash('vine'))"]
    there = job.run(["python", *program])
    here = subprocess.run([sys.executable, *program], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True)
    assert there.stdout == here.stdout != "", there.stderr


def test_lock_with_another_version_than_what_is_installed_stops_the_build(job):
    lock = job.root / "opt" / "penstock" / "requirements-aws.lock"
    spoilt = job.root / "tmp" / "requirements-aws.lock"
    spoilt.write_text(lock.read_text().replace("boto3==", "boto3==0.", 1))
    command = next(command for command in job.commands if "requirements-aws.lock" in command)
    done = job.run(["/bin/bash", "-c", command.replace("requirements-aws.lock", "/tmp/requirements-aws.lock")])
    assert done.returncode != 0
    assert "boto3==0." in done.stderr


def test_labels_say_what_is_in_the_image(job):
    named = ('penstock.lock-digest="aa"', 'penstock.code-digest="bb"', 'penstock.variant="cpu"', '.revision="cc"')
    for words in (*named, f'image.base.digest="{DIGEST}"'):
        assert words in job.labels


def test_code_that_is_copied_is_the_code_that_names_the_image(job):
    """What the digest is made of is what COPY brings, so two images of one tag hold the same."""
    from pipeline.images.content import code_files

    named = {path.relative_to(CHECKOUT).as_posix() for path in code_files(CHECKOUT, "cpu")}
    root = job.root / "opt" / "penstock"
    copied = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert copied - {"requirements.lock", "requirements-aws.lock"} == named
    assert read_content(CHECKOUT, "cpu", BASE).tag.startswith("cpu-")


def test_packages_that_no_lock_names_are_not_in_the_tree(job):
    program = "import importlib.util as found; print([name for name in ('pytest', 'mypy') if found.find_spec(name)])"
    assert job.run(["python", "-c", program]).stdout.split() == ["[]"]


@pytest.fixture(scope="module")
def worker(job):
    """The same tree as the user without rights; after the tests of `job`, which run as root."""
    return job.go_on("worker")


def test_worker_is_a_user_of_its_own_with_a_home(worker):
    done = worker.run(["sh", "-c", "id -u; id -g; id -G; grep Cap /proc/self/status; echo $HOME"])
    user, group, groups, *capabilities, home = done.stdout.splitlines()
    assert (user, group) == ("10001", "10001"), done.stderr
    assert {line.split()[1] for line in capabilities if line.startswith(("CapEff", "CapAmb"))} == {"0" * 16}
    if not IS_ROOT:
        print(f"not run, because only root can: {worker.not_run}")
        return
    assert (groups, home) == ("10001", str(HOME))
    assert worker.run(["touch", str(HOME / "mine")]).returncode == 0


@pytest.mark.parametrize("place", ["/opt/penstock", "/opt/venv", "/opt/penstock/pipeline", "/etc", "/opt", "/"])
def test_worker_may_not_write_where_its_code_is(worker, place):
    done = worker.run(["touch", f"{place}/strange"])
    assert done.returncode != 0
    assert re.search("Permission denied|Read-only file system", done.stderr), done.stderr


def test_launchers_self_test_passes_as_the_worker(worker):
    done = worker.run([*worker.entrypoint, "--self-test"])
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert {each["status"] for each in found} <= {"ok", "note", "warning"}


def gpu_wheels():
    """What TensorFlow's own metadata asks for by `tensorflow[and-cuda]`: name → version."""
    wanted = [Requirement(line) for line in importlib.metadata.requires("tensorflow")]
    extra = [each for each in wanted if each.marker and each.marker.evaluate({"extra": "and-cuda"})]
    plain = {each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})}
    return {each.name: each.specifier for each in extra if each.name not in plain}


def test_gpu_lock_is_what_tensorflow_asks_for_and_agrees_with_the_packages_of_the_job():
    core, gpu = (locked(CHECKOUT / name) for name in ("requirements.lock", "requirements-gpu.lock"))
    assert core["tensorflow"] == gpu["tensorflow"] == importlib.metadata.version("tensorflow")
    assert {name: version for name, version in gpu.items() if name in core and core[name] != version} == {}
    added = {name: version for name, version in gpu.items() if name not in core}
    wanted = gpu_wheels()
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12"} <= set(wanted)
    assert set(wanted) <= set(added)
    assert [name for name, versions in wanted.items() if added[name] not in versions] == []
    assert all(name.startswith("nvidia-") for name in added)


def test_gpu_stage_is_the_jobs_packages_and_one_more_lock():
    arguments, stages = parse(DOCKERFILE.read_text(encoding="utf-8"))
    by_name = {stage.name: stage for stage in stages}
    assert expand(by_name["packages"].base, {**arguments, "VARIANT": "gpu"}) == "packages-gpu"
    assert by_name["packages-gpu"].base == "packages-cpu"
    (copied, lock), (run, command) = by_name["packages-gpu"].steps
    assert (copied, lock, run) == ("COPY", "requirements-gpu.lock ./", "RUN")
    assert command.split()[0] == "/opt/venv/bin/python"
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:", "requirements-gpu.lock"} <= set(command.split())


def test_hadolint_finds_nothing():
    skip_without_environment()
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "hadolint", "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
