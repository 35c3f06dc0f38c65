import datetime
import json

import pytest

from components.bias_evaluator.settings import (
    BiasChangeThreshold,
    BiasSettings,
    BiasThreshold,
    Facet,
    problems_of,
    severity_of,
)
from components.gate.waiver import Waiver
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind

AGE = Feature("age", FeatureKind.NUMERIC, DType.FLOAT32)
SEX = Feature("sex", FeatureKind.IGNORED, DType.STRING)


def spec(kind, *features):
    return FeatureSpec(Label("y", kind, DType.INT64), features or (AGE, SEX))


def test_settings_come_back_from_json_as_they_were():
    settings = BiasSettings(
        facets=(Facet("sex", values=("f",)), Facet("age", above=40.0), Facet("region")),
        positive_values=(4, 5),
        group="job",
        thresholds=(BiasThreshold("CDDL", -0.1, 0.1, "sex", "error"),),
        change_thresholds=(BiasChangeThreshold("DI", 0.2),),
        waivers=(Waiver("DI(sex=f)", "agreed", datetime.date(2026, 1, 2)),),
    )
    assert BiasSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert BiasSettings.from_json(json.loads(json.dumps(BiasSettings().to_json()))) == BiasSettings()


def test_facets_are_named_by_what_is_in_them():
    facets = [Facet("age", above=40.0), Facet("stars", values=(4, 5.0, True)), Facet("sex")]
    assert [facet.name for facet in facets] == ["age>40", "stars=4|5|true", "sex"]


def test_what_labels_show_is_told_and_what_the_model_shows_refuses():
    assert severity_of(BiasThreshold("DPL", 0)) == "warning"
    assert severity_of(BiasThreshold("RD", 0)) == "error"
    assert severity_of(BiasChangeThreshold("DPL", 0.1, severity="error")) == "error"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: Facet("", ()), "column is empty"),
        (lambda: Facet("age", ("1",), 4.0), "values or above, not both"),
        (lambda: BiasThreshold("DII", 0.8), "'DII' is not a bias metric. Did you mean 'DI'?"),
        (lambda: BiasThreshold("DI"), "give lower, upper or both"),
        (lambda: BiasThreshold("DI", 2, 1), "lower 2 is above upper 1"),
        (lambda: BiasChangeThreshold("DI", -1), "absolute -1 is below 0"),
        (lambda: BiasSettings(facets=(Facet("a"), Facet("a"))), "facet a is there more than once"),
        (lambda: BiasSettings(positive_values=(1,), positive_above=0.5), "give one of them"),
        (lambda: BiasSettings(min_rows=0, replicates=1, confidence=1.0), "min_rows is 0"),
        (lambda: BiasSettings(thresholds=(BiasThreshold("CDDL", 0),)), "needs group"),
        (lambda: BiasSettings(facets=(Facet("a"),), thresholds=(BiasThreshold("DI", 0, column="b"),)), "of no facet"),
    ],
)
def test_a_mistake_is_named(made, words):
    with pytest.raises(ValueError, match=r".") as error:
        made()
    assert words in str(error.value)


def test_every_mistake_is_named_at_once():
    with pytest.raises(ValueError, match=r"min_rows") as error:
        BiasSettings(min_rows=0, max_values=0, replicates=1, confidence=0.1)
    assert len(str(error.value).splitlines()) == 4


def test_without_facets_nothing_is_asked_of_the_label():
    assert problems_of(BiasSettings(), spec(LabelKind.MULTICLASS)) == []


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({}, LabelKind.MULTICLASS, "bias.positive_values is empty"),
        ({}, LabelKind.REGRESSION, "bias.positive_above is not set"),
        ({"positive_above": 1.0}, LabelKind.BINARY, "list its positive classes"),
        ({"facets": (Facet("y"),)}, LabelKind.BINARY, "the label itself"),
        ({"facets": (Facet("sexx"),)}, LabelKind.BINARY, "no column 'sexx'. Did you mean 'sex'?"),
        ({"group": "jobs"}, LabelKind.BINARY, "no column 'jobs'"),
        ({"facets": (Facet("sex", above=1.0),)}, LabelKind.BINARY, "holds text; list values"),
    ],
)
def test_what_does_not_fit_label_or_columns_is_said_before_the_run(settings, kind, words):
    (problem,) = problems_of(BiasSettings(**{"facets": (Facet("sex"),), **settings}), spec(kind))
    assert words in problem


def test_a_column_that_the_model_does_not_use_can_be_a_facet():
    settings = BiasSettings(facets=(Facet("sex"), Facet("age", above=40.0)))
    assert problems_of(settings, spec(LabelKind.BINARY)) == []
