import pyarrow as pa
import pytest
from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

from components.arrow_example_gen.encode import encode_examples, in_order

ROWS = 50
COLUMNS = {
    **{f"number_{i}": pa.array([i * row for row in range(ROWS)], pa.int64()) for i in range(12)},
    "short": pa.array([b"x" * row for row in range(ROWS)], pa.binary()),
    "long": pa.array([b"\n\x0a" * 90 * row for row in range(ROWS)], pa.binary()),
    "very_long": pa.array([b"y" * (20_000 + row) for row in range(ROWS)], pa.binary()),
    "k" * 300: pa.array([float(row) for row in range(ROWS)], pa.float32()),
    "missing": pa.array([None if row % 3 else row for row in range(ROWS)], pa.int64()),
    "lists": pa.array([list(range(row % 4)) for row in range(ROWS)], pa.list_(pa.int64())),
}


def rows_of(examples):
    """The examples as a table, columns by name, by tfx_bsl's decoder."""
    table = pa.Table.from_batches([ExamplesToRecordBatchDecoder(None).DecodeBatch(examples)])
    return table.select(sorted(table.column_names)).to_pylist()


def test_equal_rows_make_equal_bytes():
    first = encode_examples(COLUMNS)
    for _ in range(3):
        assert encode_examples(COLUMNS) == first
    assert encode_examples(dict(reversed(COLUMNS.items()))) == first


def test_nothing_is_lost_by_the_order():
    rows = rows_of(encode_examples(COLUMNS))
    for row, found in enumerate(rows):
        assert found["very_long"] == [b"y" * (20_000 + row)]
        assert found["long"] == [b"\n\x0a" * 90 * row]
        assert found["number_7"] == [7 * row]
        assert found["k" * 300] == [row]
        assert found["missing"] == (None if row % 3 else [row])
        assert found["lists"] == list(range(row % 4))


@pytest.mark.parametrize("example", [b"", b"\n\x00"])
def test_an_example_without_features_stays_as_it_is(example):
    assert in_order(example) == example
