"""The infra-blessing decision: what the probe saw, held to the settings. Pure."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components.serving_check.probe_process import ProbeRun
from components.serving_check.settings import ServingCheckSettings

Answer = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two ways to ask for the same rows.

    Attributes:
      name: both, in words.
      max_difference: the largest over all rows and outputs (see `difference`).
      row: where it is, counted among the rows sent.
      output: where it is; None if nothing differs.
    """

    name: str
    max_difference: float
    row: int
    output: str | None


@dataclasses.dataclass(frozen=True)
class ServingReport:
    """Whether the model can be served, and why.

    Attributes:
      reasons: why not, one sentence each; empty if it can.
      facts: everything measured, as in `report.json`.
    """

    reasons: tuple[str, ...]
    facts: Mapping[str, Any]

    @property
    def blessed(self) -> bool:
        """True if nothing speaks against it."""
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers; infinity, which JSON lacks, is null."""
        return {"blessed": self.blessed, "reasons": list(self.reasons), **_finite(self.facts)}


def refused(reason: str) -> ServingReport:
    """The report where there was nothing to probe with."""
    return ServingReport((reason,), {})


def judge(run: ProbeRun, expected: Sequence[Answer], settings: ServingCheckSettings) -> ServingReport:
    """The report on a probe's run.

    Args:
      run: how the probe ended.
      expected: the Evaluator's predictions for the rows of the sample, in its order.
      settings: tolerance and latency budget.
    """
    probe = {"exit_code": run.exit_code, "stderr": run.stderr}
    if run.result is None:
        return ServingReport((_ending(run, settings),), {"probe": probe})
    result = run.result
    if result["missing_signatures"]:
        missing = ", ".join(result["missing_signatures"])
        return ServingReport((f"The model has no signature {missing}. Export it with all of them.",), {"probe": probe})
    facts = {
        "rows": len(result["rows"]),
        "rows_not_sent": result["not_sent"],
        "load_s": result["load_s"],
        "latency_ms": {name: _percentiles(of["latencies_ms"]) for name, of in result["signatures"].items()},
        "probe": probe,
    }
    failures = [(name, of["failure"]) for name, of in result["signatures"].items() if of["failure"]]
    if failures:
        reasons = tuple(f"{name} failed on row {failure['row']}: {failure['error']}" for name, failure in failures)
        return ServingReport(reasons, {**facts, "failing_request": _request(result, failures[0][1]["row"])})
    if not result["rows"]:
        reason = (
            "No row could be sent: each lacks a required column, or the sample is empty. Check the evaluated split."
        )
        return ServingReport((reason,), facts)
    comparisons = list(_comparisons(result, expected))
    worst = max(comparisons, key=lambda comparison: comparison.max_difference)
    differs = worst.max_difference > settings.tolerance
    facts["max_difference"] = {comparison.name: comparison.max_difference for comparison in comparisons}
    facts["failing_request"] = _request(result, result["rows"][worst.row]) if differs else None
    reasons = (*_skew(comparisons, result["rows"], settings), *_slow(facts["latency_ms"], settings))
    return ServingReport(reasons, facts)


def difference(one: Any, other: Any) -> float:
    """How far two answers are apart: absolute below 1, relative to the second above; infinite if not comparable.

    Args:
      one: a number, a string, or a list of them.
      other: the same.
    """
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return math.inf if len(one) != len(other) else max((difference(a, b) for a, b in pairs), default=0.0)
    if isinstance(one, int | float) and isinstance(other, int | float):
        if math.isnan(one) or math.isnan(other):
            return 0.0 if math.isnan(one) and math.isnan(other) else math.inf
        return 0.0 if one == other else abs(one - other) / max(1.0, abs(other))
    return 0.0 if one == other else math.inf


def _comparisons(result: Mapping[str, Any], expected: Sequence[Answer]) -> Iterator[Comparison]:
    default, raw = result["signatures"]["serving_default"], result["signatures"]["serving_raw"]
    yield _compare("serving_raw and serving_default", raw["answers"], default["answers"])
    for name, of in (("serving_default", default), ("serving_raw", raw)):
        yield _compare(f"{name} in batches and row by row", of["batch_answers"], of["answers"])
    of_evaluator = [expected[row] for row in result["rows"]]
    yield _compare("serving_default and the Evaluator", default["answers"], of_evaluator)
    yield _compare("serving_raw and the Evaluator", raw["answers"], of_evaluator)


def _compare(name: str, ones: Sequence[Answer], others: Sequence[Answer]) -> Comparison:
    worst = Comparison(name, 0.0, 0, None)
    for row, (one, other) in enumerate(zip(ones, others, strict=True)):
        for output in sorted({*one, *other}):
            distance = difference(one[output], other[output]) if output in one and output in other else math.inf
            if distance > worst.max_difference:
                worst = Comparison(name, distance, row, output)
    return worst


def _skew(comparisons: Sequence[Comparison], rows: Sequence[int], settings: ServingCheckSettings) -> Iterator[str]:
    for item in comparisons:
        if item.max_difference > settings.tolerance:
            yield (
                f"{item.name} differ by {item.max_difference:.3g} in output {item.output!r} on row {rows[item.row]}; "
                f"serving_check.tolerance is {settings.tolerance:g}."
            )


def _slow(latency_ms: Mapping[str, Any], settings: ServingCheckSettings) -> Iterator[str]:
    for name, by_batch in latency_ms.items():
        for percentile, budget in (("p50", settings.max_p50_ms), ("p95", settings.max_p95_ms)):
            value = by_batch["1"][percentile]
            if value > budget:
                yield (
                    f"{name} takes {value:.1f} ms ({percentile}, one row); serving_check.max_{percentile}_ms is "
                    f"{budget:g}. Make the model smaller, or allow more."
                )


def _percentiles(latencies_ms: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    return {
        batch_size: {
            "p50": float(np.percentile(values, 50)),
            "p95": float(np.percentile(values, 95)),
            "calls": len(values),
        }
        for batch_size, values in latencies_ms.items()
    }


def _request(result: Mapping[str, Any], row: int | None) -> dict[str, Any] | None:
    """The raw values sent for a row of the sample, and every answer to it; None for a failure of a whole batch."""
    if row is None:
        return None
    index = result["rows"].index(row)
    answers = {name: of["answers"][index] for name, of in result["signatures"].items() if index < len(of["answers"])}
    return {"row": row, "inputs": result["requests"][index], "answers": answers}


def _ending(run: ProbeRun, settings: ServingCheckSettings) -> str:
    if run.exit_code is None:
        return (
            f"The probe did not finish in {settings.timeout_s:g} s (serving_check.timeout_s). "
            "The model may be too large to load, or may hang."
        )
    last = next((line for line in reversed(run.stderr.splitlines()) if line.strip()), "it printed nothing")
    return f"The probe ended with exit code {run.exit_code}: {last.strip()}"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
