import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ConfigError
from pipeline.reviewing.delimited_copy import Change
from pipeline.reviewing.parquet_copy import copy_parquet

DAY = datetime.date(2020, 2, 29)
TABLE = pa.table(
    {
        "code": pa.array(["007", None, "", "x"]),
        "price": pa.array([1.1, None, 2.5, -0.0], pa.float64()),
        "day": pa.array([DAY, None, DAY, DAY]),
        "tags": pa.array([["a", "b"], [], None, ["c"]]),
        "kind": pa.array(["k", "k", None, "l"]).dictionary_encode(),
        "y": pa.array([1, 2, 1, 2], pa.int32()),
    }
).replace_schema_metadata({"made by": "somebody"})


@pytest.fixture
def source(tmp_path):
    pq.write_table(TABLE, tmp_path / "in.parquet", row_group_size=2, compression="ZSTD")
    return tmp_path / "in.parquet"


def copied(source, change):
    target = source.with_name("out.parquet")
    counts = copy_parquet(str(source), str(target), change)
    return pq.ParquetFile(target), (counts.before, counts.after)


def test_only_the_corrected_labels_change(source):
    file, counts = copied(source, Change("y", {2: "9", 3: "8"}))
    assert file.read().to_pydict() == {**TABLE.to_pydict(), "y": [1, 9, 8, 2]}
    assert file.schema_arrow == pq.ParquetFile(source).schema_arrow
    assert file.schema_arrow.metadata[b"made by"] == b"somebody"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert counts == (4, 4)


def test_rows_are_added_in_the_types_of_the_file(source):
    table = TABLE.drop_columns(["tags"])
    pq.write_table(table, source)
    row = {"code": "008", "price": "0.1", "day": "2021-01-01", "kind": None, "y": "2"}
    file, counts = copied(source, Change("y", {}, added=[row]))
    expected = {"code": "008", "price": 0.1, "day": datetime.date(2021, 1, 1), "kind": None, "y": 2}
    assert file.read().to_pylist() == [*table.to_pylist(), expected]
    assert counts == (4, 5)


def test_only_the_answered_rows_are_kept_on_demand(source):
    file, counts = copied(source, Change("y", {4: "1"}, only={1, 4}))
    assert file.read()["y"].to_pylist() == [1, 1]
    assert counts == (4, 2)


@pytest.mark.parametrize(
    ("column", "label", "expected"),
    [
        (pa.array([True, False]), "false", False),
        (pa.array([1.0, 2.0]), "2.5", 2.5),
        (pa.array(["a", "b"]), "b", "b"),
        (pa.array(["a", "b"]).dictionary_encode(), "c", "c"),
    ],
)
def test_a_class_becomes_a_value_of_the_labels_type(source, column, label, expected):
    pq.write_table(pa.table({"y": column}), source)
    file, _ = copied(source, Change("y", {1: label}))
    assert file.read()["y"].to_pylist() == [expected, column.to_pylist()[1]]


def test_a_value_that_does_not_fit_is_told(source):
    with pytest.raises(ConfigError, match="column 'y' is int32"):
        copied(source, Change("y", {1: "many"}))
