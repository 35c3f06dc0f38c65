"""Scales and charts by arithmetic: where a value is drawn follows from the size of the drawing."""

import itertools
import math
import re
import xml.etree.ElementTree as ET

import pytest

from pipeline.readers.statistics import Bucket, NumericStatistics
from pipeline.report.curves import Curve, curves
from pipeline.report.histogram import Bar, Distribution, distributions, histogram, side_by_side, sparkline
from pipeline.report.intervals import interval
from pipeline.report.matrix import MOST_CLASSES, confusion_matrix, confusions
from pipeline.report.parallel import Trial, parallel_coordinates
from pipeline.report.reliability import Point, reliability
from pipeline.report.scales import Linear, covering, extent


def parsed(markup):
    """The drawing as XML: whatever goes in, it is well-formed."""
    return ET.fromstring(str(markup))


def elements(markup, name, class_=None):
    return [item for item in parsed(markup).iter(name) if class_ is None or class_ in item.get("class", "").split()]


def numeric(**changes):
    fields = {
        "mean": 2.0,
        "std_dev": 1.0,
        "min": 0.0,
        "median": 2.0,
        "max": 4.0,
        "zeros": 0,
        "histogram": (),
        "quantiles": (),
    }
    return NumericStatistics(**{**fields, **changes})


def test_values_outside_the_range_are_put_at_its_ends():
    scale = Linear(0, 10, 0, 100)
    assert (scale(-5), scale(5), scale(50)) == (0, 50, 100)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 1e-9])
def test_a_range_of_one_value_has_its_value_in_the_middle(value):
    assert Linear(value, value, 0, 100)(value) == pytest.approx(50)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 17), (0.001, 0.0042), (1e6, 5e9), (-1, -0.5)])
def test_ticks_are_round_few_and_inside(low, high):
    for most in (2, 3, 5, 8):
        ticks = Linear(low, high, 0, 1).ticks(most)
        assert len(ticks) <= most
        assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
        assert all(re.fullmatch(r"-?[125]?\d(\.\d)?e[+-]\d+|-?0.*", f"{tick:.1e}") for tick in ticks)
    assert Linear(low, high, 0, 1).ticks(5)


def test_an_axis_covers_its_values_in_equal_steps():
    ticks = covering(0.37, 0.94)
    assert ticks[0] <= 0.37
    assert ticks[-1] >= 0.94
    assert {round(b - a, 9) for a, b in itertools.pairwise(ticks)} == {0.2}


def test_values_that_are_no_numbers_have_no_extent():
    assert extent([None, math.nan, math.inf]) is None


def test_areas_of_bars_are_shares_whatever_their_widths():
    bars = (Bar(0, 1, 30, 0, 1), Bar(1, 4, 30, 1, 4))
    drawn = elements(histogram(Distribution(bars), title="t"), "rect")
    areas = [(float(bar.get("width")) + 1) * float(bar.get("height")) for bar in drawn]
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    assert drawn[0].find("title").text == "0 to 1: 30 (50 %)"


def test_splits_side_by_side_have_the_same_axes():
    few = numeric(histogram=(Bucket(0, 1, 5), Bucket(1, 2, 5)))
    many = numeric(histogram=(Bucket(0, 1, 900), Bucket(1, 10, 100)))
    drawn = side_by_side(distributions({"train": many, "eval": few}), name="age")
    train, evaluation = elements(f"<div>{drawn}</div>", "svg")
    first = [svg.findall("rect")[0] for svg in (train, evaluation)]
    # A bin of width 1 has the share 0.9 in train and 0.5 in eval.
    assert float(first[1].get("height")) / float(first[0].get("height")) == pytest.approx(0.5 / 0.9, rel=0.01)
    assert first[0].get("width") == first[1].get("width")


def test_a_very_skewed_feature_has_a_logarithmic_axis_and_keeps_every_value():
    quantiles = tuple(Bucket(*edges, 10) for edges in ((0, 0), (0, 0), (0, 0), (0, 1), (1, 3), (3, 9), (9, 5000)))
    skewed = numeric(mean=5.0, max=5000.0, quantiles=quantiles, histogram=(Bucket(0, 5000, 70),))
    (found,) = distributions({"train": skewed}).values()
    assert found.is_logarithmic
    assert found.total == 70
    assert found.bars[0] == Bar(0, 1, 40, 0.0, pytest.approx(math.log(2)))
    assert "the axis is logarithmic" in histogram(found, title="t")


def test_negative_values_never_get_a_logarithmic_axis():
    skewed = numeric(
        mean=1.0, min=-1.0, max=5000.0, quantiles=(Bucket(-1, 5000, 10),), histogram=(Bucket(-1, 5000, 10),)
    )
    assert not distributions({"train": skewed})["train"].is_logarithmic


def test_a_feature_without_values_has_an_empty_drawing():
    assert distributions({"train": numeric(min=None, max=None, mean=None)}) == {}
    assert parsed(sparkline({}, name="x")).get("role") == "img"


def test_curves_rise_where_values_rise_and_stop_where_there_are_none():
    markup = curves([Curve("loss", [1.0, None, 0.5, math.nan])], title="loss")
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in elements(markup, "circle")]
    assert len(dots) == 2
    assert dots[0][1] < dots[1][1]  # the drawing's y grows downwards
    assert "loss goes from 1 to 0.5 in 4 epochs" in markup


def test_names_of_curves_that_end_together_do_not_overlap():
    lines = [Curve(name, [1.0, 0.5]) for name in "abcd"]
    heights = sorted(float(text.get("y")) for text in elements(curves(lines, title="t"), "text", "pn-series"))
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 12


def test_curves_differ_in_more_than_colour():
    lines = elements(curves([Curve("a", [1, 2]), Curve("b", [2, 1])], title="t"), "path", "pn-line")
    assert lines[0].get("stroke-dasharray") != lines[1].get("stroke-dasharray")


def test_an_interval_lies_around_its_value():
    markup = interval(0.8, 0.7, 0.9, name="accuracy", ranges=(0.0, 1.0), reference=0.75)
    whisker = elements(markup, "line", "pn-whisker")[0]
    centre = float(elements(markup, "circle")[0].get("cx"))
    assert centre - float(whisker.get("x1")) == pytest.approx(float(whisker.get("x2")) - centre, abs=0.02)
    assert "accuracy: 0.8, interval 0.7 to 0.9; all rows 0.75" in markup


def test_trials_are_drawn_over_what_they_differ_in_only():
    trials = [Trial("a", {"units": 8, "same": 1}, 0.5), Trial("b", {"units": 16, "same": 1}, 0.7)]
    markup = parallel_coordinates(trials, objective="accuracy", larger_is_better=True)
    heads = [text.find("title").text for text in elements(markup, "text") if text.find("title") is not None]
    assert heads == ["units", "accuracy"]
    best = elements(markup, "path", "pn-best")
    assert [item.find("title").text for item in best] == ["b: accuracy 0.7 (best)"]


@pytest.mark.parametrize(("larger", "best"), [(True, "c"), (False, "a")])
def test_the_best_trial_follows_the_direction_and_failed_ones_are_left_out(larger, best):
    trials = [
        Trial("a", {"x": 1}, 0.1),
        Trial("b", {"x": 2}, None),
        Trial("n", {"x": 2}, math.nan),
        Trial("c", {"x": 3}, 0.9),
    ]
    markup = parallel_coordinates(trials, objective="loss", larger_is_better=larger)
    assert len(elements(markup, "path", "pn-trial")) == 2
    assert elements(markup, "path", "pn-best")[0].find("title").text.startswith(f"{best}: ")


def test_a_logarithmic_axis_puts_the_geometric_mean_in_the_middle():
    trials = [Trial(str(rate), {"rate": rate}, rate) for rate in (0.001, 0.01, 0.1)]
    markup = parallel_coordinates(trials, objective="loss", larger_is_better=True, logarithmic=["rate"])
    starts = sorted(float(item.get("d").split("L")[0].split(",")[1]) for item in elements(markup, "path", "pn-trial"))
    assert starts[1] == pytest.approx((starts[0] + starts[2]) / 2, abs=0.02)
    assert "logarithmic" in markup


def test_no_trials_no_objective_and_mixed_values_are_drawn():
    parallel_coordinates([], objective="loss", larger_is_better=False)
    parallel_coordinates(
        [Trial("a", {"x": "one"}, None), Trial("b", {"x": 2}, None)], objective="l", larger_is_better=False
    )


def test_recall_and_precision_are_shares_of_row_and_column():
    markup = confusion_matrix(("no", "yes"), ((8, 2), (1, 9)), caption="Confusion")
    cells = [[cell.text for cell in row] for row in elements(markup, "tr")]
    assert cells[1] == ["no", "8", "2", "80 %"]
    assert cells[2] == ["yes", "1", "9", "90 %"]
    assert cells[3][:3] == ["precision", "88.9 %", "81.8 %"]


def test_many_classes_are_told_by_their_commonest_mistakes():
    size = MOST_CLASSES + 1
    counts = [[100 if row == column else 0 for column in range(size)] for row in range(size)]
    counts[3][7] = 50
    names = [f"c{index}" for index in range(size)]
    assert confusion_matrix(names, counts, caption="c") == confusions(names, counts, caption="c")
    assert [cell.text for cell in elements(confusions(names, counts, caption="c"), "tr")[1]] == [
        "c3",
        "c7",
        "50",
        "33.3 %",
    ]


def test_an_honest_point_lies_on_the_diagonal():
    markup = reliability([Point(0.25, 0.25, 10), Point(0.75, 0.5, 30, 0.4, 0.6), Point(0.9, 0.9, 0)], title="t")
    diagonal = elements(markup, "line", "pn-marked")[0]
    x1, y1, x2, y2 = (float(diagonal.get(name)) for name in ("x1", "y1", "x2", "y2"))
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in elements(markup, "circle")]
    assert len(dots) == 2
    on_line = [y1 + (x - x1) / (x2 - x1) * (y2 - y1) for x, _ in dots]
    assert dots[0][1] == pytest.approx(on_line[0], abs=0.02)
    assert dots[1][1] > on_line[1]  # it promises too much: below the diagonal


def test_rows_of_a_bin_are_the_height_of_its_bar():
    bars = elements(reliability([Point(0.2, 0.2, 10), Point(0.8, 0.8, 40)], title="t"), "rect")
    assert float(bars[1].get("height")) == pytest.approx(4 * float(bars[0].get("height")), rel=0.01)
