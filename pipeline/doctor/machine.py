"""Checks of the machine: plain functions from what was measured to a finding; the measuring is in probes.py."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.doctor.findings import Finding, Status
from pipeline.doctor.probes import Gpus, MemoryBytes

PYTHON = (3, 11)
"""The wheels in requirements.lock are chosen for this version."""

GLIBC_FLOOR = (2, 28)
"""What the most demanding wheel in requirements.lock asks for (pyarrow 18.1: manylinux_2_28)."""

GIB = 1 << 30
MEMORY_FLOOR_BYTES = 3 * GIB
"""Stock TFX peaked at 1.56 GB on 150,000 rows; twice that leaves room for the process that starts nodes."""
MEMORY_EASY_BYTES = 6 * GIB
DISK_FLOOR_BYTES = GIB
DISK_EASY_BYTES = 5 * GIB
"""Judgement, not measured: every stage keeps a copy of the rows, and every run its own."""


def check_python(version: tuple[int, int, int]) -> Finding:
    """A problem unless it is the Python that the lock was made for."""
    seen = ".".join(map(str, version))
    if version[:2] == PYTHON:
        return Finding("python", Status.OK, seen)
    wanted = ".".join(map(str, PYTHON))
    advice = (
        f"Install Python {wanted} (Debian 12: apt-get install python3.11 python3.11-venv), remove .venv, run: make run"
    )
    return Finding("python", Status.PROBLEM, f"{seen}, the locked packages need {wanted}", advice)


def check_platform(system: str, processor: str, libc: tuple[str, str]) -> Finding:
    """A problem unless it is x86-64 Linux with a new enough glibc.

    Args:
      system: as platform.system().
      processor: as platform.machine().
      libc: name and version, as platform.libc_ver(); ("", "") on musl.
    """
    name, version = libc
    seen = f"{system} {processor}, {f'{name} {version}' if name else 'no glibc'}"
    if (system, processor) != ("Linux", "x86_64"):
        return Finding(
            "platform",
            Status.PROBLEM,
            seen,
            "ML Metadata, TFDV and tfx-bsl have wheels for x86-64 Linux only: use such a machine or a container.",
        )
    if name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= GLIBC_FLOOR:
        return Finding("platform", Status.OK, seen)
    floor = ".".join(map(str, GLIBC_FLOOR))
    advice = f"The wheels need glibc {floor} or newer: Debian 10, Ubuntu 20.04, RHEL 8, Amazon Linux 2023 or later."
    return Finding("platform", Status.PROBLEM, seen, advice)


def check_cpus(cpus: int) -> Finding:
    """A warning on a single CPU, where TensorFlow and Arrow have no second thread to use."""
    if cpus > 1:
        return Finding("cpus", Status.OK, str(cpus))
    return Finding(
        "cpus",
        Status.WARNING,
        str(cpus),
        "One works; reading, training and evaluating use two or more where there are.",
    )


def check_memory(memory: MemoryBytes) -> Finding:
    """A problem below what a sample run needs, a warning where a larger table may not fit."""
    seen = f"{_gib(memory.available)} free of {_gib(memory.total)}"
    if memory.available >= MEMORY_EASY_BYTES:
        return Finding("memory", Status.OK, seen)
    if memory.available >= MEMORY_FLOOR_BYTES:
        return Finding("memory", Status.WARNING, seen, "Enough for the sample; for large tables have 6 GiB free.")
    advice = f"End other programs or raise the container's limit: a run needs about {_gib(MEMORY_FLOOR_BYTES)} free."
    return Finding("memory", Status.PROBLEM, seen, advice)


def check_disk(check: str, folder: Path, free_bytes: int) -> Finding:
    """A problem where a run's files would not fit, a warning where a few runs would fill the disk."""
    seen = f"{_gib(free_bytes)} free at {folder}"
    if free_bytes >= DISK_EASY_BYTES:
        return Finding(check, Status.OK, seen)
    status = Status.WARNING if free_bytes >= DISK_FLOOR_BYTES else Status.PROBLEM
    return Finding(
        check, status, seen, f"Free some space, {_gib(DISK_EASY_BYTES)} or more; old runs are in the root folder."
    )


def check_write(check: str, folder: Path, error: str) -> Finding:
    """A problem where files cannot be made; `error` is what the system said, empty where it worked."""
    if not error:
        return Finding(check, Status.OK, f"can write to {folder}")
    advice = f"Give yourself the right to write there (ls -ld {folder}), or choose another folder"
    return Finding(check, Status.PROBLEM, f"cannot write to {folder}: {error}", f"{advice}: pipeline.root or TMPDIR.")


def check_gpus(gpus: Gpus, cuda_packages: Sequence[str], tensorflow_version: str) -> Finding:
    """A warning where there are GPUs that training will not use.

    Args:
      gpus: the devices, and what the driver says of them.
      cuda_packages: CUDA libraries installed as Python packages.
      tensorflow_version: the installed one, for the advice; empty if there is none.
    """
    if not gpus.devices:
        return Finding("gpus", Status.OK, "none: training uses the CPUs")
    if not gpus.names:
        seen = f"{len(gpus.devices)} device(s) ({', '.join(gpus.devices)}), but the driver does not answer"
        return Finding("gpus", Status.WARNING, seen, f"Training will use the CPUs. nvidia-smi says: {gpus.error}")
    seen = ", ".join(gpus.names)
    if cuda_packages:
        return Finding("gpus", Status.OK, seen)
    advice = (
        "Training will use the CPUs unless the CUDA libraries are installed on the system; to install them here: "
        f".venv/bin/pip install 'tensorflow[and-cuda]=={tensorflow_version}'"
    )
    return Finding("gpus", Status.WARNING, f"{seen}; no CUDA libraries among the packages", advice)


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.1f} GiB"
