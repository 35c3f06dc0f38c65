"""A profile says what is in the table, without TensorFlow."""

import pathlib
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.profile import MAX_LISTED_VALUES, ColumnProfile, profile_table
from components.errors import BadData
from models.tabular_text.features import DType

ROOT = pathlib.Path(__file__).resolve().parents[4]


def test_each_column_is_counted(tmp_path):
    lines = ["n,f,city,note,day,none"]
    lines += ["10,1.5,Ulm,one two  three,2024-01-02,", "9,NA,,a,2024-01-02T03:04:05Z,", "10,2,NA, ,,"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    profile = profile_table(str(tmp_path), "*.csv", ReadOptions())
    assert profile.files == (str(tmp_path / "a.csv"),)
    assert (profile.rows, profile.complete) == (3, True)
    assert profile.columns == (
        ColumnProfile("n", DType.INT64, 3, 0, 2, True, ("9", "10"), 0.0, False),
        ColumnProfile("f", DType.FLOAT32, 3, 1, 2, True, ("1.5", "2"), 0.0, False),
        ColumnProfile("city", DType.STRING, 3, 1, 2, True, ("NA", "Ulm"), 1.0, False),
        ColumnProfile("note", DType.STRING, 3, 0, 3, True, (" ", "a", "one two  three"), 4 / 3, False),
        ColumnProfile("day", DType.STRING, 3, 1, 2, True, ("2024-01-02", "2024-01-02T03:04:05Z"), 1.0, True),
        ColumnProfile("none", DType.STRING, 3, 3, 0, True, (), 0.0, False),
    )


def test_typed_files_are_profiled_by_their_types(tmp_path):
    table = pa.table({"b": [True, False, None], "l": [["x", "y"], [], ["x"]], "f": [1.0, float("nan"), 2.5]})
    pq.write_table(table, tmp_path / "a.parquet")
    boolean, several, floats = profile_table(str(tmp_path), "a.parquet", ReadOptions()).columns
    assert (boolean.dtype, boolean.values, boolean.nulls) == (DType.STRING, ("false", "true"), 1)
    assert several.distinct == 2
    assert (floats.dtype, floats.nulls, floats.values) == (DType.FLOAT32, 1, ("1", "2.5"))


def test_a_long_list_of_values_is_counted_but_not_listed(tmp_path):
    values = range(MAX_LISTED_VALUES + 1)
    (tmp_path / "a.tsv").write_text("\n".join(["n", *map(str, values)]))
    (column,) = profile_table(str(tmp_path), "a.tsv", ReadOptions()).columns
    assert (column.distinct, column.distinct_is_exact, column.values) == (len(values), True, ())


def test_reading_stops_after_max_rows(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("n\n1\n2\n")
    assert profile_table(str(tmp_path), "*", ReadOptions()).rows == 4
    cut = profile_table(str(tmp_path), "*", ReadOptions(), max_rows=2)
    assert (cut.rows, cut.complete) == (2, False)


def test_declared_types_override_what_is_seen(tmp_path):
    (tmp_path / "a.csv").write_text("zip\n10115\n1067\n")
    (column,) = profile_table(str(tmp_path), "*", ReadOptions(column_types={"zip": DType.STRING})).columns
    assert (column.dtype, column.values) == (DType.STRING, ("10115", "1067"))


def test_no_file_is_an_error(tmp_path):
    with pytest.raises(BadData, match="No file matches"):
        profile_table(str(tmp_path), "*.csv", ReadOptions())


def test_profiling_imports_neither_tensorflow_nor_tfx():
    code = (
        "import sys, components.arrow_example_gen.profile;"
        "print(sorted({'tensorflow', 'tfx', 'apache_beam', 'pandas'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert output == "[]\n"
