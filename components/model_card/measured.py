"""What was measured of the model, on the card: metrics, slices, bias, importances, and what the gates said. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.bias_evaluator.document import BiasDocument, Estimate, FacetReport
from components.bias_evaluator.names import POST_TRAINING, PRE_TRAINING
from components.evaluator.analysis import Analysis, Interval, SliceAnalysis
from components.explainer.document import Explanation
from components.gate.verdict import Finding, Verdict
from components.model_card.evidence import Evidence, Part

#: A card shows this many slices, facets, features and findings; the rest are counted, and in the artifacts.
SHOWN_SLICES = 20
SHOWN_FACETS = 20
SHOWN_FEATURES = 30
SHOWN_FINDINGS = 20


def quantitative_analysis(evidence: Evidence) -> dict[str, Any] | None:
    """The section of that name; None where nothing was measured."""
    analysis = evidence.analysis.value
    if analysis is None:
        return None
    return {
        "split": analysis.split,
        "rows": analysis.overall.rows,
        "confidence": analysis.confidence,
        "performance_metrics": [
            {
                "type": name,
                "slice": "all rows",
                **_measured(interval),
                "change": _change(analysis.overall.changes.get(name)),
                "thresholds": _thresholds(evidence.blessing.value or {}, name),
            }
            for name, interval in analysis.overall.metrics.items()
        ],
        "slices": {
            "metric": analysis.harm_metric,
            "in_all": len(analysis.slices),
            "worst": [_slice(item, analysis) for item in analysis.slices[:SHOWN_SLICES]],
        },
        "calibration": _calibration(analysis),
    }


def gates(names: Sequence[str], evidence: Evidence) -> dict[str, Any]:
    """What was decided about the model and its data: the blessings, and each gate's verdict with waivers in force."""
    serving = evidence.serving.value
    blessing = evidence.blessing.value
    return {
        "blessing": blessing
        and {
            "passed": blessing["blessed"],
            "reasons": list(blessing["reasons"]),
            "compared_with_a_blessed_model": blessing["baseline_model"] is not None,
        },
        "serving_check": serving and {"passed": serving["blessed"], "reasons": list(serving["reasons"])},
        "verdicts": [_verdict(name, evidence.verdicts[name]) for name in names if name in evidence.verdicts],
    }


def fairness(report: BiasDocument | None) -> dict[str, Any] | None:
    """What BiasEvaluator measured, those facets first that are beyond a threshold; None without its report."""
    if report is None:
        return None
    facets = sorted(report.facets, key=lambda facet: -_urgency(facet))
    return {
        "positive": report.positive,
        "confidence": report.confidence,
        "in_all": len(facets),
        "facets": [
            {
                "name": facet.name,
                "rows": {stage: dict(rows) for stage, rows in facet.rows.items()},
                "metrics": [_estimate(name, item) for name, item in facet.metrics.items()],
            }
            for facet in facets[:SHOWN_FACETS]
        ],
        "remarks": list(report.remarks),
    }


def explainability(explanation: Explanation | None) -> dict[str, Any] | None:
    """What the model's answers come from; None without an explanation."""
    if explanation is None:
        return None
    return {
        "method": explanation.method,
        "explains": explanation.explains,
        "baseline": explanation.baseline,
        "split": explanation.split,
        "rows": explanation.rows,
        "attributions_sum_up": explanation.completeness.is_kept,
        "in_all": len(explanation.features),
        "global_importances": [
            {
                "feature": item.feature,
                "importance": item.importance,
                "low": item.low,
                "high": item.high,
                "share": item.share,
            }
            for item in explanation.features[:SHOWN_FEATURES]
        ],
        "remarks": list(explanation.remarks),
    }


def _measured(interval: Interval) -> dict[str, Any]:
    known = interval.low is not None and interval.high is not None
    bounds = {"lower_bound": interval.low, "upper_bound": interval.high} if known else None
    return {"value": interval.value, "confidence_interval": bounds}


def _change(change: Interval | None) -> dict[str, Any] | None:
    return None if change is None else _measured(change)


def _thresholds(blessing: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
    """What the metric was held to on all rows."""
    kept = ("kind", "threshold", "passed")
    return [
        {key: check[key] for key in kept}
        for check in blessing.get("checks", ())
        if check["metric"] == metric and check["slice"] == "all rows"
    ]


def _slice(item: SliceAnalysis, analysis: Analysis) -> dict[str, Any]:
    measured = item.metrics.get(analysis.harm_metric, Interval(None))
    return {
        "slice": " and ".join(f"{column} = {value}" for column, value in item.slice.items()),
        "rows": item.rows,
        **_measured(measured),
        "harm": item.harm.amount if item.harm else None,
        "worse_beyond_chance": bool(item.harm and item.harm.is_certain and item.harm.deficit > 0),
    }


def _calibration(analysis: Analysis) -> dict[str, Any] | None:
    found = analysis.calibration
    return None if found is None else {"kind": found.kind, "error": found.error}


def _verdict(name: str, part: Part[Verdict]) -> dict[str, Any]:
    verdict = part.value
    if verdict is None:
        return {
            "gate": name,
            "passed": None,
            "checks": 0,
            "failed": [],
            "failed_in_all": 0,
            "waivers": [],
            "remarks": [],
        }
    failed = [finding for finding in verdict.findings if finding.passed is False]
    return {
        "gate": name,
        "passed": verdict.passed,
        "checks": len(verdict.findings),
        "failed": [
            *({"check": None, "effect": "refuses", "sentence": sentence} for sentence in verdict.missing),
            *(_failure(finding) for finding in failed[:SHOWN_FINDINGS]),
        ],
        "failed_in_all": len(failed) + len(verdict.missing),
        "waivers": [
            {"check": finding.check, "reason": finding.waiver.reason, "expires": finding.waiver.expires.isoformat()}
            for finding in failed
            if finding.waiver is not None
        ],
        "remarks": list(verdict.remarks[:SHOWN_FINDINGS]),
    }


def _failure(finding: Finding) -> dict[str, Any]:
    effect = "refuses" if finding.refuses else "waived" if finding.waiver is not None else "warns"
    return {"check": finding.check, "effect": effect, "sentence": finding.sentence}


_TITLES = {**PRE_TRAINING, **POST_TRAINING}
_URGENCY = {"failed": 2, "warned": 1}


def _urgency(facet: FacetReport) -> int:
    return max((_URGENCY.get(item.status, 0) for item in facet.metrics.values()), default=0)


def _estimate(name: str, item: Estimate) -> dict[str, Any]:
    measured = _measured(Interval(item.value, item.low, item.high))
    said = {"type": name, "title": _TITLES.get(name, name), "stage": item.stage}
    return {**said, **measured, "status": item.status, "why": item.why}
