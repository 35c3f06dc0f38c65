import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sample_data.broken_rows import broken_line, good_rows_before


@pytest.mark.parametrize("delimiter", [b"\t", b","])
def test_each_kind_of_broken_row_has_the_one_fault_it_is_made_for(delimiter: bytes) -> None:
    few, many, latin, wordy = (broken_line(number, delimiter).rstrip(b"\n").split(delimiter) for number in range(4))
    assert len(few) < 15 < len(many)
    assert len(latin) == len(wordy) == 15
    with pytest.raises(UnicodeDecodeError):
        latin[13].decode()
    assert wordy[7] == b"five"
    assert few[7] == many[7] == latin[7] == b"5"
    for fields in (few, many, wordy):
        b"".join(fields).decode()


def test_kinds_come_in_turn_and_ids_count() -> None:
    assert b"RBROKEN0000007" in broken_line(7, b"\t")
    assert broken_line(7, b"\t").count(b"\t") == broken_line(3, b"\t").count(b"\t")


@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_broken_rows_stand_in_order_within_the_good_ones(rows: int, broken_rows: int) -> None:
    places = [good_rows_before(number, rows, broken_rows) for number in range(broken_rows)]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= rows


def test_three_broken_rows_cut_the_good_ones_into_quarters() -> None:
    assert [good_rows_before(number, 100, 3) for number in range(3)] == [25, 50, 75]
