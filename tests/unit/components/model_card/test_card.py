"""The card as a document."""

import dataclasses
import json

import jsonschema
import pytest
from card_evidence import MEASURED, WRITTEN, analysis, bias_report, evidence, explanation, known, verdict

from components.gate.verdict import Finding
from components.gate.waiver import Waiver
from components.model_card.card import PARTS, build_card
from components.model_card.document import SCHEMA_FILE, parse_card
from components.model_card.evidence import Known, Part, Rows
from components.model_card.settings import CardSettings
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.features import Feature, FeatureKind, LabelKind

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def valid(card):
    """The card, after it held against its own schema, as it is read again."""
    again = parse_card(json.dumps(card, allow_nan=False))
    VALIDATOR.validate(again)
    return again


def card_of(settings=WRITTEN, what=None, **changes):
    return valid(build_card(settings, what or known(), evidence(**changes)))


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


def test_a_whole_card_misses_nothing() -> None:
    card = card_of()
    assert card["missing"] == {"sections": [], "evidence": []}
    assert all(card[section] for section in SCHEMA["required"])


@pytest.mark.parametrize("part", MEASURED)
def test_each_part_that_is_not_there_is_told_with_its_reason(part) -> None:
    card = card_of(missing=(part,))
    assert card["missing"]["evidence"] == [{"part": PARTS[part], "reason": f"no {part}, because of a reason"}]


def test_a_card_of_nothing_at_all_is_a_card() -> None:
    card = card_of(CardSettings(), missing=MEASURED, run_id="", tuned={}, verdicts={})
    assert len(card["missing"]["sections"]) == 10
    assert len(card["missing"]["evidence"]) == len(MEASURED)
    assert card["quantitative_analysis"] is card["fairness"] is card["explainability"] is None


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(CardSettings) if field.name != "enabled"])
def test_each_section_that_nobody_wrote_is_named_by_its_key(key) -> None:
    empty = getattr(CardSettings(), key)
    assert card_of(dataclasses.replace(WRITTEN, **{key: empty}))["missing"]["sections"] == [f"card.{key}"]


def test_what_people_wrote_stands_where_readers_look_for_it() -> None:
    card = card_of()
    assert card["model_details"]["overview"] == "Guesses who leaves."
    assert card["model_details"]["owners"] == [
        {"name": "Ann", "contact": "ann@example.org"},
        {"name": "The churn team", "contact": None},
    ]
    assert card["model_details"]["licenses"] == [{"identifier": "Apache-2.0"}]
    assert card["considerations"]["tradeoffs"] == [{"description": "Fast rather than deep."}]
    assert card["considerations"]["ethical_considerations"] == [
        {"name": "May favour the old.", "mitigation_strategy": "Measured by age."},
        {"name": "?", "mitigation_strategy": None},
    ]


def test_metrics_come_with_interval_change_and_what_they_were_held_to() -> None:
    accuracy, skill = card_of()["quantitative_analysis"]["performance_metrics"]
    assert accuracy == {
        "type": "accuracy",
        "slice": "all rows",
        "value": 0.9,
        "confidence_interval": {"lower_bound": 0.85, "upper_bound": 0.94},
        "change": {"value": 0.02, "confidence_interval": {"lower_bound": -0.01, "upper_bound": 0.05}},
        "thresholds": [{"kind": "lower", "threshold": 0.75, "passed": True}],
    }
    assert (skill["value"], skill["confidence_interval"], skill["change"]) == (None, None, None)


def test_a_first_run_has_no_changes() -> None:
    first = card_of(analysis=Part(analysis(baseline=False)))
    assert [metric["change"] for metric in first["quantitative_analysis"]["performance_metrics"]] == [None, None]
    assert first["gates"]["blessing"]["compared_with_a_blessed_model"] is False


@pytest.mark.parametrize(
    ("kind", "classes", "shares"),
    [
        # Rows of class i are 10 * (i + 1) for each predicted class: 20 and 40 of 60; 30, 60 and 90 of 180.
        (LabelKind.BINARY, ["no", "yes"], [1 / 3, 2 / 3]),
        (LabelKind.MULTICLASS, ["no", "yes", "maybe"], [1 / 6, 2 / 6, 3 / 6]),
        (LabelKind.REGRESSION, [], []),
    ],
)
def test_every_kind_of_label_has_a_card(kind, classes, shares) -> None:
    bare = dataclasses.replace(evidence(kind).model.value, description={"inputs": {}, "classes": []})
    label = card_of(what=known(kind), kind=kind, model=Part(bare))["model_parameters"]["label"]
    assert label["kind"] == str(kind)
    assert [item["name"] for item in label["classes"]] == classes
    assert [item["share"] for item in label["classes"]] == pytest.approx(shares)


def test_slices_are_clipped_and_counted() -> None:
    slices = card_of(analysis=Part(analysis(slices=50)))["quantitative_analysis"]["slices"]
    assert (len(slices["worst"]), slices["in_all"]) == (20, 50)
    assert slices["worst"][0] == {
        "slice": "plan = p0",
        "rows": 60,
        "value": 0.7,
        "confidence_interval": {"lower_bound": 0.6, "upper_bound": 0.8},
        "harm": 12.0,
        "worse_beyond_chance": True,
    }


def test_columns_facets_features_and_findings_are_clipped_and_counted() -> None:
    many = tuple(Feature(f"c{index}", FeatureKind.NUMERIC, known().features.features[0].dtype) for index in range(300))
    wide = known(features=dataclasses.replace(known().features, features=many))
    report = bias_report(**{f"f{index}": "passed" for index in range(25)})
    failing = verdict(*(Finding(f"check {index}", False, "error", "Broken.") for index in range(30)))
    card = card_of(
        what=wide,
        bias=Part(report),
        explanation=Part(explanation(40)),
        verdicts={"DataQualityGate": Part(failing)},
    )
    assert (len(card["model_parameters"]["columns"]), card["model_parameters"]["columns_in_all"]) == (200, 300)
    assert (len(card["fairness"]["facets"]), card["fairness"]["in_all"]) == (20, 25)
    assert (len(card["explainability"]["global_importances"]), card["explainability"]["in_all"]) == (30, 40)
    (told,) = card["gates"]["verdicts"]
    assert (len(told["failed"]), told["failed_in_all"]) == (20, 30)


def test_facets_beyond_a_threshold_come_first() -> None:
    report = bias_report(calm="passed", told="warned", sharp="failed", quiet="")
    names = [facet["name"] for facet in card_of(bias=Part(report))["fairness"]["facets"]]
    assert names == ["sharp", "told", "calm", "quiet"]


def test_a_gate_is_told_with_what_failed_and_the_waivers_in_force() -> None:
    import datetime

    waiver = Waiver("unique(id)", "known", datetime.date(2026, 12, 31))
    judged = verdict(
        Finding("unique(id)", False, "error", "3 rows share an id."),
        Finding("mean(age)", False, "warning", "The mean is 4.9."),
        Finding("count", False, "error", "Too few."),
        Finding("fine", True, "error", "Fine."),
        waivers=(waiver,),
    )
    judged = dataclasses.replace(judged, remarks=("The baseline is young.",))
    card = card_of(verdicts={"DataQualityGate": Part(judged), "ValidationGate": Part(reason="It left no verdict.")})
    refused, unread = card["gates"]["verdicts"]
    assert (refused["passed"], refused["checks"], refused["failed_in_all"]) == (False, 4, 3)
    effects = {item["check"]: item["effect"] for item in refused["failed"]}
    assert effects == {"unique(id)": "waived", "mean(age)": "warns", "count": "refuses"}
    assert refused["waivers"] == [{"check": "unique(id)", "reason": "known", "expires": "2026-12-31"}]
    assert unread["passed"] is None
    assert refused["remarks"] == ["The baseline is young."]
    assert card["missing"]["evidence"] == [{"part": "the verdict of ValidationGate", "reason": "It left no verdict."}]


def test_evidence_that_a_gate_lacks_refuses_on_the_card_too() -> None:
    lacking = dataclasses.replace(verdict(), missing=("There are no rows.",))
    told, _ = card_of(verdicts={"DataQualityGate": Part(lacking), "ValidationGate": Part(verdict())})["gates"][
        "verdicts"
    ]
    assert (told["passed"], told["failed_in_all"]) == (False, 1)
    assert told["failed"] == [{"check": None, "effect": "refuses", "sentence": "There are no rows."}]


def test_a_span_is_told_where_the_source_has_spans() -> None:
    spans = [
        card_of(what=known(source=source))["model_parameters"]["dataset"]["span"]
        for source in ("customers.csv", "customers-{SPAN}.csv")
    ]
    assert spans == [None, 3]


def test_without_a_test_split_eval_is_what_measured_the_model() -> None:
    card = card_of(rows=Part(Rows({"eval": 200, "train": 800})))
    assert [(split["name"], split["rows"]) for split in card["model_parameters"]["data"]] == [
        ("train", 800),
        ("eval", 200),
    ]
    assert "measured the model" in card["model_parameters"]["data"][1]["description"]


def test_balanced_training_rows_are_told_of() -> None:
    told = [
        card_of(what=known(balancing=settings))["model_parameters"]["dataset"]["balancing"]
        for settings in (BalancingSettings(), BalancingSettings("upsample", 0.5, "plan"))
    ]
    assert told[0] is None
    assert told[1].startswith("Before training, values of plan were balanced by repeating rows, to 0.5 of the rarest")


def test_no_value_of_a_column_is_on_the_card() -> None:
    column = card_of()["model_parameters"]["columns"][0]
    assert set(column) == {"name", "used_as", "type", "required", "missing_share", "distinct", "mean"}


def test_the_architecture_is_told_in_words() -> None:
    text = card_of()["model_parameters"]["model_architecture"]
    assert "dense layers of 128, 64 units" in text
    assert "sum of token embeddings" in text
    assert "wide and deep" in text
    bare = known()
    bare = dataclasses.replace(
        bare,
        features=dataclasses.replace(bare.features, features=bare.features.features[:1]),
        model={**bare.model, "hidden_units": (), "wide": False},
    )
    text = card_of(what=bare)["model_parameters"]["model_architecture"]
    assert text.endswith("standard deviation 1; with no hidden layer.")


def test_what_is_known_travels_as_json() -> None:
    assert Known.from_json(json.loads(json.dumps(known().to_json()))) == dataclasses.replace(
        known(), model=json.loads(json.dumps(known().model))
    )


@pytest.mark.parametrize("text", ['{"format": 2}', "[]", "{}", "no"])
def test_another_document_is_no_card(text) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the sentences differ
        parse_card(text)
