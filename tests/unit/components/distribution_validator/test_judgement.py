"""Findings and the verdict in words."""

import datetime

import pyarrow as pa
import pytest

from components.distribution_validator.columns import ComparedColumn, compared_columns
from components.distribution_validator.comparison import compare
from components.distribution_validator.judgement import Question, verdict_of
from components.distribution_validator.settings import DistributionSettings, FeatureDrift
from components.distribution_validator.summary import TableSummary
from components.gate.verdict import Verdict, judge
from components.gate.waiver import Waiver
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind

COLUMNS = [
    ComparedColumn("shop", "values"),
    ComparedColumn("price", "numbers"),
    ComparedColumn("sold", "dates"),
    ComparedColumn("stars", "values", is_label=True),
]
DRIFT = Question("drift", "from span 1 to span 2")
BEFORE = {
    "shop": ["north"] * 300 + ["south"] * 200,
    "price": [*range(500)],
    "sold": ["2024-01-01", "2024-01-02"] * 250,
    "stars": ["5"] * 400 + ["1"] * 100,
}
AFTER = {
    **BEFORE,
    "shop": ["north"] * 100 + ["south"] * 400,
    "price": [None if price % 8 == 0 else price for price in range(500)],
    "sold": ["2025-01-01", "2025-01-02"] * 250,
    "stars": ["5"] * 340 + ["1"] * 160,
}


def verdict(after: dict, question: Question = DRIFT, settings: DistributionSettings | None = None) -> Verdict:
    summaries = []
    for table in (BEFORE, after):
        summary = TableSummary.empty(COLUMNS)
        summary.add(pa.RecordBatch.from_arrays([pa.array(values) for values in table.values()], names=list(table)))
        summaries.append(summary)
    settings = settings or DistributionSettings()
    return verdict_of([(question, compare(*summaries, COLUMNS, settings))])


def test_equal_tables_pass_and_say_so() -> None:
    found = verdict(BEFORE)
    assert found.passed
    assert {item.check: item.passed for item in found.findings} == {
        "drift(shop)": True,
        "drift(price)": True,
        "drift(sold)": None,
        "label_shift(stars)": True,
    }
    assert found.remarks[0].startswith("No column drifted from span 1 to span 2.")


def test_the_first_remark_names_what_drifted_most_and_how() -> None:
    found = verdict(AFTER)
    remark = found.remarks[0]
    assert remark.startswith(
        "3 of 3 columns drifted from span 1 to span 2. Most of all: "
        "shop ('north' fell from 60.0 % to 20.0 %, 'south' rose from 40.0 % to 80.0 %)"
    )
    assert "; missing rose from 0.0 % to 12.6 %)" in remark
    assert "stars ('1' rose from 20.0 % to 32.0 %, '5' fell from 80.0 % to 68.0 %)" in remark


def test_fewer_than_three_that_drifted_are_followed_by_the_next_largest_changes() -> None:
    found = verdict({**BEFORE, "shop": AFTER["shop"]})
    assert found.remarks[0].startswith("1 of 3 columns drifted from span 1 to span 2. Most of all: shop (")
    assert found.remarks[1] == (
        "The next largest changes are small or chance: "
        "price (the median stayed 249.5; the share above 0 stayed at 99.8 %); stars (no share changed)."
    )


def test_large_drift_refuses_and_small_drift_warns() -> None:
    found = verdict(AFTER)
    assert not found.passed
    assert [item.check for item in found.refusing] == ["drift(shop)"]
    assert {item.check for item in found.warnings} == {"missing(price)", "label_shift(stars)"}


def test_a_refusal_says_what_was_measured_against_what_and_what_to_do() -> None:
    refused = verdict(AFTER)
    finding = refused.refusing[0]
    assert finding.sentence.startswith("shop from span 1 to span 2: 'north' fell from 60.0 % to 20.0 %")
    assert "l_infinity 0.4 ≥ refuse 0.2 (chi-square, p < 0.0001)" in finding.sentence
    assert finding.sentence.endswith("on 500 and 500 rows.")
    raised = [f"distribution.features.shop.refuse.{name}" for name in ("psi", "jensen_shannon", "l_infinity")]
    assert finding.advice == (
        f"Look at where the data comes from. If the change is real and wanted, raise {' and '.join(raised)}, or set "
        "distribution.features.shop.severity to warning."
    )
    warned = next(item for item in refused.findings if item.check == "missing(price)")
    assert warned.advice.endswith("raise distribution.features.price.warn.missing.")
    assert "a waiver (check: 'drift(shop)', reason, expires) under distribution.waivers" in refused.refusal()


def test_a_waiver_by_name_lets_it_pass_until_it_expires() -> None:
    today = datetime.date(2026, 3, 1)
    waiver = Waiver("drift(shop)", "a new shop in the south", today)
    assert judge(verdict(AFTER), [waiver], today).passed
    assert not judge(verdict(AFTER), [waiver], today + datetime.timedelta(days=1)).passed


def test_severity_of_a_column_is_what_the_configuration_says() -> None:
    warned = verdict(AFTER, settings=DistributionSettings(features={"shop": FeatureDrift(severity="warning")}))
    assert warned.passed
    assert "drift(shop)" in {item.check for item in warned.warnings}
    ignored = verdict(AFTER, settings=DistributionSettings(features={"shop": FeatureDrift(severity="ignore")}))
    assert next(item.passed for item in ignored.findings if item.check == "drift(shop)") is None
    assert "shop" not in ignored.remarks[0]


def test_skew_has_names_of_its_own() -> None:
    found = verdict(AFTER, Question("skew", "from training to serving"))
    assert {"skew(shop)", "skew_missing(price)", "skew(stars)"} < {item.check for item in found.findings}


def test_the_verdict_survives_being_written() -> None:
    found = verdict(AFTER)
    assert Verdict.from_json(found.to_json()).to_json() == found.to_json()


def test_columns_that_the_model_ignores_are_compared_where_they_are_named() -> None:
    features = FeatureSpec(
        Label("price", LabelKind.REGRESSION, DType.FLOAT32),
        (
            Feature("id", FeatureKind.IGNORED, DType.STRING),
            Feature("area", FeatureKind.NUMERIC, DType.FLOAT32),
            Feature("text", FeatureKind.TEXT, DType.STRING),
            Feature("code", FeatureKind.IGNORED, DType.INT64),
        ),
    )
    label = ComparedColumn("price", "numbers", is_label=True)
    assert compared_columns(features) == (ComparedColumn("area", "numbers"), ComparedColumn("text", "text"), label)
    assert [(item.name, item.kind) for item in compared_columns(features, ["id", "code"])] == [
        ("id", "values"),
        ("area", "numbers"),
        ("text", "text"),
        ("code", "numbers"),
        ("price", "numbers"),
    ]


def test_settings_travel_and_are_checked() -> None:
    settings = DistributionSettings(
        serving_path="/data/log.csv",
        refuse={"psi": None},
        features={"shop": FeatureDrift(warn={"psi": 0.5}, severity="warning")},
        waivers=(Waiver("drift(x)", "known", datetime.date(2026, 1, 1)),),
    )
    assert DistributionSettings.from_json(settings.to_json()) == settings
    with pytest.raises(ValueError, match=r"alpha is 1\.5.*\nmin_rows is 0"):
        DistributionSettings(alpha=1.5, min_rows=0)
    with pytest.raises(ValueError, match=r"refuse: l_infinity is 1\.5"):
        FeatureDrift(refuse={"l_infinity": 1.5})
