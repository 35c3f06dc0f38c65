"""An error comes out of another process as it went in."""

import pickle

import pytest

from models.tabular_text.errors import BadSettings
from pipeline import errors


@pytest.mark.parametrize("kind", [errors.NodeFailed, errors.DataRefused, errors.GateRefusedRun])
def test_a_nodes_failure_keeps_message_node_and_log(kind):
    found = pickle.loads(
        pickle.dumps(kind("Trainer: no rows\nat all", node_id="Trainer", log_file="/logs/Trainer.log"))
    )
    assert type(found) is kind
    assert str(found) == "Trainer: no rows\nat all"
    assert (found.node_id, found.log_file) == ("Trainer", "/logs/Trainer.log")


def test_an_interruption_keeps_its_run():
    found = pickle.loads(pickle.dumps(errors.RunInterrupted("Run 'a' was interrupted.", run_id="a")))
    assert (str(found), found.run_id) == ("Run 'a' was interrupted.", "a")


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.UnsupportedByRunner, BadSettings])
def test_a_list_of_problems_stays_a_list(kind):
    found = pickle.loads(pickle.dumps(kind(["epochs is 0.", "seed is -1."])))
    assert type(found) is kind
    assert list(found.problems) == ["epochs is 0.", "seed is -1."]
    assert str(found) == "epochs is 0.\nseed is -1."


@pytest.mark.parametrize("kind", [errors.NotFound, errors.StoreBusy])
def test_a_plain_error_keeps_its_message(kind):
    found = pickle.loads(pickle.dumps(kind("no such run")))
    assert (type(found), str(found)) == (kind, "no such run")
