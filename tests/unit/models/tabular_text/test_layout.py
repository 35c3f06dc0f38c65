"""Every column has its own name after Transform, and what cannot work is refused before anything runs."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabular_text.errors import BadSettings
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from models.tabular_text.layout import argument_names, examples_argument, file_safe, layout_of

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
    assert argument_names(["star_rating", "Plan"]) == {"star_rating": "star_rating", "Plan": "Plan"}


AWKWARD = ["", "class", "from", "self", "args", "None", "1st", "_x", "a b", "a-b", "Age", "age", "AGE", "y" * 300]


@given(st.lists(st.sampled_from(AWKWARD) | st.text("aA_1é ", max_size=4), unique=True, max_size=12))
def test_every_column_has_an_argument_that_python_and_tensorflow_accept(names: list[str]) -> None:
    # What the escaped names are called may be a column's name, too.
    names = list(dict.fromkeys([*names, *argument_names(names).values()]))
    arguments = argument_names(names)
    assert list(arguments) == names
    assert len({argument.lower() for argument in arguments.values()}) == len(names)
    for argument in arguments.values():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", argument)
        assert argument not in ("self", "args")
        exec(f"def function({argument}): pass")


@pytest.mark.parametrize(
    ("columns", "argument"),
    [
        (["x"], "examples"),
        (["examples"], "serialized_examples"),
        (["serialized_examples"], "examples"),
        (["examples", "serialized_examples"], "serialized_examples_2"),
    ],
)
def test_no_column_is_called_as_the_serialized_rows_are(columns: list[str], argument: str) -> None:
    ignored = [Feature(name, FeatureKind.IGNORED, DType.STRING) for name in columns]
    assert examples_argument(spec_of(*ignored)) == argument
    last = Label(columns[-1], LabelKind.MULTICLASS, DType.INT64)
    assert examples_argument(spec_of(*ignored[:-1], label=last)) == argument
