"""The blessing decision: every bound checked on every slice it is for, with its reasons in words. Pure."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.evaluator.demands import Demands, columns_of
from components.evaluator.metric_names import EXAMPLE_COUNT
from components.evaluator.settings import EVERY_SLICE, ChangeThreshold, Threshold

#: Column and value of each part, sorted by column; () = all rows.
SliceKey = tuple[tuple[str, str], ...]


_FIRST_RUN = "There is no blessed model yet to compare with"


@dataclasses.dataclass(frozen=True)
class Measured:
    """The metrics of one slice."""

    key: SliceKey
    metrics: Mapping[str, float]

    @property
    def examples(self) -> int:
        """Number of rows in the slice, 0 if unknown."""
        count = self.metrics.get(EXAMPLE_COUNT, 0.0)
        return int(count) if math.isfinite(count) else 0

    def value(self, metric: str) -> float | None:
        """A metric's value, None if it is absent or not finite (undefined for these rows)."""
        value = self.metrics.get(metric)
        return value if value is not None and math.isfinite(value) else None


@dataclasses.dataclass(frozen=True)
class Check:
    """One bound on one slice.

    Attributes:
      metric: its name.
      slice: in words.
      kind: `lower`, `upper`, `change` or `relative_change`.
      threshold: the bound.
      value: what was measured, None if it could not be.
      baseline_value: the last blessed model's, for changes.
      passed: None = not checked, because there is no blessed model.
      examples: rows in the slice.
    """

    metric: str
    slice: str
    kind: str
    threshold: float
    value: float | None
    baseline_value: float | None
    passed: bool | None
    examples: int

    def sentence(self) -> str:
        """The check and its outcome in words."""
        if self.value is None:
            return f"{self.metric} could not be measured on {self.slice} ({self.examples} rows)."
        if self.kind in ("lower", "upper"):
            bound = f"{'at least' if self.kind == 'lower' else 'at most'} {self.threshold:.6g}"
            return f"{self.metric} is {self.value:.6g} on {self.slice}; {bound} is asked for."
        if self.baseline_value is None:
            return f"{self.metric} of the last blessed model could not be measured on {self.slice}."
        bound = f"{self.threshold:+.2%}" if self.kind == "relative_change" else f"{self.threshold:+.6g}"
        before = f"{self.value:.6g} on {self.slice}, the last blessed model reaches {self.baseline_value:.6g}"
        return f"{self.metric} is {before}; the change may be {bound} at worst."


@dataclasses.dataclass(frozen=True)
class Decision:
    """Whether the model is blessed, and why.

    Attributes:
      blessed: True if enough rows were evaluated, something was checked and everything that was checked passed.
      reasons: plain sentences: what failed, or that nothing did; what was left out.
      checks: every bound on every slice.
      measured: the candidate's slices, all rows first.
      min_examples: below it a slice is too small to decide, and all rows together to bless.
      baseline_model: URI of the last blessed model, None on a first run.
    """

    blessed: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    measured: tuple[Measured, ...]
    min_examples: int
    baseline_model: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers; what could not be measured is null."""
        overall = next((item for item in self.measured if not item.key), Measured((), {}))
        return {
            "blessed": self.blessed,
            "reasons": list(self.reasons),
            "checks": [dataclasses.asdict(check) for check in self.checks],
            "metrics": _finite(overall),
            "slices": [
                {
                    "slice": dict(item.key),
                    "examples": item.examples,
                    "metrics": _finite(item),
                    "too_small": item.examples < self.min_examples,
                }
                for item in self.measured
                if item.key
            ],
            "baseline_model": self.baseline_model,
        }


def decide(
    demands: Demands,
    candidate: Sequence[Measured],
    baseline: Sequence[Measured] | None,
    baseline_model: str | None,
    tfma_passed: bool | None,
    obstacle: str | None = None,
) -> Decision:
    """The decision on a candidate.

    Args:
      demands: what is asked for.
      candidate: the candidate's slices.
      baseline: the same slices with the last blessed model, None if there is none.
      baseline_model: its URI.
      tfma_passed: what TFMA's own validation of the bounds on all rows says, None if it had nothing to validate.
      obstacle: why the last blessed model was left out, if one was.
    """
    no_baseline = None
    if baseline is None:
        no_baseline = _FIRST_RUN if obstacle is None else f"The last blessed model cannot be compared with: {obstacle}"
    measured = tuple(sorted(candidate, key=lambda item: item.key))
    of_baseline = None if baseline is None else {item.key: item for item in baseline}
    checks = [*_value_checks(demands, measured), *_change_checks(demands, measured, of_baseline)]
    failures = [check.sentence() for check in checks if check.passed is False]
    failures = [*_too_few(demands, measured), *failures]
    if not any(check.passed is not None for check in checks):
        failures.append(_nothing_checked(demands))
    if not failures and tfma_passed is False:
        failures.append("TFMA's own validation did not pass; see validations.tfrecord in the evaluation artifact.")
    return Decision(
        blessed=not failures,
        reasons=(*(failures or [_all_passed(checks)]), *_remarks(demands, measured, checks, no_baseline)),
        checks=tuple(checks),
        measured=measured,
        min_examples=demands.min_examples_per_slice,
        baseline_model=baseline_model,
    )


def slice_name(key: SliceKey) -> str:
    """A slice in words."""
    return " and ".join(f"{column} = {value}" for column, value in key) or "all rows"


def _value_checks(demands: Demands, measured: Sequence[Measured]) -> Iterator[Check]:
    for bound in demands.thresholds:
        for item in _slices(bound, demands, measured):
            value = item.value(bound.metric)
            for kind, limit in (("lower", bound.lower), ("upper", bound.upper)):
                if limit is not None:
                    passed = value is not None and (value >= limit if kind == "lower" else value <= limit)
                    yield Check(bound.metric, slice_name(item.key), kind, limit, value, None, passed, item.examples)


def _change_checks(
    demands: Demands, measured: Sequence[Measured], of_baseline: Mapping[SliceKey, Measured] | None
) -> Iterator[Check]:
    for bound in demands.change_thresholds:
        for item in _slices(bound, demands, measured):
            value = item.value(bound.metric)
            before = (of_baseline or {}).get(item.key, Measured((), {})).value(bound.metric)
            for kind, limit in (("change", bound.absolute), ("relative_change", bound.relative)):
                if limit is not None:
                    passed = None if of_baseline is None else _holds(kind, limit, value, before, bound.higher_is_better)
                    yield Check(bound.metric, slice_name(item.key), kind, limit, value, before, passed, item.examples)


def _holds(kind: str, limit: float, value: float | None, before: float | None, higher_is_better: bool) -> bool:
    if value is None or before is None or (kind == "relative_change" and before == 0):
        return False
    change = value - before if kind == "change" else (value - before) / abs(before)
    return change >= limit if higher_is_better else change <= limit


def _slices(bound: Threshold | ChangeThreshold, demands: Demands, measured: Sequence[Measured]) -> Iterator[Measured]:
    """The slices a bound decides on; one without rows stands for slices that should exist and do not."""
    if bound.slice is None:
        yield next((item for item in measured if not item.key), Measured((), {}))
        return
    columns = columns_of(bound.slice)
    of_bound = [
        item
        for item in measured
        if item.key and (bound.slice == EVERY_SLICE or tuple(column for column, _ in item.key) == columns)
    ]
    if not of_bound and columns:
        yield Measured(tuple((column, "any value") for column in columns), {})
    yield from (item for item in of_bound if item.examples >= demands.min_examples_per_slice)


def _too_few(demands: Demands, measured: Sequence[Measured]) -> Iterator[str]:
    """Why all rows together are no evidence, if they are none: a handful passes any bound by chance."""
    rows = next((item.examples for item in measured if not item.key), 0)
    if not rows:
        yield "No rows were evaluated. Give the evaluated split a share under data.splits."
    elif rows < demands.min_examples_per_slice:
        yield (
            f"Only {rows} rows were evaluated, and fewer than {demands.min_examples_per_slice} decide nothing "
            "(evaluation.min_examples_per_slice). Give the evaluated split more rows, or lower that number."
        )


def _nothing_checked(demands: Demands) -> str:
    if not demands.thresholds and not demands.change_thresholds:
        return "No thresholds: evaluation.thresholds is empty. Set one, or remove the key for the default."
    if not demands.thresholds:
        return (
            "There are only change thresholds and no blessed model to compare with, so nothing was checked. "
            "Set a threshold under evaluation.thresholds."
        )
    return "Every slice that a threshold is for is too small, so nothing was checked. Set a threshold on all rows."


def _all_passed(checks: Sequence[Check]) -> str:
    passed = [check.sentence() for check in checks if check.passed]
    return " ".join([f"{len(passed)} of {len(passed)} checks passed:", *passed[:3]])


def _remarks(
    demands: Demands, measured: Sequence[Measured], checks: Sequence[Check], no_baseline: str | None
) -> Iterator[str]:
    if no_baseline is not None:
        has_unchecked = any(check.passed is None for check in checks)
        yield f"{no_baseline}{', so the change thresholds were not checked' if has_unchecked else ''}."
    small = [item for item in measured if item.key and item.examples < demands.min_examples_per_slice]
    if small:
        named = ", ".join(f"{slice_name(item.key)} ({item.examples})" for item in small[:5])
        more = f" and {len(small) - 5} more" if len(small) > 5 else ""
        yield f"Too small to decide, below {demands.min_examples_per_slice} rows: {named}{more}."


def _finite(item: Measured) -> dict[str, float | None]:
    return {name: item.value(name) for name in item.metrics}
