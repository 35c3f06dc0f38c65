import pytest

from components.errors import BadData, GateRefused
from models.tabular_text.errors import TrainingDiverged, UntrainableData
from pipeline.launch import NodeOutcome, describe_failure


def failure_of(error):
    try:
        raise error
    except Exception as caught:
        return describe_failure(caught)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadData("row 3 is short"), "data"),
        (UntrainableData("one class only"), "data"),
        (GateRefused("anomaly in vine"), "gate"),
        (TrainingDiverged("loss is NaN"), "other"),
    ],
)
def test_our_own_errors_are_shown_by_their_message(error, kind):
    failure = failure_of(error)
    assert (failure.kind, failure.message) == (kind, str(error))


def test_our_own_error_is_found_behind_what_wraps_it():
    try:
        try:
            raise BadData("row 3 is short")
        except BadData as error:
            raise RuntimeError("while running a step") from error
    except RuntimeError as wrapped:
        assert describe_failure(wrapped).kind == "data"


def test_other_errors_name_their_type_and_the_line_of_our_code():
    failure = failure_of(ZeroDivisionError("division by zero"))
    assert failure.message == "ZeroDivisionError: division by zero"
    assert "test_launch.py" in failure.where
    assert "raise error" in failure.where


def test_a_killed_process_suggests_memory():
    killed = NodeOutcome.died("Trainer", "killed by SIGKILL").failure
    crashed = NodeOutcome.died("Trainer", "killed by SIGSEGV").failure
    assert "ran out of memory" in killed.message
    assert "ran out of memory" not in crashed.message
