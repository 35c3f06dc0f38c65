import os
import pty
import subprocess
import sys

import pytest
from command_line import penstock as penstock_here

from pipeline.run_store import NodeRecord, RunRecord, RunStore

CONFIG = "pipeline: {name: churn, root: root}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"
HOSTILE = b"fine\n\x1b[2J\x1b]0;owned\x07 <script> \xff\n\ttab 50%\r100%\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "penstock.yaml").write_text(CONFIG)
    store = RunStore(tmp_path / "root")
    record = RunRecord(
        "r1", "churn", "FAILED", "2026-01-01T00:00:00+00:00", None, 1, "digest", ("Transform", "Trainer")
    )
    record = record.with_node(NodeRecord("Transform", "FAILED", attempt=2))
    store.write(record.with_node(NodeRecord("Trainer", "NOT_RUN", failure="Transform failed")))
    (store.run_folder("r1") / "logs").mkdir()
    store.log_path("r1", "Transform", 1).write_bytes(b"first\n")
    store.log_path("r1", "Transform", 2).write_bytes(HOSTILE)
    return tmp_path


def penstock(folder, *arguments):
    return penstock_here(folder, "logs", *arguments)


def test_in_a_pipe_a_log_is_what_was_written_but_for_bytes_that_are_no_text(project):
    command = [sys.executable, "-m", "pipeline.cli", "logs", "Transform"]
    result = subprocess.run(command, cwd=project, capture_output=True, timeout=6000, check=True)
    assert result.stdout == HOSTILE.replace(b"\xff", "\ufffd".encode())


def test_on_a_terminal_nothing_in_a_log_is_obeyed(project):
    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "pipeline.cli", "logs", "Transform"]
    subprocess.run(command, cwd=project, stdout=writer, timeout=600, check=True)
    os.close(writer)
    text = os.read(reader, 65536).replace(b"\r\n", b"\n")
    os.close(reader)
    assert text.decode() == "fine\n␛[2J␛]0;owned␇ <script> \ufffd\n\ttab 50%\n100%\n"


def test_an_earlier_attempt_and_the_end_of_a_log(project):
    assert penstock(project, "Transform", "--attempt", "1").stdout_bytes == b"first\n"
    assert penstock(project, "Transform", "--tail", "1").stdout_bytes == b"\ttab 50%\r100%\n"


def test_without_a_node_the_log_files_are_listed(project):
    lines = penstock(project).stdout.splitlines()
    assert lines[0].split() == ["node", "attempt", "state", "size", "where"]
    assert lines[1].split()[:3] == ["Transform", "1", "earlier"]
    assert lines[2].split()[:5] == ["Transform", "2", "failed", "0.0", "KiB"]
    assert lines[2].endswith("root/runs/r1/logs/Transform.2.log")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["transfrom"], "Did you mean 'Transform'?"),
        (["Trainer"], "not run (Transform failed)"),
        (["Trainer", "--follow"], "not run (Transform failed)"),
        (["Transform", "--attempt", "3"], "there is a log of: 1, 2"),
        (["--follow", "--tail", "3"], "--follow is for one node"),
        (["Transform", "--follow", "--attempt", "1"], "contradicts"),
        (["--run", "r9"], "no run 'r9'"),
    ],
)
def test_a_users_mistake_is_a_message_and_exit_code_2(project, arguments, said):
    result = penstock(project, *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_what_can_be_read_without_tensorflow_is(project):
    command = [sys.executable, "-X", "importtime", "-m", "pipeline.cli", "logs", "Transform"]
    result = subprocess.run(command, cwd=project, capture_output=True, timeout=600, check=True)
    assert not [line for line in result.stderr.splitlines() if line.strip().endswith((b"tensorflow", b" rich", b"tfx"))]
