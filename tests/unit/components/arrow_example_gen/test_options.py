"""ReadOptions travel as JSON and refuse nonsense."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arrow_example_gen.options import ReadOptions
from models.tabular_text.features import DType

OPTIONS = st.builds(
    ReadOptions,
    format=st.sampled_from(["auto", "csv", "tsv", "parquet", "tfrecord"]),
    column_types=st.dictionaries(st.text(), st.sampled_from(list(DType))),
    expected_types=st.dictionaries(st.text(), st.sampled_from(list(DType))),
    planned_rows=st.none() | st.integers(1, 2**50),
    label=st.none() | st.text(),
    label_is_categorical=st.sampled_from([None, True, False]),
    on_bad_rows=st.sampled_from(["fail", "quarantine"]),
    max_bad_fraction=st.floats(0, 1),
    null_values=st.lists(st.text()).map(tuple),
    number_null_values=st.lists(st.text()).map(tuple),
)


@given(options=OPTIONS)
def test_json_round_trip_keeps_everything(options):
    assert ReadOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_every_bad_value_is_named_at_once():
    with pytest.raises(ValueError, match=r"format is 'xls'.*on_bad_rows is 'ignore'.*max_bad_fraction is 2"):
        ReadOptions(format="xls", on_bad_rows="ignore", max_bad_fraction=2)


def test_what_the_user_declares_is_not_the_schemas_word():
    options = ReadOptions(column_types={"a": DType.STRING}, expected_types={"a": DType.INT64, "b": DType.INT64})
    assert [options.is_expected(name) for name in "abc"] == [False, True, False]
