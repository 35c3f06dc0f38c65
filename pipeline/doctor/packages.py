"""Checks of the installed packages against the lock and against each other."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.doctor.findings import Finding, Status

ADR = "docs/adr/0001-stack-and-lock.md"
REINSTALL = "Run: rm -rf .venv && make core"
MOST_LISTED = 8

# The project itself, and what `make` or the advice of the GPU check adds on purpose.
NOT_LOCKED = re.compile(r"penstock|nvidia-.*")


@dataclass(frozen=True)
class Package:
    """An installed package.

    Attributes:
      name: in canonical spelling: lower case, hyphens.
      version: as installed.
      requires: its requirement lines, without those of extras.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()


def parse_lock(text: str) -> dict[str, str]:
    """Canonical name to version of each `name==version` of a lock; hashes and comments are skipped."""
    pins = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def parse_overrides(text: str) -> list[str]:
    """The names of requirements-overrides.txt, in its order."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line).name for line in lines if line]


def find_conflicts(packages: Iterable[Package]) -> list[str]:
    """Sorted sentences on requirements that the installed versions do not meet, worded as `pip check` words them."""
    listed = list(packages)
    versions = {package.name: package.version for package in listed}
    sentences = (_conflict(package, Requirement(line), versions) for package in listed for line in package.requires)
    return sorted(filter(None, sentences))


def _conflict(package: Package, requirement: Requirement, versions: Mapping[str, str]) -> str:
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return ""
    subject, name = f"{package.name} {package.version}", canonicalize_name(requirement.name)
    if name not in versions:
        return f"{subject} requires {name}, which is not installed."
    if requirement.specifier.contains(versions[name], prereleases=True):
        return ""
    return f"{subject} has requirement {requirement}, but you have {name} {versions[name]}."


def check_lock(installed: Mapping[str, str], required: Mapping[str, str], optional: Mapping[str, str]) -> list[Finding]:
    """Findings on packages that are missing, of another version than locked, or in no lock.

    Args:
      installed: canonical name to version.
      required: the pins of requirements.lock.
      optional: the pins of the other locks; these packages may be absent.
    """
    pins = {**optional, **required}
    missing = [f"{name} {version}" for name, version in required.items() if name not in installed]
    drifted = [
        f"{name} {version} (locked {pins[name]})"
        for name, version in installed.items()
        if name in pins and version != pins[name]
    ]
    extra = [name for name in installed if name not in pins and not NOT_LOCKED.fullmatch(name)]
    findings = []
    if missing:
        findings.append(Finding("lock", Status.PROBLEM, f"{len(missing)} missing: {_some(missing)}", REINSTALL))
    if drifted:
        findings.append(Finding("lock", Status.PROBLEM, f"{len(drifted)} not as locked: {_some(drifted)}", REINSTALL))
    if extra:
        advice = f"Fine if you installed them, and if runs work. To be sure: {REINSTALL[0].lower()}{REINSTALL[1:]}"
        findings.append(Finding("lock", Status.WARNING, f"{len(extra)} in no lock: {_some(extra)}", advice))
    return findings or [Finding("lock", Status.OK, f"all {len(required)} packages as locked")]


def check_pins(overridden: Iterable[str], installed: Mapping[str, str]) -> Finding:
    """The packages whose pins overrule what others declare, with the versions that stand for them."""
    versions = [f"{name} {installed.get(canonicalize_name(name), '(not installed)')}" for name in overridden]
    return Finding("pins", Status.OK, f"overruled on purpose ({ADR}): {', '.join(versions)}")


def check_conflicts(conflicts: Collection[str], accepted: Collection[str]) -> Finding:
    """A problem where packages contradict each other in ways that nobody has looked at."""
    unknown = [sentence for sentence in conflicts if sentence not in accepted]
    if not unknown:
        return Finding("conflicts", Status.OK, f"{len(conflicts)}, all of them accepted in {ADR}")
    return Finding("conflicts", Status.PROBLEM, f"{len(unknown)} not accepted: {' '.join(unknown)}", REINSTALL)


def _some(items: list[str]) -> str:
    rest = len(items) - MOST_LISTED
    return ", ".join(sorted(items)[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
