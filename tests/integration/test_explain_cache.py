"""`penstock explain-cache` as a user calls it, on runs that exist."""

import json

import pytest
from projects import completed

pytestmark = pytest.mark.integration


def test_a_run_tells_afterwards_what_it_took_and_what_it_did_not(two_runs):
    text = completed(two_runs.penstock("explain-cache", "--run", "second"), 0)
    assert "data file 'span-2/reviews.tsv' is new" in text
    assert "custom_config.training.epochs: 4 → 5" in text
    assert "input 'examples': bytes changed" in text
    assert "latest_blessed_model  always runs" in text
    first = completed(two_runs.penstock("explain-cache", "--run", "first"), 0)
    assert "it has not succeeded before" in first


def test_other_programs_get_a_line_of_json_for_each_node(two_runs):
    text = completed(two_runs.penstock("explain-cache", "Trainer", "--run", "second", "--json"), 0)
    explanation = json.loads(text)
    assert (explanation["node_id"], explanation["verdict"]) == ("Trainer", "miss")
    epochs = next(change for change in explanation["changes"] if change["name"].endswith("training.epochs"))
    assert (epochs["old"], epochs["new"]) == (4, 5)


def test_an_unknown_node_or_run_is_an_answer_not_a_traceback(two_runs):
    refused = two_runs.penstock("explain-cache", "Trainr", "--run", "second")
    assert refused.returncode == 2
    assert "Did you mean 'Trainer'?" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert two_runs.penstock("explain-cache", "--run", "nothing").returncode == 2
