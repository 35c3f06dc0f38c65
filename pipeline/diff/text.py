"""The difference of two runs as lines for a terminal."""

from collections.abc import Iterator, Sequence

from components.evaluator.analysis import Interval
from pipeline.diff.document import Difference, Drift, DriftPart, MetricChange, MetricPart, Part, Plain, RunDiff

_WIDTH = 60
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))}
_CONTROL |= {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def lines(diff: RunDiff, *, everything: bool = False) -> Iterator[str]:
    """One line after the other; only what differs, unless everything is asked for."""
    yield f"before  {diff.before.run_id}  {diff.before.state.lower()}  {diff.before.started_at}"
    yield f"after   {diff.after.run_id}  {diff.after.state.lower()}  {diff.after.started_at}"
    for name, part in diff.parts:
        yield ""
        yield from _part(name, part, everything)


def _part(name: str, part: Part | DriftPart | MetricPart, everything: bool) -> Iterator[str]:
    if isinstance(part, MetricPart):
        yield from _metrics(name, part, everything)
        return
    items: Sequence[Difference | Drift] = part.items if everything else part.changed
    yield f"{name}: {_count(part)}"
    yield from (f"  note: {clean(reason)}" for reason in part.missing)
    if isinstance(part, DriftPart):
        yield from _aligned([_drift_cells(item) for item in items if isinstance(item, Drift)])
    else:
        yield from _aligned([_cells(item) for item in items if isinstance(item, Difference)])


def _count(part: Part | DriftPart) -> str:
    if not part.items:
        return "nothing to compare"
    return f"{len(part.changed)} of {len(part.items)} differ" if part.changed else "the same"


def _cells(item: Difference) -> tuple[str, ...]:
    mark = "*" if item.changed else " "
    return (f"{mark} {clean(item.name)}", _value(item.before), "->", _value(item.after), clean(item.note))


def _drift_cells(item: Drift) -> tuple[str, ...]:
    measures = (
        ("JS", item.jensen_shannon),
        ("Linf", item.l_infinity),
        ("KS", item.kolmogorov_smirnov),
    )
    shown = "  ".join(f"{name} {value:.4f}" for name, value in measures if value is not None)
    mark = "*" if item.changed else " "
    return (f"{mark} {clean(item.feature)}", clean(item.split), shown, clean("; ".join(item.reasons)))


def _metrics(name: str, part: MetricPart, everything: bool) -> Iterator[str]:
    yield f"{name}: {_metric_count(part)}"
    yield from (f"  note: {clean(reason)}" for reason in part.missing)
    if part.method:
        yield f"  {part.method}"
    shown = [item for item in part.overall if everything or item.change.value != 0]
    yield from _aligned([_metric_cells(item) for item in shown])
    slices = [item for item in part.slices if everything or item.exceeds_noise]
    if slices:
        yield "  by slice"
        yield from _aligned([_metric_cells(item) for item in slices])


def _metric_count(part: MetricPart) -> str:
    if not part.overall:
        return "nothing to compare"
    beyond = sum(bool(item.exceeds_noise) for item in part.overall)
    changed = sum(item.change.value != 0 for item in part.overall)
    if not changed:
        return "the same"
    return f"{changed} of {len(part.overall)} differ, {beyond} of them by more than noise"


def _metric_cells(item: MetricChange) -> tuple[str, ...]:
    mark = "*" if item.exceeds_noise else " "
    called = f"{item.slice}: {item.metric}" if item.slice else item.metric
    return (
        f"{mark} {clean(called)}",
        _number(item.before.value),
        "->",
        _number(item.after.value),
        _interval(item.change),
        _judgement(item),
    )


def _interval(change: Interval) -> str:
    if change.value is None:
        return ""
    if change.low is None or change.high is None:
        return f"{change.value:+.4g}"
    return f"{change.value:+.4g} [{change.low:+.4g}, {change.high:+.4g}]"


def _judgement(item: MetricChange) -> str:
    if item.exceeds_noise is None:
        return "" if item.change.value in (None, 0) else "no interval: noise unknown"
    if not item.exceeds_noise:
        return "within noise"
    return {True: "better", False: "worse", None: "changed"}[item.is_better]


def _value(value: Plain) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _number(value) if isinstance(value, int | float) else clean(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def clean(text: str) -> str:
    """The text with everything that could move a terminal's cursor or turn its text round made visible."""
    return text.translate(_CONTROL)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
