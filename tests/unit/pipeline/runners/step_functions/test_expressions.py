import pytest

from pipeline.jobs import Join, Parameter, RunId, Unique
from pipeline.runners.step_functions.expressions import intrinsic, template, texts_in


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "'plain'"),
        (RunId(), "$.run.run_id"),
        (Parameter("day"), "States.Format('{}', $.run.day)"),
        (Join(("day=", Parameter("day"))), "States.Format('day={}', $.run.day)"),
        (Join(("p-", Unique())), "States.Format('p-{}', States.UUID())"),
    ],
)
def test_symbols_are_intrinsic_functions_and_texts_are_literals(value, expected):
    assert intrinsic(value) == expected


@pytest.mark.parametrize("text", ["it's", "a\\b", '{"A": 1}'])
def test_what_no_literal_can_hold_is_named_by_a_path(text):
    words = ["--caching", text, RunId()]
    ((name, found),) = texts_in({"Words": words, "Plain": [text]})
    assert found == text
    assert template({"Words": words}) == {"Words.$": f"States.Array('--caching', $.texts.{name}, $.run.run_id)"}
    with pytest.raises(ValueError, match="cannot be part of a joined text"):
        intrinsic(Join((text, RunId())))


def test_a_list_with_a_symbol_is_an_array_and_one_without_stays_a_list():
    assert template({"Words": ["a", RunId()], "Plain": ["a", {"Name": RunId()}]}) == {
        "Words.$": "States.Array('a', $.run.run_id)",
        "Plain": ["a", {"Name.$": "$.run.run_id"}],
    }
