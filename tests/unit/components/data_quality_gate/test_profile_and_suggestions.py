import math

import pyarrow as pa
import pytest

from components.data_quality_gate.columns import readable
from components.data_quality_gate.profile import TableProfile
from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suggestions import suggest


def profiled(*batches):
    profile = TableProfile()
    for columns in batches:
        profile.add(readable(pa.record_batch(columns)))
    return profile


def proposed(profile):
    return [item.constraint for item in suggest(profile)]


def test_a_profile_counts_values_gaps_and_numbers():
    profile = profiled(
        {"x": pa.array([1, 3, None], pa.int64()), "s": pa.array([b"ab", b"ab", b""])},
        {"s": pa.array([None, b"abcd"])},
    )
    columns = profile.to_json()["columns"]
    assert columns["x"] == {
        "rows": 5, "missing": 3, "completeness": 0.4, "kind": "whole", "distinct": 2,
        "number": {"minimum": 1, "maximum": 3, "mean": 2, "standard_deviation": math.sqrt(2)},
    }  # fmt: skip
    assert (columns["s"]["missing"], columns["s"]["distinct"], columns["s"]["length"]["maximum"]) == (1, 3, 4)


def test_a_column_that_begins_late_missed_before():
    profile = profiled({"a": pa.array([1])}, {"a": pa.array([2]), "b": pa.array([1])})
    assert (profile.columns["b"].rows, profile.columns["b"].missing) == (2, 1)


def test_infinite_numbers_leave_a_document_without_them():
    number = profiled({"x": pa.array([1.0, math.inf])}).to_json()["columns"]["x"]["number"]
    assert number == {"minimum": 1, "maximum": None, "mean": None, "standard_deviation": None}


def test_long_texts_and_many_values_are_not_kept():
    profile = profiled(
        {"prose": pa.array([b"x" * 101, b"a"]), "many": pa.array(range(2))}, {"many": pa.array(range(200))}
    )
    assert profile.columns["prose"].values is None
    assert profile.columns["many"].values is None


ROWS = 1000
TABLE = {
    "id": pa.array([f"{n}".encode() for n in range(ROWS)]),
    "code": pa.array([b"x" if n % 4 else b"y" for n in range(ROWS)]),
    "rare": pa.array([b"z" if n == 7 else b"y" for n in range(ROWS)]),
    "some": pa.array([n / 8 if n % 10 else None for n in range(ROWS)], pa.float32()),
    "signed": pa.array([n - 5 for n in range(ROWS)], pa.int64()),
    "seldom": pa.array([1 if n % 3 == 0 else None for n in range(ROWS)], pa.int64()),
}


@pytest.fixture(scope="module")
def found():
    return proposed(profiled(TABLE))


def test_what_the_data_keeps_to_is_proposed(found):
    for constraint in (
        Constraint("size", min=500),
        Constraint("completeness", column="id"),
        Constraint("uniqueness", columns=("id",)),
        Constraint("allowed_values", column="code", values=("x", "y")),
        Constraint("minimum", column="some", min=0),
        # 0.9 seen; three standard errors are 3 * sqrt(0.9 * 0.1 / 1000) = 0.0285, so 0.8715, in whole percent 0.87
        Constraint("completeness", column="some", min=0.87),
    ):
        assert constraint in found


def test_what_chance_may_have_made_is_not_proposed(found):
    assert not [item for item in found if item.kind == "allowed_values" and item.column == "rare"]
    assert not [item for item in found if item.kind == "minimum" and item.column == "signed"]
    assert not [item for item in found if item.column == "seldom" and item.kind == "completeness"]
    assert Constraint("uniqueness", columns=("code",)) not in found


def test_of_few_rows_nothing_is_proposed():
    assert proposed(profiled({"x": pa.array(range(99))})) == []


def test_one_repeat_makes_no_identifier():
    ids = [*range(ROWS - 1), 0]
    assert Constraint("uniqueness", columns=("x",)) not in proposed(profiled({"x": pa.array(ids)}))
    halves = profiled({"x": pa.array(ids[:500])})
    halves.join(profiled({"x": pa.array(ids[500:])}))
    assert Constraint("uniqueness", columns=("x",)) not in proposed(halves)
