"""Tests do not depend on the variables and signals of whoever runs them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from surroundings import without_whoever_runs_us

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_settings_of_accounts_and_terminals_are_forgotten_and_others_stay() -> None:
    given = {
        "AWS_PROFILE": "mine",
        "PENSTOCK_CONFIG": "x",
        "TF_CONFIG": "{}",
        "COLUMNS": "9",
        "GIT_DIR": "/x",
        "A": "b",
    }
    kept = without_whoever_runs_us(given)
    assert kept["A"] == "b"
    assert not kept.keys() & (given.keys() - {"A"})


def test_nothing_on_this_machine_is_asked_for_through_a_proxy() -> None:
    kept = without_whoever_runs_us({"http_proxy": "http://proxy", "no_proxy": "intranet"})
    assert kept["http_proxy"] == "http://proxy"
    assert kept["no_proxy"].split(",")[:2] == ["intranet", "127.0.0.1"]
    assert kept["NO_PROXY"].split(",")[0] == "127.0.0.1"


def test_they_are_settled_here_and_in_a_process_that_was_started_with_interrupts_ignored() -> None:
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"
    program = "import signal, surroundings; surroundings.settle(); print(signal.getsignal(signal.SIGINT))"
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=FIXTURES,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert "default_int_handler" in answer.stdout
