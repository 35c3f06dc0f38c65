"""What is said to have drifted: by effect and by chance together, per kind of column."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from components.distribution_validator.columns import ComparedColumn, Kind
from components.distribution_validator.comparison import ColumnComparison, compare, level_of
from components.distribution_validator.settings import DistributionSettings, FeatureDrift
from components.distribution_validator.summary import TableSummary

SETTINGS = DistributionSettings()


def compare_column(
    kind: Kind, before: list, after: list, settings: DistributionSettings = SETTINGS
) -> ColumnComparison:
    (found,) = compare_columns({"x": (kind, before, after)}, settings)
    return found


def compare_columns(
    columns: dict[str, tuple[Kind, list, list]], settings: DistributionSettings = SETTINGS
) -> list[ColumnComparison]:
    named = [ComparedColumn(name, kind) for name, (kind, _, _) in columns.items()]
    sides = []
    for side in (1, 2):
        summary = TableSummary.empty(named)
        arrays = [pa.array(column[side]) for column in columns.values()]
        summary.add(pa.RecordBatch.from_arrays(arrays, names=list(columns)))
        sides.append(summary)
    return compare(*sides, named, settings)


def value_of(found: ColumnComparison, measure: str) -> float:
    return next(item.value for item in found.measures if item.measure == measure)


def test_values_are_measured_by_hand() -> None:
    # Of 500: 250 and 250, now 150 and 350; a fell from one half to three tenths.
    found = compare_column("values", ["a"] * 250 + ["b"] * 250, ["a"] * 150 + ["b"] * 350)
    assert value_of(found, "l_infinity") == pytest.approx(0.2)
    p, q = np.array([250.5, 250.5]) / 501, np.array([150.5, 350.5]) / 501
    assert value_of(found, "psi") == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert {item.test for item in found.measures} == {"chi-square"}
    assert [(item.name, item.before, item.after) for item in found.moved] == [
        ("a", 0.5, pytest.approx(0.3)),
        ("b", 0.5, pytest.approx(0.7)),
    ]
    levels = {item.measure: item.level for item in found.measures}
    assert levels == {"psi": "warn", "jensen_shannon": "warn", "l_infinity": "refuse"}


def test_a_new_value_and_a_lost_value_are_drift() -> None:
    found = compare_column("values", ["a"] * 400 + ["b"] * 100, ["a"] * 400 + ["c"] * 100)
    assert level_of(found.values) == "refuse"
    assert {item.name for item in found.moved[:2]} == {"b", "c"}


def test_numbers_are_measured_by_hand_and_say_where() -> None:
    before, after = list(range(1000)), list(range(300, 1300))
    found = compare_column("numbers", before, after)
    assert value_of(found, "kolmogorov_smirnov") == pytest.approx(0.3)
    # The bins hold 100 each; now the first three hold none, and the last one holds 400.
    p, q = np.full(10, 100.5) / 1005, np.array([0.5] * 3 + [100.5] * 6 + [400.5]) / 1005
    assert value_of(found, "psi") == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert (found.before.quartiles, found.after.quartiles) == ((249.75, 499.5, 749.25), (549.75, 799.5, 1049.25))
    assert level_of(found.values) == "refuse"


def test_a_large_effect_that_may_be_chance_is_no_drift() -> None:
    # 60 of 100 and 45 of 100: 15 points, p = 0.034.
    found = compare_column("values", ["a"] * 60 + ["b"] * 40, ["a"] * 45 + ["b"] * 55)
    largest = next(item for item in found.measures if item.measure == "l_infinity")
    assert largest.value == pytest.approx(0.15)
    assert largest.p == pytest.approx(stats.chi2_contingency([[60, 40], [45, 55]], correction=False).pvalue)
    assert not found.has_drifted


def test_a_sure_effect_that_is_small_is_no_drift() -> None:
    found = compare_column("values", ["a"] * 5000 + ["b"] * 5000, ["a"] * 5500 + ["b"] * 4500)
    assert max(item.adjusted_p for item in found.measures) < 1e-9
    assert not found.has_drifted


def test_p_is_adjusted_for_the_number_of_columns() -> None:
    generator = np.random.default_rng(4)
    columns = {
        f"c{index}": ("values", *(generator.choice(["a", "b"], 400).tolist() for _ in range(2))) for index in range(9)
    }
    found = compare_columns(columns)
    raw = [item.measures[0].p for item in found]
    order = np.argsort(raw)
    # Benjamini and Hochberg (1995): the least of p · n / rank from here on.
    stepped = np.array(raw)[order] * 9 / np.arange(1, 10)
    expected = np.empty(9)
    expected[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1)
    assert [item.measures[0].adjusted_p for item in found] == pytest.approx(expected.tolist())


def test_missing_values_are_measured_on_their_own() -> None:
    found = compare_column("numbers", [1.0, 2.0] * 500, [1.0, 2.0] * 350 + [None] * 300)
    assert found.missing is not None
    assert (found.missing.value, found.missing.level) == (pytest.approx(0.3), "refuse")
    assert level_of(found.values) == "none"
    assert compare_column("numbers", [1.0] * 200, [1.0] * 200).missing is None


def test_a_column_that_is_gone_is_missing_in_all_rows_and_undecided_otherwise() -> None:
    named = [ComparedColumn("x", "numbers")]
    before, after = TableSummary.empty(named), TableSummary.empty(named)
    before.add(pa.RecordBatch.from_arrays([pa.array(range(500))], names=["x"]))
    after.add(pa.RecordBatch.from_arrays([pa.array(range(500))], names=["y"]))
    (found,) = compare(before, after, named, SETTINGS)
    assert found.values == ()
    assert "500 values before and 0 now" in found.undecided
    assert found.missing is not None
    assert (found.missing.value, found.missing.level) == (1.0, "refuse")


def test_dates_and_identifiers_are_reported_and_not_judged() -> None:
    days = compare_column("dates", ["2024-01-01", "2024-01-02"] * 200, ["2025-01-01", "2025-01-02"] * 200)
    assert value_of(days, "kolmogorov_smirnov") == 1.0
    assert (days.severity, days.has_drifted) == ("ignore", False)
    ids = compare_column("values", [f"id{n}" for n in range(500)], [f"id{n}" for n in range(500, 1000)])
    assert (ids.severity, ids.values) == ("ignore", ())
    assert "hardly repeat" in ids.undecided
    named = DistributionSettings(features={"x": FeatureDrift(severity="error")})
    judged = compare_column("dates", ["2024-01-01", "2024-01-02"] * 200, ["2025-01-01", "2025-01-02"] * 200, named)
    assert judged.has_drifted


def test_dates_that_are_no_longer_there_are_judged() -> None:
    found = compare_column("dates", ["2024-01-01", "2024-01-02"] * 200, ["2025-01-01", None] * 200)
    assert found.missing is not None
    assert found.missing.level == "refuse"
    assert found.has_drifted


def test_texts_are_measured_by_their_words_and_lengths() -> None:
    before = ["good book"] * 300 + ["bad book"] * 200
    after = ["good book"] * 100 + ["bad book"] * 200 + ["dreadful little book"] * 200
    found = compare_column("text", before, after)
    # good fell from 300 to 100 of 500 texts. Words: 1,000 and 1,200; two new ones make 400.
    assert value_of(found, "l_infinity") == pytest.approx(0.4)
    assert value_of(found, "unseen_words") == pytest.approx(400 / 1200)
    assert value_of(found, "kolmogorov_smirnov") == pytest.approx(0.4)
    middle = np.array([(300 / 1000 + 100 / 1200), (200 / 1000 + 200 / 1200), (500 / 1000 + 500 / 1200)]) / 2
    one, other = np.array([0.3, 0.2, 0.5]), np.array([1 / 12, 2 / 12, 5 / 12])
    expected = ((one * np.log2(one / middle)).sum() + (other * np.log2(other / middle)).sum()) / 2
    expected += 2 * (1 / 6) / 2  # each new word is in a sixth of the words now, its middle half of that: one bit
    assert value_of(found, "jensen_shannon") == pytest.approx(expected)
    assert found.moved[0].name in ("good", "dreadful", "little")


def test_too_few_values_decide_nothing() -> None:
    found = compare_column("values", ["a"] * 99, ["b"] * 500)
    assert (found.values, found.has_drifted) == ((), False)
    assert "99 values before and 500 now; 100 on both sides are needed" in found.undecided


def test_a_column_of_another_kind_is_undecided() -> None:
    before, after = (TableSummary.empty([ComparedColumn("x", kind)]) for kind in ("values", "numbers"))
    for side in (before, after):
        side.add(pa.RecordBatch.from_arrays([pa.array([1, 2])], names=["x"]))
    (found,) = compare(before, after, [ComparedColumn("x", "numbers")], SETTINGS)
    assert "was compared as values and now is as numbers" in found.undecided


def test_bounds_of_a_column_are_its_own() -> None:
    before, after = ["a"] * 250 + ["b"] * 250, ["a"] * 150 + ["b"] * 350
    lenient = FeatureDrift(
        warn={"psi": 1.0, "jensen_shannon": 0.5, "l_infinity": None}, refuse={"l_infinity": None, "psi": None}
    )
    settings = DistributionSettings(features={"x": lenient})
    assert level_of(compare_column("values", before, after, settings).values) == "none"
    strict = DistributionSettings(refuse={"psi": 0.1})
    assert level_of([compare_column("values", before, after, strict).measures[0]]) == "refuse"


def test_a_comparison_is_read_as_it_was_written() -> None:
    for found in (
        compare_column("numbers", list(range(300)), [*range(200), None]),
        compare_column("text", ["good book"] * 300, ["bad"] * 200),
        compare_column("values", ["a"] * 3, ["b"] * 5),
    ):
        assert ColumnComparison.from_json(found.to_json()) == found


def test_the_order_of_the_sides_changes_no_distance_of_values() -> None:
    before, after = ["a"] * 250 + ["b"] * 250, ["a"] * 150 + ["b"] * 300 + ["c"] * 70
    forth, back = compare_column("values", before, after), compare_column("values", after, before)
    for one, other in zip(forth.measures, back.measures, strict=True):
        assert one.value == pytest.approx(other.value)
        assert one.p == pytest.approx(other.p)
