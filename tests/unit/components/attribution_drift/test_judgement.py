"""What the gate says: by hand, from two explanations."""

import dataclasses
import datetime

import numpy as np
import pytest

from components.attribution_drift.judgement import Evidence, moves, verdict_of
from components.attribution_drift.settings import AttributionDriftSettings
from components.explainer.document import Completeness, Explanation
from components.gate.verdict import Verdict, judge
from components.gate.waiver import Waiver

SETTINGS = AttributionDriftSettings()
NAMES = ("text", "shop", "age")


def evidence(sizes, names=NAMES, rows=200, share=1.0, **changes):
    """A model whose attributions scatter a little around the sizes."""
    noise = np.random.default_rng(len(names)).normal(1.0, 0.05, (rows, len(names)))
    explanation = Explanation(
        label="liked", kind="binary", classes=("no", "yes"), split="test", evaluated_rows=rows, rows=rows,
        method="integrated_gradients", explains="the logit", baseline="the mean", steps=32,
        completeness=Completeness(share, rows, 0.1, 0.05, 1.0, 0.95), features=(), cross_check=None,
        classes_explained=(), slices=(), words=(), examples=(),
    )  # fmt: skip
    return Evidence(dataclasses.replace(explanation, **changes), tuple(names), noise * np.array(sizes, float))


def findings(verdict):
    return {finding.check: finding for finding in verdict.findings}


def test_the_same_reasons_pass():
    verdict = verdict_of(evidence([9, 3, 1]), evidence([8, 4, 1]), SETTINGS)
    assert verdict.passed
    assert findings(verdict)["ndcg"].measured == 1.0


def test_changed_reasons_are_refused_and_named_with_places_and_shares():
    verdict = verdict_of(evidence([1, 3, 9]), evidence([9, 3, 1]), SETTINGS)
    assert not verdict.passed
    found = findings(verdict)["ndcg"]
    # (1 + 3 / log2 3 + 9 / 2) / (9 + 3 / log2 3 + 1 / 2)
    assert found.measured == pytest.approx(7.3928 / 11.3928, abs=1e-4)
    assert found.refuses
    assert "'age' place 3 → place 1 (8% → 69% of all attributions)" in found.sentence
    assert "'text' place 1 → place 3" in found.sentence
    assert found.details["high"] < 0.9


def test_a_ranking_that_only_may_have_changed_is_told_but_not_refused():
    random = np.random.default_rng(1)
    before = dataclasses.replace(evidence([1, 1, 1], rows=8), attributions=random.exponential([5.0, 4.0, 1.0], (8, 3)))
    after = dataclasses.replace(before, attributions=np.roll(before.attributions, 1, axis=1))
    verdict = verdict_of(after, before, dataclasses.replace(SETTINGS, min_ndcg=0.999, confidence=0.9999))
    found = findings(verdict)["ndcg"]
    assert found.measured < 0.999 <= found.details["high"]
    assert verdict.passed
    assert found.passed is False
    assert found.severity == "warning"
    assert "The interval reaches the bound" in found.sentence


def test_a_first_model_passes_with_a_remark():
    verdict = verdict_of(evidence([9, 3, 1]), None, SETTINGS)
    assert verdict.passed
    assert "was not judged" in verdict.remarks[0]
    assert list(findings(verdict)) == ["completeness"]


def test_attributions_that_do_not_sum_up_are_no_evidence():
    verdict = verdict_of(evidence([9, 3, 1], share=0.94), evidence([9, 3, 1]), SETTINGS)
    assert not verdict.passed
    assert findings(verdict)["completeness"].refuses
    assert "94.0% of 200 rows" in findings(verdict)["completeness"].sentence


@pytest.mark.parametrize("now", [None, "/there/explanation.json cannot be read."])
def test_without_an_explanation_the_gate_is_closed(now):
    verdict = verdict_of(now, evidence([9, 3, 1]), SETTINGS)
    assert not verdict.passed
    assert "--from Explainer" in verdict.missing[0]


def test_a_baseline_that_cannot_be_read_refuses_until_it_is_waived():
    verdict = verdict_of(evidence([9, 3, 1]), "/there cannot be read: KeyError.", SETTINGS)
    assert not verdict.passed
    waiver = Waiver("baseline", "the disk broke", datetime.date(2030, 1, 1))
    assert judge(verdict, [waiver], datetime.date(2029, 1, 1)).passed
    assert not judge(verdict, [waiver], datetime.date(2031, 1, 1)).passed


@pytest.mark.parametrize(("change", "words"), [({"label": "stars"}, "'stars'"), ({"kind": "regression"}, "regression")])
def test_a_model_of_something_else_is_no_baseline(change, words):
    verdict = verdict_of(evidence([1, 3, 9]), evidence([9, 3, 1], **change), SETTINGS)
    assert verdict.passed
    assert words in verdict.remarks[0]


def test_another_method_is_compared_with_and_told():
    verdict = verdict_of(evidence([9, 3, 1]), evidence([9, 3, 1], method="permutation_shap"), SETTINGS)
    assert verdict.passed
    assert "permutation_shap" in verdict.remarks[0]


def test_a_new_feature_that_takes_over_is_refused():
    now = evidence([9, 1, 1, 1], names=("leak", *NAMES))
    verdict = verdict_of(now, evidence([9, 3, 1]), SETTINGS)
    assert "'leak' absent → place 1" in findings(verdict)["ndcg"].sentence
    assert not verdict.passed


def test_a_single_feature_has_no_ranking():
    verdict = verdict_of(evidence([1], names=("a",)), evidence([5], names=("a",)), SETTINGS)
    assert verdict.passed
    assert findings(verdict)["ndcg"].passed is None


def test_a_waived_ranking_passes_for_a_while():
    verdict = verdict_of(evidence([1, 3, 9]), evidence([9, 3, 1]), SETTINGS)
    waiver = Waiver("ndcg", "age was repaired", datetime.date(2030, 1, 1))
    assert judge(verdict, [waiver], datetime.date(2030, 1, 1)).passed


def test_the_verdict_survives_its_file():
    verdict = verdict_of(evidence([1, 3, 9]), evidence([9, 3, 1]), SETTINGS)
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_moves_are_counted_in_shares_and_places():
    first, second = moves(
        ("a", "b"), (("a", "b"), np.array([[3.0, -1.0]])), (("a", "b"), np.array([[-1.0, 1.5], [-1.0, 1.5]]))
    )
    # Shares: 3/4 and 1/4, then 1 / 2.5 and 1.5 / 2.5.
    assert (first.feature, first.rank_before, first.rank) == ("a", 1, 2)
    assert (first.share_before, first.share) == pytest.approx((0.75, 0.4))
    assert (second.share_before, second.share) == pytest.approx((0.25, 0.6))


def test_settings_survive_json_and_tell_every_mistake():
    settings = AttributionDriftSettings(0.8, 0.9, 1, (Waiver("ndcg", "why", datetime.date(2030, 1, 1)),))
    assert AttributionDriftSettings.from_json(settings.to_json()) == settings
    with pytest.raises(ValueError, match=r"(?s)min_ndcg.*confidence.*seed"):
        AttributionDriftSettings(min_ndcg=1.1, confidence=1.0, seed=-1)
