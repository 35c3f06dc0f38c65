"""What doctor says of the installed packages, and that it agrees with pip."""

import shutil
from pathlib import Path

import pytest

from pipeline.doctor import packages
from pipeline.doctor.diagnosis import CHECKOUT, LOCK, OPTIONAL_LOCKS, accepted_conflicts, diagnose, installed_packages
from pipeline.doctor.findings import Finding, Status
from pipeline.doctor.packages import Package

LOCK_TEXT = """\
Under_Score==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11
# a comment==9
other.name==2.0+local ; python_version >= "3" \\
    --hash=sha256:22
"""


def test_lock_is_read_as_canonical_names_and_versions() -> None:
    assert packages.parse_lock(LOCK_TEXT) == {"under-score": "1.0", "other-name": "2.0+local"}


def test_overrides_are_read_without_comments() -> None:
    assert packages.parse_overrides("# why\n\nnumpy>=1.26,<2\nprotobuf>=6  # six\n") == ["numpy", "protobuf"]


def check_lock(installed: dict[str, str]) -> list[Finding]:
    return packages.check_lock(installed, {"a": "1", "b": "2"}, {"b": "2", "tester": "3"})


@pytest.mark.parametrize("installed", [{}, {"tester": "3"}, {"penstock": "0.1.0", "nvidia-cudnn-cu12": "9"}])
def test_environment_as_locked_is_fine(installed: dict[str, str]) -> None:
    (finding,) = check_lock({"a": "1", "b": "2", **installed})
    assert finding.status is Status.OK


def test_missing_package_is_a_problem() -> None:
    (finding,) = check_lock({"a": "1"})
    assert (finding.status, finding.seen) == (Status.PROBLEM, "1 missing: b 2")


def test_other_version_than_locked_is_a_problem_in_every_lock() -> None:
    (finding,) = check_lock({"a": "1", "b": "2.1", "tester": "4"})
    assert finding.status is Status.PROBLEM
    assert finding.seen == "2 not as locked: b 2.1 (locked 2), tester 4 (locked 3)"


def test_package_in_no_lock_is_a_warning() -> None:
    (finding,) = check_lock({"a": "1", "b": "2", "stranger": "7"})
    assert (finding.status, finding.seen) == (Status.WARNING, "1 in no lock: stranger")


def test_everything_wrong_with_the_lock_is_reported_at_once() -> None:
    findings = check_lock({"b": "3", "stranger": "7"})
    assert [finding.status for finding in findings] == [Status.PROBLEM, Status.PROBLEM, Status.WARNING]


def test_long_lists_are_cut_with_a_count() -> None:
    names = [f"n{number:02}" for number in range(10)]
    (finding,) = packages.check_lock({}, dict.fromkeys(names, "1"), {})
    assert finding.seen == "10 missing: n00 1, n01 1, n02 1, n03 1, n04 1, n05 1, n06 1, n07 1 and 2 more"


def test_deliberate_pins_are_named_with_their_versions() -> None:
    finding = packages.check_pins(["numpy", "tfx_bsl", "gone"], {"numpy": "1.26.4", "tfx-bsl": "1.16.1"})
    assert finding.status is Status.OK
    assert finding.seen.endswith("numpy 1.26.4, tfx_bsl 1.16.1, gone (not installed)")


@pytest.mark.parametrize(
    ("requires", "conflicts"),
    [
        ("b>=1,<2", ["a 1 has requirement b<2,>=1, but you have b 3."]),
        ("B_x", ["a 1 requires b-x, which is not installed."]),
        ("b>=3", []),
        ("b<1; python_version < '3'", []),
        ("gone; sys_platform == 'win32'", []),
    ],
)
def test_conflicts_are_unmet_requirements_that_apply_here(requires: str, conflicts: list[str]) -> None:
    assert packages.find_conflicts([Package("a", "1", (requires,)), Package("b", "3")]) == conflicts


def test_prerelease_meets_a_requirement_as_it_does_for_pip() -> None:
    assert packages.find_conflicts([Package("a", "1", ("b>=3",)), Package("b", "3.1rc1")]) == []


def test_conflict_that_nobody_accepted_is_a_problem() -> None:
    known, unknown = "a 1 requires b, which is not installed.", "c 1 requires d, which is not installed."
    assert packages.check_conflicts([known], [known]).status is Status.OK
    finding = packages.check_conflicts([known, unknown], [known])
    assert (finding.status, finding.seen) == (Status.PROBLEM, f"1 not accepted: {unknown}")


def test_conflicts_of_this_environment_are_those_of_pip_check() -> None:
    """Which are the accepted ones, says tests/unit/test_environment.py."""
    assert packages.find_conflicts(installed_packages()) == sorted(accepted_conflicts())


def test_diagnosis_of_this_machine_reports_every_check(tmp_path: Path) -> None:
    findings = diagnose(tmp_path / "root")
    checks = {"python", "platform", "cpus", "memory", "root folder", "root disk", "temp folder", "temp disk"}
    assert {finding.check for finding in findings} == checks | {"gpus", "lock", "pins", "conflicts"}


def test_diagnosis_finds_drift_from_the_lock(tmp_path: Path) -> None:
    for name in (LOCK, *OPTIONAL_LOCKS, "requirements-overrides.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    lock = tmp_path / LOCK
    version = packages.parse_lock(lock.read_text())["packaging"]
    lock.write_text(lock.read_text().replace(f"packaging=={version}", "packaging==0.1"))
    findings = diagnose(tmp_path, checkout=tmp_path)
    assert any(f"packaging {version} (locked 0.1)" in finding.seen for finding in findings if finding.check == "lock")


def test_diagnosis_without_a_lock_says_so(tmp_path: Path) -> None:
    (finding,) = (finding for finding in diagnose(tmp_path, checkout=tmp_path) if finding.check == "lock")
    assert finding.status is Status.WARNING
