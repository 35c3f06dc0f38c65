"""`diagnose`: every check of `penstock doctor`, on this machine and this environment."""

import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from pathlib import Path

from packaging.utils import canonicalize_name

from pipeline.doctor import machine, packages, probes
from pipeline.doctor.findings import Finding, Status
from pipeline.doctor.packages import Package

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = "requirements.lock"
OPTIONAL_LOCKS = ("requirements-aws.lock", "requirements-dev.lock")
OVERRIDES = "requirements-overrides.txt"


def diagnose(root: Path, checkout: Path = CHECKOUT) -> list[Finding]:
    """What was found, in the order a user would fix it; takes under a second and imports neither TFX nor TensorFlow.

    Args:
      root: the folder that runs are kept in; it need not exist yet.
      checkout: where the locks are.
    """
    return [*_machine_findings(root), *_package_findings(checkout)]


def _machine_findings(root: Path) -> Iterator[Finding]:
    yield machine.check_python(sys.version_info[:3])
    yield machine.check_platform(platform.system(), platform.machine(), platform.libc_ver())
    yield machine.check_cpus(probes.probe_cpus())
    yield machine.check_memory(probes.probe_memory())
    for what, folder in (("root", root), ("temp", Path(tempfile.gettempdir()))):
        yield machine.check_write(f"{what} folder", folder, probes.probe_write(folder))
        yield machine.check_disk(f"{what} disk", folder, probes.probe_free_bytes(folder))


def _package_findings(checkout: Path) -> Iterator[Finding]:
    found = installed_packages()
    versions = {package.name: package.version for package in found}
    cuda = [name for name in versions if name.startswith("nvidia-")]
    yield machine.check_gpus(probes.probe_gpus(), cuda, versions.get("tensorflow", ""))
    yield from _lock_findings(checkout, versions)
    yield packages.check_conflicts(packages.find_conflicts(found), accepted_conflicts())


def _lock_findings(checkout: Path, versions: Mapping[str, str]) -> Iterator[Finding]:
    if not (checkout / LOCK).exists():
        advice = "Install from a checkout (make core) to have the packages compared with the lock."
        yield Finding("lock", Status.WARNING, f"no {LOCK} in {checkout}", advice)
        return
    present = [LOCK, *(name for name in OPTIONAL_LOCKS if (checkout / name).exists())]  # an image has not all of them
    required, *optional = (packages.parse_lock((checkout / name).read_text(encoding="utf-8")) for name in present)
    yield from packages.check_lock(versions, required, {name: pin for pins in optional for name, pin in pins.items()})
    if not (checkout / OVERRIDES).exists():
        return
    overridden = packages.parse_overrides((checkout / OVERRIDES).read_text(encoding="utf-8"))
    yield packages.check_pins(overridden, versions)


def installed_packages() -> list[Package]:
    """The packages of this environment; of two with one name, the one that Python imports."""
    by_name: dict[str, Package] = {}
    for found in metadata.distributions():
        requires = tuple(line for line in found.requires or () if not re.search(r"\bextra\s*==", line))
        name = canonicalize_name(found.name)
        by_name.setdefault(name, Package(name, found.version, requires))
    return list(by_name.values())


def accepted_conflicts() -> list[str]:
    """The conflicts that docs/adr/0001-stack-and-lock.md accepts, as `pip check` words them."""
    text = resources.files("pipeline.doctor").joinpath("accepted_conflicts.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
