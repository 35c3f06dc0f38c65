"""Patterns find the files of the latest span; formats and gzip are recognised; what is not there is named."""

import gzip
import pathlib

import pytest

from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.source_files import file_format, open_bytes, resolve_input
from components.errors import BadData


def touch(folder: pathlib.Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def names(folder: pathlib.Path, files: tuple[str, ...]) -> list[str]:
    return [str(pathlib.Path(path).relative_to(folder)) for path in files]


@pytest.mark.parametrize(
    ("pattern", "span", "version", "found"),
    [
        ("span-{SPAN}/*.csv", 10, None, ["span-10/a.csv", "span-10/b.csv"]),
        ("v/{SPAN}/{VERSION}/*.csv", 3, 12, ["v/3/12/a.csv"]),
        ("w-{SPAN:3}.csv", 7, None, ["w-007.csv"]),
        ("day-{YYYY}{MM}{DD}.csv", 1, None, ["day-19700102.csv"]),
        ("span-9/a.csv", 0, None, ["span-9/a.csv"]),
    ],
)
def test_the_latest_version_of_the_latest_span_is_found(tmp_path, pattern, span, version, found):
    touch(tmp_path, "span-9/a.csv", "span-10/a.csv", "span-10/b.csv", "v/3/2/a.csv", "v/3/12/a.csv", "v/2/99/a.csv")
    touch(tmp_path, "w-007.csv", "w-006.csv", "day-19700101.csv", "day-19700102.csv")
    resolved = resolve_input(str(tmp_path), pattern)
    assert (resolved.span, resolved.version, names(tmp_path, resolved.files)) == (span, version, found)


def test_a_fixed_span_is_taken_instead_of_the_latest(tmp_path):
    touch(tmp_path, "1/a.csv", "2/a.csv")
    assert names(tmp_path, resolve_input(str(tmp_path), "{SPAN}/*", fixed_span=1).files) == ["1/a.csv"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.csv", ["a.csv", "b.csv"]),
        ("[b].csv", ["b.csv"]),
        ("{SPAN}/*", ["2/a.csv"]),
        ("{YYYY}-{MM}-{DD}.tsv", ["2024-02-29.tsv"]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_brackets_in_the_base_folder_are_part_of_its_name(tmp_path, pattern, found):
    touch(tmp_path, "my o/a.csv", "my o/3/a.csv")  # what a pattern would find
    base = tmp_path / "my [old]"
    touch(base, "a.csv", "b.csv", "1/a.csv", "2/a.csv", "2024-02-28.tsv", "2024-02-29.tsv")
    assert names(base, resolve_input(str(base), pattern).files) == found
    with pytest.raises(BadData, match=r"It holds '[ab]\.csv'"):
        resolve_input(str(base), "A.csv")


def test_a_wildcard_passes_over_marker_files_and_folders(tmp_path):
    touch(tmp_path, "a.csv", "_SUCCESS", ".DS_Store", "folder/b.csv")
    assert names(tmp_path, resolve_input(str(tmp_path), "*").files) == ["a.csv"]


def test_no_match_names_what_was_looked_for_and_what_is_near(tmp_path):
    touch(tmp_path, "reviews.tsv", "other.csv")
    with pytest.raises(BadData, match=r"Looked for 'reviews\.csv' in .*It holds 'reviews\.tsv'"):
        resolve_input(str(tmp_path), "reviews.csv")
    with pytest.raises(BadData, match="is not a folder here"):
        resolve_input(str(tmp_path / "nowhere"), "*")


@pytest.mark.parametrize(("pattern", "name"), [("{SPAN}.csv", "x.csv"), ("{YYYY}{MM}{DD}.csv", "20240230.csv")])
def test_a_file_that_fits_the_wildcards_but_not_the_placeholders_is_named(tmp_path, pattern, name):
    touch(tmp_path, name, "19700101.csv")
    with pytest.raises(BadData, match=f"do not fit '{name}'"):
        resolve_input(str(tmp_path), pattern)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("{VERSION}/a", "needs {SPAN} or a date"),
        ("{SPAN}{SPAN}/a", "stands more than once"),
        ("{YYYY}-{MM}/a", "exactly once"),
        ("{SPAN}-{YYYY}{MM}{DD}", "exclude each other"),
        ("{SPAN:0}", "not a positive number"),
        ("{SPEN}", "no placeholder"),
    ],
)
def test_a_malformed_pattern_is_explained(tmp_path, pattern, problem):
    with pytest.raises(BadData) as caught:
        resolve_input(str(tmp_path), pattern)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "csv"),
        ("A.TSV.GZ", "tsv"),
        ("b.parquet", "parquet"),
        ("c.pq.gz", "parquet"),
        ("d.tfrecord", "tfrecord"),
        ("data_tfrecord-00000-of-00001.gz", "tfrecord"),
    ],
)
def test_the_ending_tells_the_format(name, expected):
    assert file_format(name, ReadOptions()) == expected


def test_an_unknown_ending_needs_a_format():
    assert file_format("a.txt", ReadOptions(format="csv")) == "csv"
    with pytest.raises(BadData, match=r"ending '\.txt'"):
        file_format("a.txt", ReadOptions())


def test_gzip_is_known_by_its_bytes(tmp_path):
    (tmp_path / "no-ending").write_bytes(gzip.compress(b"abc"))
    with open_bytes(str(tmp_path / "no-ending")) as stream:
        assert stream.read() == b"abc"
    (tmp_path / "plain.gz").write_bytes(b"abc")
    with open_bytes(str(tmp_path / "plain.gz")) as stream:
        assert stream.read() == b"abc"


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:30] + bytes(20) + data[50:]])
def test_a_damaged_gzip_file_is_named(tmp_path, damage):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(damage(gzip.compress(b"".join(b"%d,%d\n" % (i, i * i) for i in range(1000)))))
    with (
        pytest.raises(BadData, match=r"a\.csv\.gz: the gzip file is damaged or cut short"),
        open_bytes(str(path)) as stream,
    ):
        stream.read()
