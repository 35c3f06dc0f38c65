import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sample_data import write
from pipeline.sample_data.options import InvalidOptions, ReviewsOptions
from pipeline.sample_data.ratings import best_accuracy, majority_accuracy
from pipeline.sample_data.reviews import BLOCK_ROWS, SCHEMA, generate_block, generate_reviews
from pipeline.sample_data.write import delimited_lines, write_reviews

ROWS = BLOCK_ROWS + 808


def as_text(table: pa.Table) -> list[list[str]]:
    """Every value as a delimited file shows it, missing ones empty."""
    columns = [["" if v is None else str(v) for v in column.to_pylist()] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def expected() -> list[list[str]]:
    return [SCHEMA.names, *as_text(pa.Table.from_batches(generate_reviews(ReviewsOptions(rows=ROWS))))]


def test_a_tsv_holds_the_rows_between_tabs_without_quoting(tmp_path: Path, expected: list[list[str]]) -> None:
    write_reviews(tmp_path / "reviews.tsv", ReviewsOptions(rows=ROWS))
    text = (tmp_path / "reviews.tsv").read_bytes().decode()
    assert text.endswith("\n")
    assert [line.split("\t") for line in text[:-1].split("\n")] == expected


def test_a_csv_holds_the_rows_for_any_reader_of_rfc_4180(tmp_path: Path, expected: list[list[str]]) -> None:
    write_reviews(tmp_path / "reviews.csv", ReviewsOptions(rows=ROWS))
    with (tmp_path / "reviews.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file, strict=True)) == expected


def test_a_parquet_holds_the_rows_with_their_types(tmp_path: Path, expected: list[list[str]]) -> None:
    write_reviews(tmp_path / "reviews.parquet", ReviewsOptions(rows=ROWS))
    table = pq.read_table(tmp_path / "reviews.parquet")
    assert table.schema.equals(SCHEMA)
    assert as_text(table) == expected[1:]


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_a_gzip_holds_the_same_bytes_and_is_the_same_each_time(tmp_path: Path, ending: str) -> None:
    options = ReviewsOptions(rows=500, broken_rows=3)
    names = [f"a.{ending}", f"b.{ending}.gz", f"c.{ending}.gz"]
    plain, first, second = (write_reviews(tmp_path / name, options).path.read_bytes() for name in names)
    assert gzip.decompress(first) == plain
    assert first == second
    assert first[4:8] == bytes(4), "the header's time (RFC 1952) is not set"


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_broken_rows_leave_the_good_ones_byte_for_byte(tmp_path: Path, ending: str) -> None:
    rows = 2 * BLOCK_ROWS
    clean = write_reviews(tmp_path / f"clean.{ending}", ReviewsOptions(rows=rows)).path.read_bytes()
    dirty = write_reviews(tmp_path / f"dirty.{ending}", ReviewsOptions(rows=rows, broken_rows=43)).path.read_bytes()
    lines = dirty.splitlines(keepends=True)
    broken = [index for index, line in enumerate(lines) if b"RBROKEN" in line]
    assert b"".join(line for line in lines if b"RBROKEN" not in line) == clean
    # The header and the broken rows so far come on top of the good rows before. One falls between the two blocks.
    assert broken == [(number + 1) * rows // 44 + 1 + number for number in range(43)]
    assert BLOCK_ROWS + 1 + 21 in broken


def test_as_many_broken_rows_as_good_ones_are_written(tmp_path: Path) -> None:
    for rows in (1, 2, 7):
        path = write_reviews(tmp_path / "r.tsv", ReviewsOptions(rows=rows, broken_rows=rows)).path
        assert path.read_bytes().count(b"RBROKEN") == rows
        assert path.read_bytes().count(b"\n") == 1 + 2 * rows


def test_the_report_says_what_was_written(tmp_path: Path) -> None:
    options = ReviewsOptions(rows=100, broken_rows=2)
    path = tmp_path / "new" / "folder" / "reviews.data"
    report = write_reviews(path, options, "csv")
    assert (report.path, report.rows, report.broken_rows) == (path, 100, 2)
    assert report.size_bytes == len(path.read_bytes())
    assert report.best_accuracy == best_accuracy(options)
    assert report.majority_accuracy == majority_accuracy(options)


@pytest.mark.parametrize(
    ("name", "broken_rows", "message"),
    [
        ("reviews.xlsx", 0, r"'xlsx' is no format of ours; end the name in .tsv, .csv"),
        ("reviews", 0, r"choose from tsv, csv, parquet"),
        ("reviews.parquet.gz", 0, r"leave out .gz"),
        ("reviews.parquet", 4, r"Parquet cannot hold the 4 broken rows"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_writing(
    tmp_path: Path, name: str, broken_rows: int, message: str
) -> None:
    with pytest.raises(InvalidOptions, match=message):
        write_reviews(tmp_path / name, ReviewsOptions(rows=100, broken_rows=broken_rows))
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "reviews.tsv").mkdir()
    with pytest.raises(InvalidOptions, match="is a folder; name a file in it"):
        write_reviews(tmp_path / "reviews.tsv", ReviewsOptions(rows=10))


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reviews.tsv"
    path.write_text("old")

    def fail_half_way(options: ReviewsOptions) -> Iterator[pa.RecordBatch]:
        yield generate_block(options, 0)
        raise OSError("disk full")

    monkeypatch.setattr(write, "generate_reviews", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        write_reviews(path, ReviewsOptions(rows=20_000))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@given(st.lists(st.tuples(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.integers(-99, 99))), min_size=1))
def test_any_text_survives_the_way_through_csv(rows: list[tuple[str | None, int | None]]) -> None:
    names = ["text", "number"]
    batch = pa.RecordBatch.from_arrays(
        [pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.int64())], names
    )
    written = "".join(delimited_lines(batch, ",").to_pylist())
    shown = [["" if value is None else str(value) for value in row] for row in rows]
    assert list(csv.reader(io.StringIO(written, newline=""), strict=True)) == shown
