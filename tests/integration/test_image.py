"""The image of deploy/Dockerfile, as far as it can be made without an engine: see tests/fixtures/image_tree.py."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_services import ENVIRONMENT, skip_without_environment
from image_tree import CHECKOUT, DOCKERFILE, Tree

from pipeline.images.content import read_content

pytestmark = pytest.mark.integration

BASE = f"python:3.11-slim-bookworm@sha256:{'ab' * 32}"
DIGESTS = {"LOCK_DIGEST": "aa", "CODE_DIGEST": "bb", "COMMIT": "cc"}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The tree of the stage that nodes run in, with the packages of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("image")
    return Tree(folder, Path(sys.prefix), {"PYTHON_IMAGE": BASE, "VARIANT": "cpu", **DIGESTS}).build("job")


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


def test_image_without_its_lock_fails_its_self_test(job):
    lock = job.root / "opt" / "penstock" / "requirements.lock"
    text = lock.read_bytes()
    lock.unlink()
    try:
        done = job.run([*job.entrypoint, "--self-test"])
    finally:
        lock.write_bytes(text)
    assert done.returncode == 1
    assert "no requirements.lock in /opt/penstock" in done.stderr


def test_lock_with_another_version_than_what_is_installed_stops_the_build(job):
    lock = job.root / "opt" / "penstock" / "requirements-aws.lock"
    spoilt = job.root / "tmp" / "requirements-aws.lock"
    spoilt.write_text(lock.read_text().replace("boto3==", "boto3==0.", 1))
    command = next(command for command in job.commands if "requirements-aws.lock" in command)
    done = job.run(["/bin/bash", "-c", command.replace("requirements-aws.lock", "/tmp/requirements-aws.lock")])
    assert done.returncode != 0
    assert "boto3==0." in done.stderr


def test_labels_say_what_is_in_the_image(job):
    for words in ('penstock.lock-digest="aa"', 'penstock.code-digest="bb"', 'penstock.variant="cpu"', '.revision="cc"'):
        assert words in job.labels


def test_code_that_is_copied_is_the_code_that_names_the_image(job):
    """What the digest is made of is what COPY brings, so two images of one tag hold the same."""
    from pipeline.images.content import code_files

    named = {path.relative_to(CHECKOUT).as_posix() for path in code_files(CHECKOUT, "cpu")}
    root = job.root / "opt" / "penstock"
    copied = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert copied - {"requirements.lock", "requirements-aws.lock"} == named
    assert read_content(CHECKOUT, "cpu", BASE).tag.startswith("cpu-")


def test_gpu_variant_adds_nvidias_wheels_and_nothing_else():
    core, gpu = (
        dict(re.findall(r"^(\S+?)==(\S+)", (CHECKOUT / name).read_text(), flags=re.MULTILINE))
        for name in ("requirements.lock", "requirements-gpu.lock")
    )
    added = set(gpu) - set(core)
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12"} <= added
    assert all(name.startswith("nvidia-") for name in added)


def test_hadolint_finds_nothing():
    skip_without_environment()
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "hadolint", "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
