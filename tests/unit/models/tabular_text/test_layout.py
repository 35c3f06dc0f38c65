"""Every column has its own name after Transform, and what cannot work is refused before anything runs."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabular_text.errors import BadSettings
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from models.tabular_text.layout import file_safe, layout_of

LABEL = Label("stars", LabelKind.MULTICLASS, DType.INT64)


def spec_of(*features: Feature, label: Label = LABEL) -> FeatureSpec:
    return FeatureSpec(label, features)


def test_columns_are_packed_by_what_they_become() -> None:
    layout = layout_of(
        spec_of(
            Feature("age", FeatureKind.NUMERIC, DType.INT64),
            Feature("day", FeatureKind.DATE, DType.STRING),
            Feature("kind", FeatureKind.CATEGORICAL, DType.STRING),
            Feature("body", FeatureKind.TEXT, DType.STRING),
            Feature("id", FeatureKind.IGNORED, DType.STRING),
        )
    )
    assert layout.numbers == ("age_xf", "age__missing_xf", "day_xf", "day__missing_xf")
    assert [column.name for column in layout.categories] == ["day__month_xf", "day__weekday_xf", "kind_xf"]
    assert [column.fixed_size for column in layout.categories] == [13, 8, 0]
    assert [column.name for column in layout.texts] == ["body_xf"]
    assert layout.label == "stars_xf"


def test_two_columns_with_one_name_after_transform_are_refused() -> None:
    number = Feature("age", FeatureKind.NUMERIC, DType.INT64)
    with pytest.raises(BadSettings, match="age__missing_xf"):
        layout_of(spec_of(number, Feature("age__missing", FeatureKind.CATEGORICAL, DType.INT64)))


def test_a_model_without_inputs_is_refused() -> None:
    with pytest.raises(BadSettings, match="no input"):
        layout_of(spec_of(Feature("id", FeatureKind.IGNORED, DType.STRING)))


def test_regression_on_strings_is_refused() -> None:
    label = dataclasses.replace(LABEL, kind=LabelKind.REGRESSION, dtype=DType.STRING)
    with pytest.raises(BadSettings, match="regression needs numbers"):
        layout_of(spec_of(Feature("age", FeatureKind.NUMERIC, DType.INT64), label=label))


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=8))
def test_file_names_are_plain_and_never_meet(names: list[str]) -> None:
    safe = [file_safe(name) for name in names]
    assert len(set(safe)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) for name in safe)


def test_plain_names_stay_as_they_are() -> None:
    assert file_safe("star_rating") == "star_rating"
