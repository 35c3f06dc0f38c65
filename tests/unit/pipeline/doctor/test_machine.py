"""What doctor says of a machine; measured values are given, except in the tests of the probes."""

from pathlib import Path

import pytest

from pipeline.doctor import machine, probes
from pipeline.doctor.findings import Finding, Status, has_problem, render
from pipeline.doctor.probes import Gpus, MemoryBytes

GIB = 1 << 30


@pytest.mark.parametrize(
    ("version", "status"), [((3, 11, 0), Status.OK), ((3, 10, 9), Status.PROBLEM), ((3, 12, 1), Status.PROBLEM)]
)
def test_only_python_3_11_will_do(version: tuple[int, int, int], status: Status) -> None:
    assert machine.check_python(version).status is status


@pytest.mark.parametrize(
    ("libc", "status"),
    [
        (("glibc", "2.28"), Status.OK),
        (("glibc", "2.36"), Status.OK),
        (("glibc", "2.9"), Status.PROBLEM),  # 9 is less than 28, though not as text
        (("glibc", "2.27"), Status.PROBLEM),
        (("", ""), Status.PROBLEM),
    ],
)
def test_glibc_must_be_what_the_wheels_need(libc: tuple[str, str], status: Status) -> None:
    assert machine.check_platform("Linux", "x86_64", libc).status is status


@pytest.mark.parametrize(("system", "processor"), [("Darwin", "arm64"), ("Linux", "aarch64"), ("Windows", "AMD64")])
def test_other_platforms_have_no_wheels(system: str, processor: str) -> None:
    finding = machine.check_platform(system, processor, ("glibc", "2.36"))
    assert finding.status is Status.PROBLEM
    assert processor in finding.seen


@pytest.mark.parametrize(
    ("available", "status"), [(8 * GIB, Status.OK), (4 * GIB, Status.WARNING), (2 * GIB, Status.PROBLEM)]
)
def test_memory_is_judged_by_what_is_free(available: int, status: Status) -> None:
    finding = machine.check_memory(MemoryBytes(total=64 * GIB, available=available))
    assert finding.status is status
    assert f"{available // GIB}.0 GiB free of 64.0 GiB" in finding.seen


@pytest.mark.parametrize(("free", "status"), [(9 * GIB, Status.OK), (2 * GIB, Status.WARNING), (0, Status.PROBLEM)])
def test_disk_is_judged_by_what_is_free(free: int, status: Status) -> None:
    assert machine.check_disk("disk", Path("/data"), free).status is status


def test_single_cpu_is_a_warning() -> None:
    assert [machine.check_cpus(cpus).status for cpus in (1, 2)] == [Status.WARNING, Status.OK]


def test_folder_that_cannot_be_written_is_a_problem_that_says_why() -> None:
    finding = machine.check_write("root folder", Path("/data"), "Read-only file system")
    assert finding.status is Status.PROBLEM
    assert finding.seen == "cannot write to /data: Read-only file system"
    assert machine.check_write("root folder", Path("/data"), "").status is Status.OK


def test_machine_without_gpus_is_fine() -> None:
    assert machine.check_gpus(Gpus((), ()), [], "2.21.0").status is Status.OK


def test_gpu_that_training_would_use_is_fine() -> None:
    gpus = Gpus(("/dev/nvidia0",), ("NVIDIA H100, 81559 MiB",))
    assert machine.check_gpus(gpus, ["nvidia-cudnn-cu12"], "2.21.0") == Finding("gpus", Status.OK, gpus.names[0])


def test_gpu_without_cuda_libraries_comes_with_the_command_that_installs_them() -> None:
    finding = machine.check_gpus(Gpus(("/dev/nvidia0",), ("NVIDIA H100, 81559 MiB",)), [], "2.21.0")
    assert finding.status is Status.WARNING
    assert "'tensorflow[and-cuda]==2.21.0'" in finding.advice


def test_gpu_whose_driver_does_not_answer_is_a_warning_with_what_it_said() -> None:
    finding = machine.check_gpus(Gpus(("/dev/nvidia0",), (), "driver mismatch"), ["nvidia-cudnn-cu12"], "2.21.0")
    assert finding.status is Status.WARNING
    assert "driver mismatch" in finding.advice


def test_memory_is_what_the_container_allows(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 6291456 kB\n")
    assert probes.probe_memory(tmp_path, tmp_path) == MemoryBytes(8 * GIB, 6 * GIB)
    (tmp_path / "memory.max").write_text("max\n")
    assert probes.probe_memory(tmp_path, tmp_path) == MemoryBytes(8 * GIB, 6 * GIB)
    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{GIB}\n")
    assert probes.probe_memory(tmp_path, tmp_path) == MemoryBytes(4 * GIB, 3 * GIB)


@pytest.mark.parametrize(("quota", "cpus"), [("100000 100000", 1), ("50000 100000", 1)])
def test_cpus_are_what_the_container_allows(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert probes.probe_cpus(tmp_path) == cpus


def test_cpus_without_a_quota_are_those_of_the_process(tmp_path: Path) -> None:
    import os

    (tmp_path / "cpu.max").write_text("max 100000\n")
    expected = len(os.sched_getaffinity(0))
    assert (probes.probe_cpus(tmp_path), probes.probe_cpus(tmp_path / "absent")) == (expected, expected)


def test_gpus_are_the_device_files_with_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probes.probe_gpus(tmp_path) == Gpus((), ())
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no nvidia-smi
    found = probes.probe_gpus(tmp_path)
    assert found.devices == (str(tmp_path / "nvidia0"),)
    assert found.names == ()
    assert "nvidia-smi" in found.error


def test_gpus_are_named_by_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvidia0").touch()
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA H100, 81559 MiB'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert probes.probe_gpus(tmp_path) == Gpus((str(tmp_path / "nvidia0"),), ("NVIDIA H100, 81559 MiB",))


def test_folder_that_does_not_exist_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    wanted = tmp_path / "not" / "yet"
    assert probes.nearest_existing(wanted) == tmp_path
    assert probes.probe_write(wanted) == ""
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert probes.probe_write(tmp_path / "file") == "Not a directory"


def test_finding_that_is_not_fine_must_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="say what to do"):
        Finding("disk", Status.WARNING, "full")


def test_rendered_findings_show_each_advice_below_its_finding() -> None:
    findings = [Finding("cpus", Status.OK, "2"), Finding("disk", Status.PROBLEM, "full", "Free some.")]
    lines = render(findings).splitlines()
    assert [line.split() for line in lines[:2]] == [["ok", "cpus", "2"], ["problem", "disk", "full"]]
    assert lines[2].strip() == "-> Free some."
    assert lines[3] == "1 problem, 0 warnings."


def test_only_problems_make_doctor_fail() -> None:
    warning, problem = Finding("a", Status.WARNING, "b", "c"), Finding("a", Status.PROBLEM, "b", "c")
    assert [has_problem(found) for found in ([], [warning], [warning, problem])] == [False, False, True]
