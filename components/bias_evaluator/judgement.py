"""What the gate makes of what was measured: findings, and the traffic light of each metric. Pure.

A value (or change) fails if it is beyond its bound and so is its whole interval: an effect that is large enough to
matter and more than chance.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

from components.bias_evaluator.measure import STAGES, FacetCounts, Interval, Measured
from components.bias_evaluator.names import MEANINGS, title_of
from components.bias_evaluator.settings import BiasChangeThreshold, BiasSettings, BiasThreshold, severity_of
from components.bias_evaluator.support import why_not_finite
from components.bias_evaluator.tally import MAX_KEYS
from components.gate.verdict import Finding, Severity, Verdict

GATE = "BiasEvaluator"

_ADVICE = (
    "Look at these rows and their labels; get more of them, or weigh them in training; leave out columns that stand "
    "for the facet; or change the bound under bias."
)


@dataclasses.dataclass(frozen=True)
class FacetMeasures:
    """One facet with its metrics."""

    facet: FacetCounts
    measures: Sequence[Measured]


def verdict_of(
    measured: Sequence[FacetMeasures],
    settings: BiasSettings,
    absent: Sequence[str],
    uncounted: Sequence[str],
    remarks: Sequence[str],
) -> Verdict:
    """The verdict, waivers aside.

    Args:
      measured: every facet.
      settings: what is demanded.
      absent: columns of the settings that no row has a value in.
      uncounted: facets of columns with too many values.
      remarks: what a reader should know besides.
    """
    findings = [*map(_absent, absent), *map(_uncounted, uncounted)]
    for item in measured:
        findings += _facet_findings(item, settings)
    judged = any(finding.passed is not None for finding in findings)
    missing = [] if judged or not settings.value_thresholds else [_nothing_judged(settings)]
    return Verdict(GATE, "the model", "bias", tuple(findings), tuple(missing), tuple(remarks))


def statuses(findings: Sequence[Finding]) -> Mapping[tuple[str, str], str]:
    """By facet and metric the worst that came of its findings: failed, warned, not decided or passed."""
    found: dict[tuple[str, str], str] = {}
    for finding in findings:
        key = (finding.where, finding.details.get("metric", ""))
        status = _status(finding)
        if key not in found or _ORDER.index(status) < _ORDER.index(found[key]):
            found[key] = status
    return found


_ORDER = ("failed", "warned", "not decided", "passed")


def _status(finding: Finding) -> str:
    if finding.passed is None:
        return "not decided"
    return "passed" if finding.passed else "failed" if finding.severity == "error" else "warned"


def _facet_findings(item: FacetMeasures, settings: BiasSettings) -> Iterator[Finding]:
    facet = item.facet
    empty = [name for name, side in (("a (the rest)", 0), ("d", 1)) if not any(facet.rows(of)[side] for of in STAGES)]
    if empty:
        yield _empty(facet, empty[0])
        return
    by_metric = {measure.metric: measure for measure in item.measures}
    for threshold in settings.value_thresholds:
        if threshold.column in (None, facet.column):
            yield _value_finding(by_metric[threshold.metric], facet, threshold, settings)
    for change in settings.drift_thresholds:
        measure = by_metric[change.metric]
        if change.column in (None, facet.column) and measure.change is not None:
            yield _change_finding(measure, facet, change, settings)


def _value_finding(measure: Measured, facet: FacetCounts, threshold: BiasThreshold, settings: BiasSettings) -> Finding:
    held = _Held(
        check=f"{measure.metric}({facet.name})",
        words=_measured_words(measure, facet, measure.value, measure.interval, settings.confidence),
        demanded=_bounds(threshold.lower, threshold.upper),
        value=measure.value,
        interval=measure.interval,
        lower=threshold.lower,
        upper=threshold.upper,
        rows=measure.rows,
        key="thresholds",
    )
    return _finding(held, measure, facet, severity_of(threshold), settings)


def _change_finding(
    measure: Measured, facet: FacetCounts, threshold: BiasChangeThreshold, settings: BiasSettings
) -> Finding:
    change = math.nan if measure.change is None else measure.change
    span = _interval_words(measure.change_interval, settings.confidence)
    held = _Held(
        check=f"change of {measure.metric}({facet.name})",
        words=f"{measure.metric} of {facet.name} moved by {change:+.4g}{span} from {_number(measure.before)} for the "
        f"last approved model to {_number(measure.value)}",
        demanded=f"a change of at most {threshold.absolute:g} either way",
        value=change,
        interval=measure.change_interval,
        lower=-threshold.absolute,
        upper=threshold.absolute,
        rows=min(measure.rows, measure.rows_before),
        key="change_thresholds",
    )
    return _finding(held, measure, facet, severity_of(threshold), settings)


@dataclasses.dataclass(frozen=True)
class _Held:
    """What is held to bounds: a metric's value, or its change; `key` is where the bounds are, under bias."""

    check: str
    words: str
    demanded: str
    value: float
    interval: Interval | None
    lower: float | None
    upper: float | None
    rows: int
    key: str


def _finding(held: _Held, measure: Measured, facet: FacetCounts, severity: Severity, settings: BiasSettings) -> Finding:
    undecided = _undecided(measure, facet, held.rows, held.value, held.interval, settings)
    beyond, certain = _beyond(held.value, held.interval, held.lower, held.upper)
    within = ", which may be chance: the interval reaches the bound" if beyond and not certain else ""
    passed = None if undecided else not certain
    meaning = _meaning(measure) if passed is False else ""
    return Finding(
        check=held.check,
        passed=passed,
        severity=severity,
        sentence=undecided or f"{held.words}; {held.demanded} is demanded{within}.{meaning}",
        advice=f"{_ADVICE}{held.key}." if passed is False else "",
        measured=_finite(held.value),
        demanded=held.demanded,
        where=facet.name,
        rows=held.rows,
        details=_details(measure, held.interval, change=held.key == "change_thresholds"),
    )


def _undecided(
    measure: Measured, facet: FacetCounts, rows: int, value: float, interval: Interval | None, settings: BiasSettings
) -> str:
    """Why nothing is decided, in a sentence; empty if something is."""
    name = f"{measure.metric} of {facet.name}"
    if rows < settings.min_rows:
        return f"{name} is not decided: it rests on {rows:,} rows, and bias.min_rows is {settings.min_rows:,}."
    if math.isnan(value):
        return f"{name} is not decided. {why_not_finite(measure.metric, measure.stage, value)}"
    if interval is None:
        return f"{name} is not decided: too many samples of its rows have no value, so there is no interval."
    return ""


def _beyond(value: float, interval: Interval | None, lower: float | None, upper: float | None) -> tuple[bool, bool]:
    """Whether the value is outside the bounds, and whether its whole interval is."""
    too_low, too_high = lower is not None and value < lower, upper is not None and value > upper
    if interval is None:
        return too_low or too_high, False
    certain = (lower is not None and interval[1] < lower) or (upper is not None and interval[0] > upper)
    return too_low or too_high, certain


def _measured_words(
    measure: Measured, facet: FacetCounts, value: float, interval: Interval | None, confidence: float
) -> str:
    rows_a, rows_d = facet.rows(measure.stage)
    which = "training" if measure.stage == "pre_training" else "evaluated"
    return (
        f"{measure.metric} ({title_of(measure.metric)}) of {facet.name} is {_number(value)}"
        f"{_interval_words(interval, confidence)} on {rows_d:,} {which} rows against {rows_a:,} others"
    )


def _interval_words(interval: Interval | None, confidence: float) -> str:
    if interval is None:
        return ""
    return f" ({confidence:.3g} interval {_number(interval[0])} to {_number(interval[1])})"


def _meaning(measure: Measured) -> str:
    return f" {measure.metric} {MEANINGS[measure.metric]}."


def _number(value: float | None) -> str:
    return "unknown" if value is None or math.isnan(value) else "infinite" if math.isinf(value) else f"{value:.4g}"


def _bounds(lower: float | None, upper: float | None) -> str:
    words = [f"at least {lower:g}"] if lower is not None else []
    return " and ".join(words + ([f"at most {upper:g}"] if upper is not None else []))


def _details(measure: Measured, interval: Interval | None, *, change: bool) -> dict[str, object]:
    """`metric`, `stage`, the `interval` that decided, and the last approved model's value `before`."""
    return {
        "metric": measure.metric,
        "stage": measure.stage,
        "is_change": change,
        "interval": None if interval is None else [_finite(end) for end in interval],
        "before": _finite(measure.before),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _absent(column: str) -> Finding:
    return Finding(
        check=f"column({column})",
        passed=False,
        severity="error",
        sentence=f"No row has a value in column {column!r}, so nothing could be measured.",
        advice="Bring the column back, or change bias.facets or bias.group.",
        where=column,
    )


def _uncounted(facet: str) -> Finding:
    return Finding(
        check=f"values({facet})",
        passed=False,
        severity="error",
        sentence=f"There are more than {MAX_KEYS:,} values of {facet} (or of bias.group) to measure bias by.",
        advice="Give the facet values or above under bias.facets, or choose another column (or bias.group).",
        where=facet,
    )


def _empty(facet: FacetCounts, side: str) -> Finding:
    return Finding(
        check=f"rows({facet.name})",
        passed=False,
        severity="error",
        sentence=f"No row is in facet {side} of {facet.name}, so its bias could not be measured.",
        advice="Compare the values under bias.facets with those of the data.",
        where=facet.name,
        rows=0,
    )


def _nothing_judged(settings: BiasSettings) -> str:
    return (
        f"No bias could be measured: no facet and metric has {settings.min_rows} rows to rest on. Evaluate on more "
        "rows, or change bias.facets or bias.min_rows."
    )
