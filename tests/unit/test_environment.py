"""The locks, the record of the conflicts they accept, and what no file of the project may say."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.doctor.diagnosis import accepted_conflicts

CHECKOUT = Path(__file__).resolve().parents[2]
ADR = CHECKOUT / "docs/adr/0001-stack-and-lock.md"
LOCKS = [
    "requirements.lock",
    "requirements-aws.lock",
    "requirements-dev.lock",
    "requirements-gpu.lock",
    "requirements-lambda.lock",
    "requirements-serving.lock",
]

LOCKED_REQUIREMENT = re.compile(r"[a-z0-9][a-z0-9._-]*==\S+( ; [^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+")


def read(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def requirements(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in read(name).splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-c ")]


def locked_versions(name: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S+?)==(\S+)", read(name), flags=re.MULTILINE))


def tracked_files() -> list[Path]:
    """The files that belong to the project: as git says, or in an unpacked archive all but what runs leave behind."""
    if shutil.which("git") is None or not (CHECKOUT / ".git").exists():
        left_behind = {
            ".venv",
            ".venv-aws",
            ".venv-oracle",
            ".node",
            ".penstock",
            "data",
            "__pycache__",
            ".hypothesis",
            ".mypy_cache",
            ".ruff_cache",
        }
        found = (path for path in CHECKOUT.rglob("*") if path.is_file())
        return [path for path in found if not left_behind & set(path.relative_to(CHECKOUT).parts)]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := CHECKOUT / name).is_file()]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_nothing_but_pinned_and_hashed_requirements(lock: str) -> None:
    assert LOCKED_REQUIREMENT.sub("", read(lock)) == ""
    assert locked_versions(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_what_the_requirements_ask_for(lock: str) -> None:
    versions = locked_versions(lock)
    for requirement in requirements(lock.replace(".lock", ".in")):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_lock_keeps_the_overrides() -> None:
    versions = locked_versions("requirements.lock")
    for override in requirements("requirements-overrides.txt"):
        assert override.specifier.contains(versions[canonicalize_name(override.name)]), override


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_extra_lock_agrees_with_the_main_lock(lock: str) -> None:
    main = locked_versions("requirements.lock")
    extra = locked_versions(lock)
    assert {name: main[name] for name in extra if name in main} == {name: extra[name] for name in extra if name in main}


def test_lock_of_npm_pins_and_hashes_every_package_and_says_nothing_of_where_it_came_from() -> None:
    wanted, lock = (json.loads(read(f"tests/kubeflow/{name}")) for name in ("package.json", "package-lock.json"))
    root, packages = lock["packages"].pop(""), lock["packages"]
    assert root["dependencies"] == wanted["dependencies"]
    for name, version in wanted["dependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if {"resolved", "hasInstallScript"} & set(package)] == []


def test_pip_check_reports_exactly_the_accepted_conflicts() -> None:
    check = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert sorted(check.stdout.splitlines()) == sorted(accepted_conflicts())


def test_decision_record_lists_exactly_the_accepted_conflicts() -> None:
    (listed,) = re.findall(r"^```\n(.*?)^```$", ADR.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert listed.splitlines() == accepted_conflicts()


def test_decision_record_explains_exactly_the_overrides() -> None:
    explained = re.findall(r"^\| `([^`]+[<>=][^`]+)` \|", ADR.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [Requirement(line) for line in explained] == requirements("requirements-overrides.txt")


def test_nothing_was_compiled_on_this_machine() -> None:
    from importlib.metadata import distributions

    tags = {
        found.name: re.findall(r"^Tag: (\S+)", found.read_text("WHEEL") or "", re.MULTILINE)
        for found in distributions()
    }
    assert [name for name, each in tags.items() if any("-linux_" in tag for tag in each)] == []


def test_project_metadata_declares_every_data_file_that_code_reads() -> None:
    from pipeline.doctor import diagnosis

    assert (Path(diagnosis.__file__).parent / "accepted_conflicts.txt").exists()
    assert '"pipeline.doctor": ["*.txt"]' in read("setup.py")


# In pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "the address of a package index": re.compile(
        "|".join(["py" + r"pi\.org", "files.python" + "hosted", "/sim" + "ple/", "registry.npm" + "js", "yarn" + "pkg"])
    ),
    "a path of one machine": re.compile(
        "|".join("/" + name for name in [r"home/\w", r"root/\w", r"Users/\w", r"work/\w"])
    ),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_of_the_project_names(what: str) -> None:
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if FORBIDDEN[what].search(line):
                found.append(f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_makefile_explains_each_of_its_targets() -> None:
    makefile = read("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    explained = re.findall(r"^([a-z-]+):.*## .+$", makefile, flags=re.MULTILINE)
    assert sorted(explained) == sorted(phony.split())
