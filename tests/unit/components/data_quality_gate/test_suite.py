"""However the rows are cut into batches and joined, the same is measured as of all of them at once."""

import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data_quality_gate.measured import measured_of
from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suite import SuiteState, measure_here

CONSTRAINTS = (
    Constraint("size", min=0),
    Constraint("size", min=0, where="n > 0"),
    Constraint("completeness", column="n"),
    Constraint("completeness", column="absent"),
    Constraint("uniqueness", columns=("s",)),
    Constraint("uniqueness", columns=("s", "n"), where="n < 3"),
    Constraint("compliance", expression="n <= x or s == 'a'"),
    Constraint("allowed_values", column="s", values=("a", "b")),
    Constraint("pattern", column="s", regex="[ab]*"),
    Constraint("foreign_key", column="n", references="x"),
    Constraint("minimum", column="x", min=0),
    Constraint("maximum", column="x", max=0),
    Constraint("mean", column="n", min=0),
    Constraint("standard_deviation", column="x", min=0),
    Constraint("quantile", column="x", quantile=0.3, min=0),
    Constraint("correlation", columns=("n", "x"), min=0),
    Constraint("mean", column="s", min=0),  # of text: a problem, wherever it is met
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-4, 4),
        st.none() | st.floats(-4, 4, width=16) | st.just(math.nan),
        st.none() | st.sampled_from([b"a", b"b", b"ab", b"\xff"]),
    ),
    max_size=40,
)
CUTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=5)


def table(rows):
    n, x, s = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"n": pa.array(n, pa.int64()), "x": pa.array(x, pa.float32()), "s": pa.array(s, pa.large_binary())}
    return pa.record_batch(columns)


def answers(state):
    found = [
        (item.value if item.value is None else round(item.value, 9), item.rows, item.problem, item.sample)
        for item in measured_of(state, None, list)
        if item.constraint.kind not in ("uniqueness", "foreign_key")
    ]
    keys = [
        state.keys.count(index, references=item.kind == "foreign_key")[:2]
        for index, item in enumerate(CONSTRAINTS)
        if item.kind in ("uniqueness", "foreign_key")
    ]
    return found, keys, state.rows, {name: vars_of(column) for name, column in state.profile.columns.items()}


def vars_of(column):
    return (column.rows, column.missing, column.kind, column.values, column.numbers.rows, column.lengths.rows)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cuts=CUTS)
def test_batches_joined_in_any_order_measure_what_all_rows_at_once_do(tmp_path_factory, rows, cuts):
    folder = str(tmp_path_factory.mktemp("keys"))
    whole = measure_here([("train", table(rows))], CONSTRAINTS, 5, folder)
    workers = [SuiteState.empty(CONSTRAINTS, 5, folder) for _ in range(3)]
    begin = 0
    for end, worker in [*sorted((min(end, len(rows)), worker) for end, worker in cuts), (len(rows), 0)]:
        workers[worker].add("train", table(rows[begin:end]))
        begin = end
    joined = SuiteState.empty(CONSTRAINTS, 5, folder)
    for worker in (workers[2], workers[0], workers[1]):
        joined.join(worker)
    assert answers(joined) == answers(whole)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_shares_are_what_a_loop_over_the_rows_counts(tmp_path_factory, rows):
    state = measure_here([("train", table(rows))], CONSTRAINTS, 5, str(tmp_path_factory.mktemp("keys")))
    value = {item.constraint.name: item.value for item in measured_of(state, None, lambda: [("train", table(rows))])}
    texts = [s for _, _, s in rows if s is not None]
    some = Counter(texts)
    assert value["uniqueness(s)"] == (sum(some[s] == 1 for s in texts) / len(texts) if texts else None)
    assert value["allowed_values(s)"] == (sum(s in (b"a", b"b") for s in texts) / len(texts) if texts else None)
    assert value["completeness(n)"] == (sum(n is not None for n, _, _ in rows) / len(rows) if rows else None)
    assert value["size(where n > 0)"] == sum(n is not None and n > 0 for n, _, _ in rows)
    known = {x for _, x, _ in rows if x is not None}
    whole = [n for n, _, _ in rows if n is not None]
    assert value["foreign_key(n in x)"] == (sum(n in known for n in whole) / len(whole) if whole else None)


def test_rows_that_break_a_constraint_are_kept_with_their_split(tmp_path):
    rows = [(n, None, b"a") for n in range(-4, 5)]
    wrong = (Constraint("compliance", expression="n < 3"),)
    state = measure_here([("train", table(rows[:8])), ("eval", table(rows[8:]))], wrong, 5, str(tmp_path))
    shown = sorted((item["row"]["n"], item["split"]) for item in state.sample(0))
    assert shown == [(3, "train"), (4, "eval")]


@pytest.mark.parametrize("sample_rows", [0, 3])
def test_no_more_rows_are_kept_than_asked_for_and_equal_rows_once(tmp_path, sample_rows):
    rows = [(n % 4, None, None) for n in range(40)]
    wrong = (Constraint("compliance", expression="n < 0"),)
    state = measure_here([("train", table(rows))], wrong, sample_rows, str(tmp_path))
    assert len({item["row"]["n"] for item in state.sample(0)}) == len(state.sample(0)) == sample_rows


def test_repeated_keys_are_shown_with_how_often_they_occur(tmp_path):
    batches = [("train", table([(1, None, b"\xff"), (2, None, b"a")])), ("eval", table([(3, None, b"\xff")]))]
    state = measure_here(batches, (Constraint("uniqueness", columns=("s",)),), 5, str(tmp_path))
    (found,) = measured_of(state, None, lambda: batches)
    assert (found.value, found.rows) == (1 / 3, 3)
    assert found.sample == [{"split": "train", "row": {"n": 1, "s": "\\xff"}, "times": 2}]


def test_what_cannot_be_measured_says_why_and_stops_nothing_else(tmp_path):
    constraints = (Constraint("compliance", expression="s > 3"), Constraint("size", min=1))
    state = measure_here([("train", table([(1, 1, b"a")]))], constraints, 5, str(tmp_path))
    broken, size = measured_of(state, None, list)
    assert "'s > 3' does not fit the columns' types" in broken.problem
    assert size.value == 1
