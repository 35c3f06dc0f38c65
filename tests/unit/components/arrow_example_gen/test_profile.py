"""A profile says what is in the table, without TensorFlow."""

import dataclasses
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
    assert (several.distinct, several.is_list, boolean.is_list) == (2, True, False)
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


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("a,1,yes\nb\nc,2,no\n", "line 3: expected 3 fields, saw 1"),
        ("a,1,yes\nb,x,no\nc,2,no\n", "line 3, column 'age': expected an int64, saw 'x'"),
        ("a,1,yes\nb,3,\nc,2,no\n", "line 3, column 'churned': the label is missing"),
        ("a,1,1\nb,3,NA\nc,2,0\n", "line 3, column 'churned': the label is missing"),
    ],
)
def test_bad_rows_are_told_of_as_reading_them_would(bench, rows, reason):
    path = bench.write("a.csv", "plan,age,churned\n" + rows)
    options = ReadOptions(label="churned", column_types={"age": DType.INT64})
    with pytest.raises(BadData) as planned:
        profile_table(str(bench.folder / "data"), "*", options)
    with pytest.raises(BadData) as read:
        bench.run(options=options)
    assert "1 of 3 rows cannot be used" in str(planned.value)
    assert f"{path}, {reason}" in str(planned.value)
    assert str(planned.value) == str(read.value)


def test_quarantined_rows_are_counted_and_not_profiled(tmp_path):
    (tmp_path / "a.csv").write_text("plan,churned\na,1\nb\nc,0\nd,NA\ne,\n")
    options = ReadOptions(label="churned", on_bad_rows="quarantine", max_bad_fraction=0.6)
    profile = profile_table(str(tmp_path), "*", options)
    assert (profile.rows, profile.rows_bad) == (2, 3)
    plan, churned = profile.columns
    assert (plan.values, churned.dtype, churned.values) == (("a", "c", "d"), DType.INT64, ("0", "1"))
    with pytest.raises(BadData, match=r"3 of 5 rows cannot be used. That is 60\.00%"):
        profile_table(str(tmp_path), "*", dataclasses.replace(options, max_bad_fraction=0.59))


def test_the_share_of_bad_rows_is_not_judged_by_a_part_of_the_table(tmp_path):
    (tmp_path / "a.csv").write_text("n,y\n1,a\n2\n3\n")
    (tmp_path / "b.csv").write_text("n,y\n1,a\n2,b\n")
    allowed = ReadOptions(on_bad_rows="quarantine", max_bad_fraction=0.4)
    profile = profile_table(str(tmp_path), "*", allowed, max_rows=3)
    assert (profile.rows, profile.rows_bad, profile.complete) == (1, 2, False)
    with pytest.raises(BadData, match="2 of the first 3 rows cannot be used"):
        profile_table(str(tmp_path), "*", ReadOptions(), max_rows=3)


def test_infinity_is_a_bad_row_of_the_plan_too(bench):
    bench.write("a.csv", "n,t\n1.5,1e400\n1e400,a\n2,b\n")
    with pytest.raises(BadData) as planned:
        profile_table(str(bench.folder / "data"), "*", ReadOptions())
    with pytest.raises(BadData) as read:
        bench.run()
    assert "line 3, column 'n': '1e400' is not a finite float32 number (beyond ±3.4e38)" in str(planned.value)
    assert str(planned.value) == str(read.value)
    allowed = ReadOptions(on_bad_rows="quarantine", max_bad_fraction=0.5)
    profile = profile_table(str(bench.folder / "data"), "*", allowed)
    assert (profile.rows, profile.rows_bad) == (2, 1)
    assert [column.values for column in profile.columns] == [("1.5", "2"), ("1e400", "b")]


@pytest.mark.parametrize("policy", ["fail", "quarantine"])
def test_undecodable_bytes_are_held_against_their_column_and_not_the_label(tmp_path, policy):
    pq.write_table(pa.table({"photo": [b"\xff", b"\xfe"], "y": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(BadData, match=r"(?s)2 of 2 rows.*column 'photo': the value is not UTF-8 text") as caught:
        profile_table(str(tmp_path), "*", ReadOptions(label="y", on_bad_rows=policy, max_bad_fraction=1))
    assert "label" not in str(caught.value)


def test_lists_of_any_bytes_are_profiled(tmp_path):
    pq.write_table(pa.table({"photos": [[b"\xff", b"a"], None, [b"b"]]}), tmp_path / "a.parquet")
    (column,) = profile_table(str(tmp_path), "*", ReadOptions()).columns
    assert (column.nulls, column.distinct, column.is_list) == (1, 2, True)


def test_a_label_that_is_no_column_is_left_to_the_planner(tmp_path):
    (tmp_path / "a.csv").write_text("n,stars\n1,a\n2,b\n")
    profile = profile_table(str(tmp_path), "*", ReadOptions(label="star"))
    assert (profile.rows, [column.name for column in profile.columns]) == (2, ["n", "stars"])


def test_the_span_that_is_asked_for_is_profiled(tmp_path):
    for span in (1, 2):
        (tmp_path / f"{span}.csv").write_text(f"n\n{span}\n")
    (column,) = profile_table(str(tmp_path), "{SPAN}.csv", ReadOptions(), fixed_span=1).columns
    assert column.values == ("1",)


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
