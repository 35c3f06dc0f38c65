"""Values become int64, float32 or bytes; those that do not fit are told apart, not lost."""

import datetime
import decimal

import pyarrow as pa
import pytest

from components.arrow_example_gen.columns import canonical, canonical_text, convert, is_supported, single_values
from components.arrow_example_gen.options import ReadOptions
from components.errors import BadData
from models.tabular_text.features import DType

OPTIONS = ReadOptions()
BERLIN = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([datetime.date(2024, 2, 29)]), ["2024-02-29"]),
        (pa.array([datetime.datetime(2024, 1, 2, 3, 4, 5)], pa.timestamp("ns")), ["2024-01-02T03:04:05"]),
        (pa.array([datetime.datetime(2024, 1, 2, 3, 4, 5, 120000)], pa.timestamp("us")), ["2024-01-02T03:04:05.12"]),
        (
            pa.array([datetime.datetime(2024, 1, 2, 3, 4, tzinfo=BERLIN)], pa.timestamp("s", "Europe/Berlin")),
            ["2024-01-02T01:04:00Z"],
        ),
        (pa.array([datetime.time(1, 2, 3)]), ["01:02:03"]),
        (pa.array([decimal.Decimal("1.25")]), [1.25]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([200], pa.uint8()), [200]),
        (pa.array([[1], None, [], [2, 3]], pa.large_list(pa.int16())), [[1], None, [], [2, 3]]),
        (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), [[1, 2], None]),
    ],
)
def test_every_supported_type_has_one_canonical_form(array, expected):
    assert is_supported(array.type)
    assert canonical(array, "column").to_pylist() == expected


@pytest.mark.parametrize(
    "unsupported", [pa.struct([("a", pa.int64())]), pa.list_(pa.list_(pa.int64())), pa.duration("s")]
)
def test_nested_values_are_not_supported(unsupported):
    assert not is_supported(unsupported)


def test_integers_beyond_int64_are_refused_not_wrapped():
    with pytest.raises(BadData, match="'id' holds integers beyond int64"):
        canonical(pa.array([2**63], pa.uint64()), "id", "f.parquet")


@pytest.mark.parametrize(
    ("cells", "dtype", "values", "bad_rows"),
    [
        (["1", "", "NA", " 7 ", "+5"], DType.INT64, [1, None, None, 7, 5], []),
        (["1", "1.5", "0x1F", "x", "9223372036854775808", "1_000"], DType.INT64, [1, *[None] * 5], [1, 2, 3, 4, 5]),
        (["1.5", ".5", "1e3", "nan", "-2."], DType.FLOAT32, [1.5, 0.5, 1000, None, -2], []),
        (["1.5", "1,5", "0x1F", "٣"], DType.FLOAT32, [1.5, None, None, None], [1, 2, 3]),
        (["", "NA", " x "], DType.STRING, [None, b"NA", b" x "], []),
    ],
)
def test_text_is_parsed_and_misfits_are_located(cells, dtype, values, bad_rows):
    converted = convert(pa.array(cells), dtype, OPTIONS)
    assert converted.values.to_pylist() == values
    assert sorted(converted.bad) == bad_rows


def test_reasons_say_what_was_expected_and_seen():
    assert convert(pa.array(["abc"]), DType.INT64, OPTIONS).bad == {0: "expected an int64, saw 'abc'"}


def test_typed_values_convert_only_without_loss():
    assert convert(pa.array([1.0, None, 2.5]), DType.INT64, OPTIONS).bad == {2: "expected an int64, saw 2.5"}
    assert convert(pa.array([1.0, float("nan")]), DType.INT64, OPTIONS).values.to_pylist() == [1, None]
    assert convert(pa.array([7, None]), DType.STRING, OPTIONS).values.to_pylist() == [b"7", None]
    assert convert(pa.array([1.5, float("nan")]), DType.FLOAT32, OPTIONS).values.to_pylist() == [1.5, None]
    assert convert(pa.array([["a"], None]), DType.INT64, OPTIONS).bad == {0: "expected an int64, saw string values"}


BIGGEST = 3.4028234663852886e38  # (2 - 2**-23) * 2**127


@pytest.mark.parametrize(
    ("array", "values", "seen"),
    [
        (pa.array(["1.5", "1.2e300", "NA", "-1e400"]), [1.5, None, None, None], {1: "1.2e300", 3: "-1e400"}),
        (pa.array(["x", "inf", "3"]), [None, None, 3], {1: "inf"}),
        (pa.array([0.5, 1e300, None, float("-inf")]), [0.5, None, None, None], {1: "1e+300", 3: "-inf"}),
        (pa.array([float("nan"), BIGGEST, -BIGGEST]), [None, BIGGEST, -BIGGEST], {}),
        (
            pa.array([[1.0], None, [2.0, 1e39], [], [float("inf")]]),
            [[1], None, None, [], None],
            {2: "1e+39", 4: "inf"},
        ),
    ],
)
def test_a_number_beyond_float32_is_a_bad_value_and_never_infinity(array, values, seen):
    converted = convert(array, DType.FLOAT32, OPTIONS)
    assert converted.values.to_pylist() == values
    reasons = {row: f"'{text}' is not a finite float32 number (beyond ±3.4e38)" for row, text in seen.items()}
    assert {row: reason for row, reason in converted.bad.items() if "finite" in reason} == reasons


def test_equal_values_of_different_types_have_the_same_text():
    assert canonical_text(pa.array([5, None])).to_pylist() == ["5", None]
    assert canonical_text(pa.array([5.0, 0.5, float("nan")])).to_pylist() == ["5", "0.5", None]
    assert canonical_text(pa.array([1e20])).to_pylist() == ["1e+20"]


def test_lists_of_at_most_one_value_are_values():
    assert single_values(pa.array([[1], None, [], [4]])).to_pylist() == [1, None, None, 4]
    several = pa.array([[1, 2], None])
    assert single_values(several) is several
