import errno
import os
import subprocess
import sys

import pytest
from command_line import penstock as penstock_here

from pipeline.cli.app import main
from pipeline.storage.errors import NotPublished, NotReached

SMALLEST = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "penstock.yaml").write_text(SMALLEST)
    return tmp_path


def in_a_process(folder, *arguments):
    command = [sys.executable, "-m", "pipeline.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def test_the_process_ends_with_the_exit_code_and_without_a_traceback(folder):
    done, refused = in_a_process(folder, "runs"), in_a_process(folder, "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert refused.returncode == 4
    assert "customers.csv" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["run", "--config", "other.yaml"], 2, "other.yaml: there is no such configuration file"),
        (["run", "--set", "trainig.epochs=1"], 2, "Did you mean 'training'?"),
        (["run", "--runner", "locla"], 2, "Did you mean 'local'?"),
        (["run", "--runner", "sagemaker"], 2, "penstock run carries runs out on this machine"),
        (["run", "--param", "x"], 2, "expected NAME=VALUE"),
        (["compile", "--runner", "sagemakr"], 2, "Did you mean 'sagemaker'?"),
        (["compile"], 2, "--runner"),
        (["run"], 4, "customers.csv"),
        (["run", "--resume"], 2, "There are no runs"),
        (["run", "--resume", "r9"], 2, "no run 'r9'"),
        (["run", "--only", "Trainer", "--from", "Trainer"], 2, "--only and --from contradict each other"),
        (["run", "--base", "r9"], 2, "--from or --only start with"),
        (["run", "--from", "Trainer", "--base", "r9"], 2, "no run 'r9'"),
        (["run", "--max-workers", "0"], 2, "max-workers"),
        (["try", "Trainer"], 2, "There are no runs"),
        (["plan"], 4, "customers.csv"),
        (["show"], 2, "There are no runs"),
        (["show", "r9"], 2, "no run 'r9'"),
        (["schema", "diff"], 2, "There are no runs"),
        (["sample-data", "--rows", "0"], 2, "rows is 0"),
    ],
)
def test_a_users_mistake_is_a_message_and_an_exit_code(folder, arguments, exit_code, words):
    result = penstock_here(folder, *arguments)
    assert result.returncode == exit_code, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("error", "code"), [(NotReached("s3://b/k: no."), 9), (NotPublished("s3://b/k: none."), 4)])
def test_what_s3_refuses_is_a_platforms_refusal_and_what_is_not_there_is_missing_data(monkeypatch, capsys, error, code):
    def fail(**_):
        raise error

    monkeypatch.setattr("pipeline.cli.app.app", fail)
    monkeypatch.setattr("sys.argv", ["penstock", "submit"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert capsys.readouterr().err == f"{error}\n"


def test_no_runs_is_no_error(folder):
    result = penstock_here(folder, "runs")
    assert result.returncode == 0
    assert "There are no runs yet" in result.stdout


def test_sample_data_says_what_is_reachable(folder):
    result = penstock_here(folder, "sample-data", "--rows", "100", "--output", "few.csv", "--broken-rows", "3")
    assert result.returncode == 0, result.stderr
    assert "100 reviews and 3 broken ones" in result.stdout
    assert "Best reachable accuracy 0.8" in result.stdout
    assert (folder / "few.csv").read_text(errors="replace").count("\n") == 104


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "ask its owner for the right"),
        (errno.EROFS, "name another place"),
        (errno.ENOSPC, "Free some space (penstock gc"),
    ],
)
def test_an_error_of_the_operating_system_says_what_to_do(monkeypatch, capsys, number, words):
    def fail(**_):
        raise OSError(number, os.strerror(number), "registry/.lock")

    monkeypatch.setattr("pipeline.cli.app.app", fail)
    monkeypatch.setattr("sys.argv", ["penstock", "models"])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.startswith(f"registry/.lock: {os.strerror(number)}. ")
    assert words in said
