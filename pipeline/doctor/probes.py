"""Measurements of this machine, without any heavy import: /proc, /sys, /dev and nvidia-smi."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

NVIDIA_SMI_TIMEOUT_S = 5


@dataclass(frozen=True)
class MemoryBytes:
    """Memory that this process could use, within its container's limit."""

    total: int
    available: int


@dataclass(frozen=True)
class Gpus:
    """NVIDIA GPUs: device files, the names the driver gives them, and what was wrong if it gives none."""

    devices: tuple[str, ...]
    names: tuple[str, ...]
    error: str = ""


def probe_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> MemoryBytes:
    """The machine's memory, or the control group's where that allows less."""
    lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    total, available = kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024
    limit = _read_number(cgroup / "memory.max")
    if limit is None or limit >= total:
        return MemoryBytes(total, available)
    used = _read_number(cgroup / "memory.current") or 0
    return MemoryBytes(limit, min(available, max(0, limit - used)))


def probe_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """The CPUs this process may use, within its container's quota; at least 1."""
    cpus = len(os.sched_getaffinity(0))
    try:
        quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return cpus
    return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))


def probe_gpus(dev: Path = Path("/dev")) -> Gpus:
    """The NVIDIA GPUs that this process can see."""
    devices = tuple(sorted(str(path) for path in dev.glob("nvidia[0-9]*")))
    if not devices:
        return Gpus((), ())
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SMI_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Gpus(devices, (), str(error))
    if answer.returncode != 0:
        return Gpus(devices, (), (answer.stderr or answer.stdout).strip())
    return Gpus(devices, tuple(line.strip() for line in answer.stdout.splitlines() if line.strip()))


def probe_free_bytes(folder: Path) -> int:
    """Free bytes where `folder` is, or would be made."""
    return shutil.disk_usage(nearest_existing(folder)).free


def probe_write(folder: Path) -> str:
    """Empty if a file can be made in `folder`, or where `folder` would be made; else what the system said."""
    try:
        with tempfile.TemporaryFile(dir=nearest_existing(folder)) as file:
            file.write(b"penstock doctor")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def nearest_existing(folder: Path) -> Path:
    """`folder`, or the closest of the folders above it that exists."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if path.exists())


def _read_number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return None if text == "max" else int(text)
