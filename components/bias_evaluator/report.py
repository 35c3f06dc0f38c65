"""What was measured as the document that is kept. Pure."""

import math
from collections.abc import Mapping, Sequence

from components.bias_evaluator.document import Estimate, FacetReport
from components.bias_evaluator.judgement import FacetMeasures
from components.bias_evaluator.measure import STAGES, Measured, counts_to_report
from components.bias_evaluator.support import why_not_finite


def facet_reports(measured: Sequence[FacetMeasures], status: Mapping[tuple[str, str], str]) -> tuple[FacetReport, ...]:
    """Every facet with its metrics; `status` by facet and metric."""
    return tuple(_facet_report(item, status) for item in measured)


def _facet_report(item: FacetMeasures, status: Mapping[tuple[str, str], str]) -> FacetReport:
    facet = item.facet
    rows = {stage: facet.rows(stage) for stage in STAGES}
    return FacetReport(
        name=facet.name,
        column=facet.column,
        rows={stage: {"a": rows[stage][0], "d": rows[stage][1]} for stage in STAGES},
        metrics={
            measure.metric: _estimate(measure, status.get((facet.name, measure.metric), ""))
            for measure in item.measures
        },
        counts=counts_to_report(facet),
    )


def _estimate(measure: Measured, status: str) -> Estimate:
    low, high = measure.interval or (None, None)
    change_low, change_high = measure.change_interval or (None, None)
    return Estimate(
        stage=measure.stage,
        value=_finite(measure.value),
        low=_finite(low),
        high=_finite(high),
        why="" if math.isfinite(measure.value) else why_not_finite(measure.metric, measure.stage, measure.value),
        rows=measure.rows,
        before=_finite(measure.before),
        change=_finite(measure.change),
        change_low=_finite(change_low),
        change_high=_finite(change_high),
        status=status,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
