"""Files come out as the examples they hold; no row is lost, doubled or silently changed."""

import csv
import gzip
import io
import json
import pathlib
import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen import ingest as ingest_module
from components.arrow_example_gen.bad_rows import SHOWN_BAD_ROWS
from components.arrow_example_gen.encode import encode_examples
from components.arrow_example_gen.ingest import RowsLost, check_conservation
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.survey import Survey, survey
from components.arrow_example_gen.tfrecord import frame
from components.errors import BadData
from models.tabular_text.features import DType

ROOT = pathlib.Path(__file__).resolve().parents[4]
QUARANTINE = ReadOptions(on_bad_rows="quarantine", max_bad_fraction=0.9)
TYPES = {"n": DType.INT64, "f": DType.FLOAT32, "t": DType.STRING}
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
FLOATS = st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)
TEXTS = st.none() | st.text(CHARACTERS, min_size=1)
LINE_TEXTS = st.none() | st.text(CHARACTERS.filter(lambda c: c not in "\t\r\n"), min_size=1)


def as_row(n, f, t) -> dict[str, list]:
    values = {"n": n, "f": f if f is None else float(np.float32(f)), "t": None if t is None else t.encode()}
    return {name: [value] for name, value in values.items() if value is not None}


def cell(value) -> str:
    return "" if value is None else str(value)


def csv_of(rows) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(TYPES)
    writer.writerows([[cell(value) for value in row] for row in rows])
    return file.getvalue()


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, FLOATS, TEXTS), min_size=1), zipped=st.booleans())
def test_csv_rows_come_out_as_python_wrote_them(new_bench, rows, zipped):
    bench = new_bench()
    content = csv_of(rows).encode()
    bench.write("a.csv.gz" if zipped else "a.csv", gzip.compress(content) if zipped else content)
    report = bench.run(options=ReadOptions(column_types=TYPES))
    assert bench.rows() == [as_row(*row) for row in rows]
    assert (report.rows_in, report.rows_out, report.rows_quarantined) == (len(rows), {"all": len(rows)}, 0)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, FLOATS, LINE_TEXTS), min_size=1))
def test_in_a_tsv_a_quote_is_data(new_bench, rows):
    bench = new_bench()
    lines = ["\t".join(TYPES), *("\t".join(map(cell, row)) for row in rows)]
    bench.write("a.tsv", "\n".join(lines))
    bench.run(options=ReadOptions(column_types=TYPES))
    assert bench.rows() == [as_row(*row) for row in rows]


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, FLOATS, TEXTS), min_size=1), zipped=st.booleans())
def test_parquet_rows_come_out_as_arrow_wrote_them(new_bench, rows, zipped):
    bench = new_bench()
    numbers, floats, texts = zip(*rows, strict=True)
    table = pa.table(
        {"n": pa.array(numbers, pa.int64()), "f": pa.array(floats, pa.float32()), "t": pa.array(texts, pa.string())}
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=3)
    content = sink.getvalue()
    bench.write("a.parquet.gz" if zipped else "a.parquet", gzip.compress(content) if zipped else content)
    bench.run()
    assert bench.rows() == [as_row(*row) for row in rows]


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.lists(st.integers(0, 9)), min_size=1), zipped=st.booleans())
def test_tfrecord_features_of_any_length_come_out_unchanged(new_bench, rows, zipped):
    bench = new_bench()
    content = frame(encode_examples({"x": pa.array(rows, pa.list_(pa.int64()))}))
    bench.write("a.tfrecord", gzip.compress(content) if zipped else content)
    bench.run()
    assert bench.rows() == [{"x": row} if row else {} for row in rows]


CORRUPTIONS = {"fields": "1,2", "type": "x,1.5,a", "utf8": "1,1.5,\udcff"}


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["good", "good", "quoted", *CORRUPTIONS]), min_size=1).filter(lambda k: "good" in k)
)
def test_every_row_comes_out_once_or_is_quarantined_with_its_line(new_bench, kinds):
    bench = new_bench()
    rows = {"good": "7,1.5,fine", "quoted": '7,1.5,"two\nlines"', **CORRUPTIONS}
    lines, line = {}, 2
    for index, kind in enumerate(kinds):
        lines[index] = line
        line += 2 if kind == "quoted" else 1
    bench.write("a.csv", "\n".join(["n,f,t", *(rows[kind] for kind in kinds)]).encode("utf-8", "surrogateescape"))
    bad = [index for index, kind in enumerate(kinds) if kind in CORRUPTIONS]
    report = bench.run(options=ReadOptions(column_types=TYPES, on_bad_rows="quarantine", max_bad_fraction=1))
    assert report.rows_in == len(kinds) == sum(report.rows_out.values()) + report.rows_quarantined
    assert sorted(row["line"] for row in bench.quarantined()) == [lines[index] for index in bad]
    good = [b"two\nlines" if kind == "quoted" else b"fine" for kind in kinds if kind not in CORRUPTIONS]
    assert [row["t"] for row in bench.rows()] == [[text] for text in good]


def test_the_first_ten_bad_rows_and_their_number_are_told(bench):
    bench.write("a.csv", "n,t\n" + '1,"a\nb"\n' + "x,y\n" * 12 + "1,2,3\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(column_types={"n": DType.INT64}))
    message = str(caught.value)
    assert "13 of 14 rows cannot be used" in message
    assert f"{bench.folder}/data/a.csv, line 4, column 'n': expected an int64, saw 'x'" in message
    assert message.count(", line ") == SHOWN_BAD_ROWS
    assert "and 3 more" in message
    assert not (bench.folder / "out").exists(), "nothing is written when the data is refused"


def test_quarantine_holds_file_line_column_reason_and_raw_text(bench):
    path = bench.write("a.csv", b"n,t\n1,a\nx,b\n2,\xff\n3\n4,d\n")
    bench.run(options=ReadOptions(column_types={"n": DType.INT64}, on_bad_rows="quarantine", max_bad_fraction=0.6))
    assert sorted(bench.quarantined(), key=lambda row: row["line"]) == [
        {"file": path, "line": 3, "column": "n", "reason": "expected an int64, saw 'x'", "raw": "x,b"},
        {"file": path, "line": 4, "column": "t", "reason": "the value is not UTF-8 text", "raw": "2,\\xff"},
        {"file": path, "line": 5, "column": None, "reason": "expected 2 fields, saw 1", "raw": "3"},
    ]


def test_quarantine_stops_above_the_allowed_share(bench):
    bench.write("a.csv", "n,t\n" + "1,a\n" * 8 + "x\n" * 2)
    allowed = ReadOptions(on_bad_rows="quarantine", max_bad_fraction=0.2)
    assert bench.run(options=allowed).rows_quarantined == 2
    with pytest.raises(BadData, match=r"That is 20\.00%, and `max_bad_fraction` allows 19\.00%"):
        bench.run(options=ReadOptions(on_bad_rows="quarantine", max_bad_fraction=0.19))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "a.csv: the file is empty"),
        ("\n\n", "a.csv: the file is empty"),
        ("id,stars\n", "holds a header and no rows"),
        ("id,stars,id\n1,2,3\n", "'id' names 2 columns"),
        (",stars\n1,2\n", "column 1 has no name"),
        ("id,star\n1,2\n", "label column 'stars' is not in the data. Did you mean 'star'?"),
        ("id,stars\n1,5\n2,5\n", "has the same value '5' in all 2 rows"),
        ("id,stars\n1,5\n2,\n3,4\n", "line 3, column 'stars': the label is missing"),
        ("id,stars\n1,5\n2,NA\n3,4\n", "line 3, column 'stars': the label is missing"),
        ('id,stars\n1,5\n"2,4\n3,4\n', "line 3: the row that begins here does not end: a quote is opened"),
        (b"\xff\xfei\x00d\x00", "the file is UTF-16"),
        (b"i\xffd,stars\n1,2\n", "the header is not UTF-8"),
    ],
)
def test_unusable_data_is_refused_with_its_reason(bench, content, problem):
    bench.write("a.csv", content)
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(label="stars"))
    assert problem in str(caught.value)
    assert not (bench.folder / "out").exists()


def test_a_label_that_must_be_a_number_makes_words_bad_rows(bench):
    bench.write("a.csv", "id,price\n1,5\n2,cheap\n3,7\n")
    with pytest.raises(BadData, match="line 3, column 'price': expected a number, saw 'cheap'"):
        bench.run(options=ReadOptions(label="price", label_is_categorical=False))


def test_a_missing_split_column_and_a_misspelt_type_are_told_together(bench):
    bench.write("a.csv", "customer,n\n1,2\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(column_types={"nn": DType.INT64}), split_by="custommer")
    assert "'custommer' is not in the data. Did you mean 'customer'?" in str(caught.value)
    assert "'nn' is not in the data" in str(caught.value)


def test_files_of_one_input_must_agree(bench):
    bench.write("a.csv", "a,b\n1,2\n")
    bench.write("b.csv", "b,c\n1,2\n")
    bench.write("c.tsv", "a\tb\n1\t2\n")
    bench.write("d.csv", "")
    with pytest.raises(BadData) as caught:
        bench.run()
    assert "b.csv has other columns" in str(caught.value)
    assert "it lacks 'a'; adds 'c'" in str(caught.value)
    assert "d.csv: the file is empty" in str(caught.value)


def test_formats_do_not_mix(bench):
    bench.write("a.csv", "a\n1\n")
    bench.write("b.tfrecord", frame(encode_examples({"a": pa.array([1])})))
    with pytest.raises(BadData, match=r"b\.tfrecord has another format than .*a\.csv"):
        bench.run()


def test_columns_may_stand_in_another_order_in_another_file(bench):
    bench.write("a.csv", "a,b\n1,x\n")
    bench.write("b.csv", "b,a\ny,2.5\n")
    report = bench.run()
    assert report.dtypes == {"a": DType.FLOAT32, "b": DType.STRING}
    assert bench.rows() == [{"a": [1.0], "b": [b"x"]}, {"a": [2.5], "b": [b"y"]}]


def test_the_same_table_gives_the_same_splits_in_every_format(bench):
    ids = random.Random(1).choices(range(500), k=300)
    bench.write("a.csv", "id,w\n" + "".join(f"{i},w{i}\n" for i in ids))
    bench.write("b.tsv", "w\tid\n" + "".join(f"w{i}\t{i}\n" for i in reversed(ids)))
    pq.write_table(pa.table({"id": ids, "w": [f"w{i}" for i in ids]}), bench.folder / "data" / "c.parquet")
    records = encode_examples({"id": pa.array(ids), "w": pa.array([b"w%d" % i for i in ids])})
    bench.write("d.tfrecord", frame(records))
    for split_by in ("id", None):
        found = []
        for name in ("a.csv", "b.tsv", "c.parquet", "d.tfrecord"):
            bench.run(name, splits={"train": 7, "eval": 3}, split_by=split_by)
            found.append({split: sorted(r["id"][0] for r in bench.rows(split)) for split in ("train", "eval")})
        assert found[0] == found[1] == found[2] == found[3]
        assert sorted(found[0]["train"] + found[0]["eval"]) == sorted(ids)
        assert not set(found[0]["train"]) & set(found[0]["eval"]), "equal ids share a split"


def test_an_empty_split_is_refused(bench):
    bench.write("a.csv", "a\n1\n")
    with pytest.raises(BadData, match="No row fell into split"):
        bench.run(splits={"train": 1, "eval": 1})


def test_missing_values_of_every_format_are_missing_features(bench):
    bench.write("a.csv", 'n,t\n1,\n,""\nNaN,b\n')
    bench.run()
    assert bench.rows() == [{"n": [1]}, {}, {"t": [b"b"]}]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end_of_line", [b"\n", b"\r\n"])
@pytest.mark.parametrize("quote", [b"", b'"'])
@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", b","), ("a.tsv", b"\t")])
def test_neither_a_byte_order_mark_nor_the_end_of_a_line_is_data(bench, name, delimiter, quote, end_of_line, mark):
    quote = quote if name == "a.csv" else b""  # in a TSV a quote is data
    lines = [[quote + b"first" + quote, b"last"], [b"1", quote + b"x" + quote], [b"2", b""]]
    bench.write(name, mark + b"".join(delimiter.join(cells) + end_of_line for cells in lines))
    assert list(bench.run().dtypes) == ["first", "last"]
    assert bench.rows() == [{"first": [1], "last": [b"x"]}, {"first": [2]}]


SCHEMA_TYPES = {"n": DType.INT64, "opt": DType.FLOAT32}


def test_a_column_of_the_schema_may_be_gone_and_a_declared_one_may_not(bench):
    bench.write("a.csv", "n\n1\n2\n")
    assert bench.run(options=ReadOptions(expected_types=SCHEMA_TYPES)).dtypes == {"n": DType.INT64}
    assert bench.rows() == [{"n": [1]}, {"n": [2]}]
    with pytest.raises(BadData, match="typed column 'opt' is not in the data"):
        bench.run(options=ReadOptions(column_types={"opt": DType.FLOAT32}, expected_types=SCHEMA_TYPES))


def test_a_label_of_the_schema_that_is_gone_is_refused(bench):
    bench.write("a.csv", "n\n1\n2\n")
    with pytest.raises(BadData, match="label column 'y' is not in the data"):
        bench.run(options=ReadOptions(expected_types={"y": DType.INT64}, label="y"))


def test_a_column_without_one_value_of_the_schemas_type_is_read_as_what_it_is(bench):
    bench.write("a.csv", "n,opt,other\n1,cheap,1\n2,,2\n")
    bench.write("b.csv", "n,opt,other\n3,dear,x\n")
    report = bench.run(options=ReadOptions(expected_types=SCHEMA_TYPES))
    assert report.dtypes == {"n": DType.INT64, "opt": DType.STRING, "other": DType.STRING}
    assert (report.rows_in, report.rows_out) == (3, {"all": 3})
    assert [row.get("opt") for row in bench.rows()] == [[b"cheap"], None, [b"dear"]]
    with pytest.raises(BadData, match="2 of 3 rows cannot be used"):
        bench.run(options=ReadOptions(column_types=SCHEMA_TYPES))


def test_one_value_of_the_schemas_type_makes_the_others_bad_rows(bench):
    bench.write("a.csv", "n,opt\n1,cheap\n2,2.5\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(expected_types=SCHEMA_TYPES))
    message = str(caught.value)
    assert "line 2, column 'opt': expected a number, saw 'cheap' (the type is the schema's)" in message
    assert "stands in schema.path: if the data is right, change it there" in message
    bench.write("a.csv", "n,opt\n1,cheap\n2,2.5\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(column_types=SCHEMA_TYPES))
    assert "the schema's" not in str(caught.value)
    assert "schema.path" not in str(caught.value)


PLANNED = ReadOptions(expected_types=SCHEMA_TYPES, planned_rows=1_000)


def test_a_value_that_does_not_fit_the_planned_type_is_a_bad_row_that_says_what_to_do(bench):
    bench.write("a.csv", "n,opt\n1,1\n.5,1\n3,2\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=PLANNED)
    message = str(caught.value)
    assert "1 of 3 rows" in message
    seen = "line 3, column 'n': expected an int64, saw '.5' (the type was planned from the first 1,000 rows)"
    assert seen in message
    assert "declare it in data.column_types, or raise features.profile_rows" in message
    assert "schema" not in message


def test_a_planned_type_holds_even_where_no_value_fits_it(bench):
    """The model is built for it, and no gate would notice."""
    bench.write("a.csv", "n,opt\n1,cheap\n2,dear\n")
    with pytest.raises(BadData, match="2 of 2 rows cannot be used"):
        bench.run(options=PLANNED)


def test_a_planned_type_does_not_hide_that_files_disagree(bench):
    for name, values in (("a", ["x"]), ("b", [1])):
        pq.write_table(pa.table({"c": values}), bench.folder / f"{name}.parquet")
        bench.write(f"{name}.parquet", (bench.folder / f"{name}.parquet").read_bytes())
    options = ReadOptions(expected_types={"c": DType.STRING}, planned_rows=1)
    with pytest.raises(BadData, match="Column 'c' holds int64 and string values in different places"):
        bench.run("*.parquet", options)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({}, "'1e400' is not a finite float32 number"),
        ({"x": DType.FLOAT32}, "'1e400' is not a finite float32 number"),
        ({"x": DType.INT64}, "expected an int64, saw '1e400' (the type is the schema's)"),
    ],
)
@pytest.mark.parametrize("good", ["1", "NA"])
def test_infinity_is_quarantined_whatever_is_known_of_its_column(bench, expected, good, reason):
    """Types come from the first reading, and which rows are bad from the types: both readings must agree."""
    bench.write("a.csv", f"x,t\n1,a\n1e400,1e400\n{good},1e400\n2,b\n")
    options = ReadOptions(expected_types=expected, on_bad_rows="quarantine", max_bad_fraction=0.5)
    report = bench.run(options=options)
    assert report.dtypes == {"x": expected.get("x", DType.FLOAT32), "t": DType.STRING}
    assert [row["t"] for row in bench.rows()] == [[b"a"], [b"1e400"], [b"b"]], "in a column of words it is a word"
    (row,) = bench.quarantined()
    assert (row["line"], row["column"]) == (3, "x")
    assert reason in row["reason"]


def test_a_column_of_nothing_but_infinity_comes_to_an_end(bench):
    bench.write("a.csv", "x,n\n1e400,1\n1e400,2\n")
    with pytest.raises(BadData, match="2 of 2 rows cannot be used"):
        bench.run(options=ReadOptions(expected_types={"x": DType.INT64}))


def test_infinity_in_typed_files_is_quarantined(bench):
    table = pa.table({"n": [1, 2, 3, 4], "f": [0.5, float("inf"), 1e300, None]})
    pq.write_table(table, bench.folder / "a.parquet")
    bench.write("a.parquet", (bench.folder / "a.parquet").read_bytes())
    bench.write(
        "b.tfrecord",
        frame(encode_examples({"n": table["n"].chunk(0), "f": table["f"].chunk(0).cast("float", safe=False)})),
    )
    for name, unit in (("a.parquet", "row"), ("b.tfrecord", "record")):
        bench.run(name, QUARANTINE)
        assert [row[unit] for row in bench.quarantined()] == [2, 3]
        assert bench.rows() == [{"n": [1], "f": [0.5]}, {"n": [4]}]
        (bench.folder / "out" / "quarantine" / "rows.jsonl").unlink()


@pytest.mark.parametrize(
    ("header", "row", "seen"),
    [
        ("id;y;c", "1;2,5;x", "expected 1 fields, saw 2. The file looks separated by ';': its one column is 'id;y;c'"),
        ("id;y;c", "1;2;x", "is not in the data. There are 'id;y;c'. The file looks separated by ';'"),
        ("id|y|c", "1|2|x", "The file looks separated by '|'"),
        ("id\ty\tc", "1\t2\tx", "The file looks separated by tabs"),
    ],
)
def test_a_file_with_another_separator_is_recognized(bench, header, row, seen):
    bench.write("a.csv", f"{header}\n{row}\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(label="y" if "expected" not in seen else None))
    assert seen in str(caught.value)


def test_a_changed_column_does_not_hide_a_bad_row(bench):
    bench.write("a.csv", "n,opt\n1,cheap\nx,dear\n3,dear\n")
    with pytest.raises(BadData) as caught:
        bench.run(options=ReadOptions(expected_types=SCHEMA_TYPES))
    assert "1 of 3 rows" in str(caught.value)
    assert "line 3, column 'n': expected an int64, saw 'x'" in str(caught.value)


def test_a_column_without_values_keeps_the_schemas_type(bench):
    bench.write("a.csv", "n,opt\n1,\n2,NA\n")
    assert bench.run(options=ReadOptions(expected_types=SCHEMA_TYPES)).dtypes == SCHEMA_TYPES


def test_a_label_that_changed_its_type_is_left_to_the_gate(bench):
    bench.write("a.csv", "n,price\n1,cheap\n2,dear\n")
    options = ReadOptions(expected_types={"price": DType.FLOAT32}, label="price", label_is_categorical=False)
    assert bench.run(options=options).dtypes["price"] is DType.STRING


@pytest.mark.parametrize(
    ("values", "expected", "read"),
    [
        (["a", "b"], DType.INT64, DType.STRING),
        (["1", "2"], DType.INT64, DType.INT64),
        ([1.5, 2.5], DType.INT64, DType.FLOAT32),
        ([1.0, 2.0], DType.INT64, DType.INT64),
        ([1, 2], DType.FLOAT32, DType.FLOAT32),
        ([1, 2], DType.STRING, DType.INT64),
        ([[1, 2], []], DType.STRING, DType.INT64),
        ([None, None], DType.STRING, DType.STRING),
    ],
)
def test_in_a_typed_file_a_number_is_no_text(bench, values, expected, read):
    bench.write("x", "")
    pq.write_table(pa.table({"c": values}), bench.folder / "data" / "a.parquet")
    assert bench.run("*.parquet", ReadOptions(expected_types={"c": expected})).dtypes == {"c": read}


@pytest.mark.parametrize("name", ["a.parquet", "a.tfrecord"])
def test_a_truncated_binary_file_is_named(bench, name):
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(1000))}), sink)
    records = frame(encode_examples({"a": pa.array(range(1000))}))
    bench.write(name, (sink.getvalue() if name == "a.parquet" else records)[:-7])
    with pytest.raises(BadData, match=rf"{name}: the .* file .* damaged, cut short"):
        bench.run()


def test_a_record_that_is_no_example_is_a_bad_row(bench):
    good = encode_examples({"a": pa.array([1, 2])})
    bench.write("a.tfrecord", frame([good[0], b"\xff\xffgarbage", good[1]]))
    with pytest.raises(BadData, match=r"a\.tfrecord, record 2: the record is no tf\.Example"):
        bench.run()
    bench.run(options=QUARANTINE)
    assert bench.rows() == [{"a": [1]}, {"a": [2]}]


def test_nested_parquet_columns_are_named(bench):
    bench.write("x", "")
    pq.write_table(pa.table({"a": [{"b": 1}], "c": [1]}), bench.folder / "data" / "a.parquet")
    with pytest.raises(BadData, match="column 'a' is struct<b: int64>, which no feature can hold"):
        bench.run("a.parquet")


def test_parquet_columns_of_conflicting_types_are_named(bench):
    for name, values in (("a", [1]), ("b", ["x"])):
        bench.write("x", "")
        pq.write_table(pa.table({"c": values}), bench.folder / "data" / f"{name}.parquet")
    with pytest.raises(BadData, match="Column 'c' holds int64 and string values in different places"):
        bench.run("*.parquet")
    assert bench.run("*.parquet", ReadOptions(column_types={"c": DType.STRING})).dtypes == {"c": DType.STRING}


def test_large_splits_are_cut_into_numbered_shards(bench, monkeypatch):
    monkeypatch.setattr(ingest_module.writers.SplitWriter.__init__, "__defaults__", (1,))
    for name in ("a.csv", "b.csv"):
        bench.write(name, "a\n1\n2\n")
    bench.run()
    shards = sorted(path.name for path in (bench.folder / "out" / "Split-all").iterdir())
    assert shards == ["data_tfrecord-00000-of-00002.gz", "data_tfrecord-00001-of-00002.gz"]
    assert bench.rows() == [{"a": [1]}, {"a": [2]}] * 2


@pytest.mark.parametrize(
    ("rows_out", "quarantined", "quarantine_lines"),
    [({"train": 6, "eval": 2}, 1, 1), ({"train": 7, "eval": 2}, 1, 0), ({"train": 8, "eval": 2}, 0, 0)],
)
def test_rows_that_do_not_add_up_are_an_error(rows_out, quarantined, quarantine_lines):
    found = Survey({}, rows_in=10, rows_bad=1)
    check_conservation(found, {"train": 7, "eval": 2}, 1, 1)
    with pytest.raises(RowsLost):
        check_conservation(found, rows_out, quarantined, quarantine_lines)


def test_a_file_that_grows_between_the_passes_is_noticed(bench, monkeypatch):
    path = bench.write("a.csv", "a\n1\n2\n")

    def survey_then_grow(*arguments):
        found = survey(*arguments)
        with open(path, "a") as file:
            file.write("3\n")
        return found

    monkeypatch.setattr(ingest_module, "survey", survey_then_grow)
    with pytest.raises(RowsLost, match="first pass saw 2 rows"):
        bench.run()


MEASURE = """
import sys
from components.arrow_example_gen.ingest import SplitPlan, ingest
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.shares import shares_of
from components.arrow_example_gen.sources import open_sources
path, out = sys.argv[1:]
plan = SplitPlan({"train": 8, "eval": 2})
shares = shares_of(open_sources([path], ReadOptions()))
ingest(shares, ReadOptions(), plan, split_folder=lambda name: f"{out}/{name}", quarantine_folder=out)
with open("/proc/self/status") as status:
    print(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


def peak_mb(path: pathlib.Path, out: pathlib.Path) -> int:
    """Peak resident memory of a process that ingests the file; not ru_maxrss, which a child takes over from us."""
    command = [sys.executable, "-c", MEASURE, str(path), str(out)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout) // 1024


@pytest.mark.parametrize("kind", ["csv", "parquet", "tfrecord"])
def test_memory_does_not_grow_with_the_file(tmp_path, kind):
    """For 90 MB more of rows, peak memory may not grow by half of that."""
    peaks = []
    for megabytes in (30, 120):
        path = tmp_path / f"{megabytes}.{kind}"
        write_megabytes(path, kind, megabytes)
        peaks.append(peak_mb(path, tmp_path / f"out-{megabytes}"))
    assert peaks[1] - peaks[0] < 45, peaks


def write_megabytes(path: pathlib.Path, kind: str, megabytes: int) -> None:
    """A file of that size: rows of 1,000 bytes, the text incompressible enough to matter."""
    texts = [random.Random(seed).randbytes(480).hex() for seed in range(50)]
    batch = {"id": pa.array(range(1000)), "text": pa.array((texts * 20)[:1000])}
    if kind == "csv":
        rows = "".join(f"{i},{texts[i % 50]}\n" for i in range(1000))
        with path.open("w") as file:
            file.write("id,text\n")
            for _ in range(megabytes):
                file.write(rows)
    elif kind == "parquet":
        with pq.ParquetWriter(path, pa.table(batch).schema, use_dictionary=False) as writer:
            for _ in range(megabytes // 10):
                writer.write_table(pa.concat_tables([pa.table(batch)] * 10))
    else:
        records = encode_examples(batch | {"text": batch["text"].cast(pa.binary())})
        with path.open("wb") as file:
            for _ in range(megabytes):
                file.write(frame(records))


def test_the_quarantine_is_valid_json_whatever_the_row_holds(bench):
    bench.write("a.csv", b'a,b\n1,2\n"\xff\x00\n",\xe2\x80\xa8,"x"\n')
    bench.run(options=QUARANTINE)
    (line,) = (bench.folder / "out" / "quarantine" / "rows.jsonl").read_bytes().splitlines()
    assert json.loads(line)["reason"] == "expected 2 fields, saw 3"
