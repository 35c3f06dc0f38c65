"""Thresholds and settings: what they refuse, and their way through JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.demands import Demands, demands_of, problems_of
from components.evaluator.metric_names import METRIC_NAMES, direction_of, metrics_of
from components.evaluator.settings import (
    DEFAULT_CHANGE_THRESHOLDS,
    DEFAULT_THRESHOLDS,
    ChangeThreshold,
    EvaluationSettings,
    Threshold,
)
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind

CATEGORIES = (("colour", 3), ("city", 500), ("unknown_size", None))


def spec(kind: LabelKind = LabelKind.BINARY) -> FeatureSpec:
    categories = (Feature(name, FeatureKind.CATEGORICAL, DType.STRING, cardinality=size) for name, size in CATEGORIES)
    return FeatureSpec(
        Label("bought", kind, DType.INT64), (*categories, Feature("age", FeatureKind.NUMERIC, DType.INT64))
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Threshold("acuracy", lower=0.5), "Did you mean 'accuracy'"),
        (lambda: Threshold("auc"), "give lower, upper or both"),
        (lambda: Threshold("auc", lower=0.9, upper=0.1), "lower 0.9 is above upper 0.1"),
        (lambda: ChangeThreshold("auc"), "give absolute, relative or both"),
        (lambda: ChangeThreshold("mean_label", absolute=0.1), "give a direction"),
        (lambda: EvaluationSettings(metrics=("aucc",)), "Did you mean 'auc'"),
        (lambda: EvaluationSettings(min_examples_per_slice=0), "min_examples_per_slice: 0 is below 1"),
    ],
)
def test_a_bad_setting_is_refused_with_what_to_do(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("kind", LabelKind)
def test_the_defaults_exist_for_each_kind_of_label(kind: LabelKind) -> None:
    for bound in (*DEFAULT_THRESHOLDS[kind], *DEFAULT_CHANGE_THRESHOLDS[kind]):
        assert bound.metric in metrics_of(kind)
    assert demands_of(spec(kind), EvaluationSettings()).thresholds


def test_slices_are_by_default_the_categories_of_few_values() -> None:
    assert demands_of(spec(), EvaluationSettings()).slices == (("colour",),)
    assert demands_of(spec(), EvaluationSettings(max_slice_cardinality=500)).slices == (("colour",), ("city",))


def test_what_a_threshold_needs_is_measured_without_being_asked_for() -> None:
    settings = EvaluationSettings(
        metrics=("precision",), slices=(), thresholds=(Threshold("recall", lower=0.1, slice=("city", "age")),)
    )
    demands = demands_of(spec(), settings)
    # The change threshold by default is on AUC.
    assert demands.metrics == ("example_count", "auc", "precision", "recall")
    assert demands.slices == (("age", "city"),)


def test_settings_that_do_not_fit_the_table_are_all_reported() -> None:
    settings = EvaluationSettings(thresholds=(Threshold("r2", lower=0.1),), slices=("color", ("city", "aeg")))
    problems = problems_of(spec(), settings)
    assert len(problems) == 3
    assert problems[0].startswith("evaluation: there is no r2 for a binary label")
    assert "Did you mean 'colour'" in problems[1]
    assert "Did you mean 'age'" in problems[2]
    with pytest.raises(ValueError, match=r"(?s)r2.*colour.*age"):
        demands_of(spec(), settings)


numbers = st.floats(-1e6, 1e6)
slicings = st.none() | st.just("*") | st.text(min_size=1) | st.lists(st.text(min_size=1), min_size=2).map(tuple)
thresholds = st.builds(Threshold, st.sampled_from(METRIC_NAMES), numbers, st.none(), slicings)
changes = st.builds(
    ChangeThreshold,
    st.sampled_from([name for name in METRIC_NAMES if direction_of(name) is not None]),
    numbers,
    st.none() | numbers,
    st.sampled_from([None, "higher_is_better", "lower_is_better"]),
    slicings,
)
all_settings = st.builds(
    EvaluationSettings,
    st.none() | st.lists(st.sampled_from(METRIC_NAMES)).map(tuple),
    st.none() | st.lists(thresholds, max_size=2).map(tuple),
    st.none() | st.lists(changes, max_size=2).map(tuple),
    st.just("auto") | st.lists(st.text() | st.lists(st.text()).map(tuple), max_size=3).map(tuple),
)


@given(all_settings)
def test_settings_survive_json(settings: EvaluationSettings) -> None:
    assert EvaluationSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_demands_survive_json() -> None:
    demands = demands_of(spec(), EvaluationSettings(slices=(("city", "age"), "colour")))
    assert Demands.from_json(json.loads(json.dumps(demands.to_json()))) == demands
