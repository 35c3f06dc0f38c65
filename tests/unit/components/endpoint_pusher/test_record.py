import pytest

from components.endpoint_pusher.record import NothingBefore, is_on_record, previous
from components.ledger.ledger import Entry


def entries(*steps):
    """Of `deployed a`, `rolled_back a`, …"""
    kinds = [step.split() for step in steps]
    return [Entry(n, "", kind, {"config": config}, "") for n, (kind, config) in enumerate(kinds, start=1)]


def test_each_rollback_goes_one_further_back():
    record = entries("deployed a", "deployed b", "deployed c")
    assert previous(record, "e", "c").content["config"] == "b"
    record += entries("rolled_back b")
    assert previous(record, "e", "b").content["config"] == "a"


def test_what_was_rolled_back_is_not_what_was_there_before():
    record = entries("deployed a", "deployed b", "rolled_back a", "deployed c")
    assert previous(record, "e", "c").content["config"] == "a"


def test_failures_traffic_and_repetitions_are_no_step():
    record = entries("deployed a", "failed b", "deployed b", "traffic b", "deployed b")
    assert previous(record, "e", "b").content["config"] == "a"


@pytest.mark.parametrize(
    ("steps", "now", "words"),
    [
        (["deployed a"], "a", "first configuration"),
        (["deployed a", "deployed b"], "x", "somebody"),
        ([], "x", "nothing"),
    ],
)
def test_without_a_way_back_nothing_is_changed(steps, now, words):
    with pytest.raises(NothingBefore, match=words):
        previous(entries(*steps), "e", now)


def test_a_deployment_that_was_killed_after_its_entry_gets_no_second_one():
    record = entries("deployed a", "deployed b", "traffic b", "failed c")
    assert is_on_record(record, "deployed", "b")
    assert not is_on_record(record, "deployed", "a")
    assert not is_on_record(record + entries("rolled_back a"), "deployed", "a")
