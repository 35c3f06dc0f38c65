"""The self-test's single checks; the whole of it runs in tests/integration/test_self_test.py."""

import pytest

from pipeline.doctor.findings import Finding, Status
from pipeline.launch import self_test as module
from pipeline.launch.self_test import gpu_finding, imported, lock_is_there


@pytest.mark.parametrize(
    ("devices", "seen", "status"),
    [(0, [], "ok"), (1, ["/physical_device:GPU:0"], "ok"), (1, [], "problem"), (0, ["GPU:0"], "ok")],
)
def test_gpus_that_tensorflow_does_not_see_are_a_problem(devices, seen, status):
    assert gpu_finding(devices, seen).status == status


def test_a_module_that_is_not_there_or_breaks_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("raise OSError('libcuda.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert imported("json").status is Status.OK
    assert "No module named 'no_such_module'" in imported("no_such_module").seen
    assert "libcuda.so.1" in imported("broken_library").seen


def test_an_image_without_its_lock_is_a_problem(tmp_path):
    (found,) = lock_is_there(tmp_path)
    assert (found.status, found.seen) == (Status.PROBLEM, f"no requirements.lock in {tmp_path}")
    (tmp_path / "requirements.lock").write_text("")
    assert list(lock_is_there(tmp_path)) == []


def test_one_problem_among_the_findings_is_exit_code_1_with_its_reason(monkeypatch, capsys):
    fine = Finding("python", Status.OK, "3.11.9")
    monkeypatch.setattr(module, "_findings", lambda _: iter([fine]))
    assert module.self_test({}) == 0
    broken = Finding("s3", Status.PROBLEM, "not ours", "Look there.")
    monkeypatch.setattr(module, "_findings", lambda _: iter([fine, broken]))
    assert module.self_test({}) == 1
    said = capsys.readouterr()
    assert said.err == "s3: not ours. Look there.\n"
    assert (
        said.out.splitlines()[-1] == '{"advice": "Look there.", "check": "s3", "seen": "not ours", "status": "problem"}'
    )
