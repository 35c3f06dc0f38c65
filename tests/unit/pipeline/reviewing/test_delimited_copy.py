"""Only the corrected cells of a copy differ; everything else is the same byte for byte."""

import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.reviewing.delimited_copy import DIALECTS, Change, copy_delimited, with_cell

CSV, TSV = DIALECTS["csv"], DIALECTS["tsv"]


def copied(folder, content, dialect, change):
    path = folder / "in.txt"
    path.write_bytes(content)
    out = io.BytesIO()
    counts = copy_delimited(str(path), dialect, out, change)
    return out.getvalue(), (counts.before, counts.after)


def test_a_copy_without_changes_is_the_same_byte_for_byte(tmp_path):
    content = b'\xef\xbb\xbfa,y\r\n"007, ""x""\nz",1\r\n\r\n,\r\n too,many,fields\r\nlast,"2"'
    assert copied(tmp_path, content, CSV, Change("y", {})) == (content, (4, 4))


def test_only_the_corrected_cells_change(tmp_path):
    content = b'a,y,b\r\n"1,5",no," ""q"" "\r\n007,"no",\r\nx,no,y'
    found, _ = copied(tmp_path, content, CSV, Change("y", {2: "yes", 3: "a,b"}))
    assert found == b'a,y,b\r\n"1,5",yes," ""q"" "\r\n007,"a,b",\r\nx,no,y'


def test_a_row_is_named_by_the_line_on_which_it_begins(tmp_path):
    content = b'a,y\n"two\nlines",1\nx,2\n'
    assert copied(tmp_path, content, CSV, Change("y", {4: "9"}))[0] == b'a,y\n"two\nlines",1\nx,9\n'


def test_quotes_of_a_tsv_file_are_data(tmp_path):
    content = b'a\ty\n"open\t1\n\'x"\t1\n'
    assert copied(tmp_path, content, TSV, Change("y", {2: "5"}))[0] == b'a\ty\n"open\t5\n\'x"\t1\n'


def test_rows_are_added_in_the_order_of_the_columns_with_the_files_line_ends(tmp_path):
    added = [{"y": "1", "a": 'x,"y"\nz'}, {"a": None, "y": "2", "more": "dropped"}]
    found, counts = copied(tmp_path, b"a,y\r\nx,1", CSV, Change("y", {}, added=added))
    assert found == b'a,y\r\nx,1\r\n"x,""y""\nz",1\r\n,2\r\n'
    assert counts == (1, 3)


def test_only_the_answered_rows_are_kept_on_demand(tmp_path):
    found, counts = copied(tmp_path, b"a,y\n1,1\n\n2,2\n3,3", CSV, Change("y", {5: "9"}, only={2, 5}))
    assert found == b"a,y\n1,1\n3,9"
    assert counts == (3, 2)


def test_a_tsv_file_cannot_hold_a_tab(tmp_path):
    with pytest.raises(ConfigError, match="no tab and no line break"):
        copied(tmp_path, b"a\ty\nx\t1\n", TSV, Change("y", {}, added=[{"a": "x\ty", "y": "1"}]))


def test_a_gzip_file_is_read(tmp_path):
    path = tmp_path / "in.csv.gz"
    path.write_bytes(gzip.compress(b"a,y\nx,1\n"))
    out = io.BytesIO()
    copy_delimited(str(path), CSV, out, Change("y", {2: "2"}))
    assert out.getvalue() == b"a,y\nx,2\n"


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6), min_size=2, max_size=5
    ),
    st.integers(0, 4),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6),
)
def test_a_cell_is_replaced_as_the_csv_module_reads_it(cells, position, value):
    position %= len(cells)
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    record = with_cell(out.getvalue().encode(), position, value, CSV)
    (found,) = csv.reader(io.StringIO(record.decode(), newline=""))
    assert found == [*cells[:position], value, *cells[position + 1 :]]
