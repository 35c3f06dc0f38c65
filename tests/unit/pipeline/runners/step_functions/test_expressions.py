import pytest

from pipeline.jobs import Join, Parameter, RunId, Unique
from pipeline.runners.step_functions.expressions import intrinsic, template


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "'plain'"),
        ("it's", r"'it\'s'"),
        ("a\\b", r"'a\\b'"),
        ('{"A": 1}', r"""'\{"A": 1\}'"""),
        (RunId(), "$.run.run_id"),
        (Parameter("day"), "States.Format('{}', $.run.day)"),
        (Join(("day=", Parameter("day"))), "States.Format('day={}', $.run.day)"),
        (Join(("{a}", RunId())), r"States.Format('\{a\}{}', $.run.run_id)"),
        (Join(("p-", Unique())), "States.Format('p-{}', States.UUID())"),
    ],
)
def test_symbols_are_intrinsic_functions_and_texts_are_literals(value, expected):
    assert intrinsic(value) == expected


def test_a_list_with_a_symbol_is_an_array_and_one_without_stays_a_list():
    assert template({"Words": ["a", RunId()], "Plain": ["a", {"Name": RunId()}]}) == {
        "Words.$": "States.Array('a', $.run.run_id)",
        "Plain": ["a", {"Name.$": "$.run.run_id"}],
    }
