"""Types come from all values and do not depend on their order or on the batches they arrive in."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arrow_example_gen.inference import ColumnEvidence
from components.arrow_example_gen.options import ReadOptions
from models.tabular_text.features import DType

PLAIN = ("", "NA", "0", "-5", "17", "9223372036854775807", "1234567890123456789", "1.5", "-.5", "1e5", " 3 ", "5.")
TRICKY = ("007", "+49", "0x1F", "inf", "nan", "-0", "word", "12345678901234567890", "9999999999999999999", "-007")
CELLS = st.sampled_from([*PLAIN, *TRICKY])


def inferred(cells: list[str], batch_size: int) -> DType:
    evidence = ColumnEvidence(ReadOptions())
    for start in range(0, len(cells), batch_size):
        evidence.observe(pa.array(cells[start : start + batch_size], pa.string()), is_text=True)
    return evidence.dtype


def by_hand(cells: list[str]) -> DType:
    """The documented rule, value by value, without arrow."""
    values = [c for c in cells if c not in ("", *ReadOptions().number_null_values)]
    if not values or any(re.fullmatch(r"\s*(\+.*|-?0\d.*|-?\d{20,}\s*|-?[A-Za-z].*|0x.*)", v) for v in values):
        return DType.STRING
    if all(re.fullmatch(r"\s*(0|-?[1-9]\d*)\s*", v) and -(2**63) <= int(v) < 2**63 for v in values):
        return DType.INT64
    return DType.FLOAT32


@given(cells=st.lists(CELLS), batch_size=st.integers(1, 5))
def test_the_type_depends_on_the_values_alone(cells, batch_size):
    assert inferred(cells, batch_size) == by_hand(cells)


@pytest.mark.parametrize("code", ["007", "+4930123456", "12345678901234567890"])
def test_codes_stay_text(code):
    assert inferred(["1", "2", code], 2) is DType.STRING


def test_na_is_missing_among_numbers_and_data_among_words():
    assert inferred(["1", "NA"], 2) is DType.INT64
    assert inferred(["NA", "DE"], 2) is DType.STRING


def test_types_of_typed_columns_are_merged_and_conflicts_named():
    evidence = ColumnEvidence(ReadOptions())
    evidence.observe(pa.array([1]), is_text=False)
    evidence.observe(pa.array([1.5]), is_text=False)
    assert (evidence.dtype, evidence.conflict) == (DType.FLOAT32, None)
    evidence.observe(pa.array(["a"]), is_text=False)
    assert evidence.conflict == "float32 and int64 and string"
