"""The parts of a run that are compared as they stand: outcome, configuration, data, schema, training, environment."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pipeline.diff.document import Difference, Part, Plain
from pipeline.readers.examples import Examples
from pipeline.readers.run_view import Reading, RunView
from pipeline.readers.schema import Schema, SchemaFeature
from pipeline.readers.training import Training

Value = TypeVar("Value")
Rows = Mapping[str, Plain]

#: A run's cost is never the same twice; below this ratio the difference is not worth a line.
_COST_RATIO = 1.25
_COSTS = ("wall seconds", "processor seconds")


def compare_outcome(before: RunView, after: RunView) -> Part:
    """How the runs ended and what came out."""
    ones, others = _outcome(before), _outcome(after)
    items = [
        Difference(name, ones[name], others[name], _is_other_cost(ones[name], others[name]))
        if name in _COSTS
        else Difference.of(name, ones[name], others[name])
        for name in ones
    ]
    return Part("outcome", tuple(items))


def _outcome(run: RunView) -> dict[str, Plain]:
    evaluation, serving, pushed = run.evaluation.value, run.serving_check.value, run.pushed.value
    return {
        "state": run.record.state,
        "blessed": evaluation.blessed if evaluation else None,
        "reason": evaluation.reasons[0] if evaluation and evaluation.reasons else None,
        "servable": serving.blessed if serving else None,
        "pushed": str(pushed.destination) if pushed and pushed.pushed else None,
        "failed": ", ".join(node.node_id for node in run.record.nodes if node.state == "FAILED") or None,
        "wall seconds": round(sum(node.wall_s for node in run.record.nodes), 1),
        "processor seconds": round(sum(node.cpu_s for node in run.record.nodes), 1),
    }


def _is_other_cost(before: Plain, after: Plain) -> bool:
    low, high = sorted((float(before or 0), float(after or 0)))
    return high > _COST_RATIO * max(low, 1.0)


def compare_configuration(before: RunView, after: RunView) -> Part:
    """Every key of the two configurations."""
    return _part("configuration", before.config, after.config, flattened)


def compare_environment(before: RunView, after: RunView) -> Part:
    """Code, packages and machine."""
    return _part("environment", before.provenance, after.provenance, flattened)


def compare_data(before: RunView, after: RunView) -> Part:
    """The rows that were read: how many, from where, of which columns."""
    part = _part("data", before.examples, after.examples, _data_rows)
    content = Difference.of("content fingerprint", _fingerprint(before), _fingerprint(after))
    return Part(part.name, (*part.items, content) if part.items else (), part.missing)


def _fingerprint(run: RunView) -> str | None:
    """Of the bytes of the examples, None if nobody wrote it down."""
    artifact = run.artifact("examples", "ArrowExampleGen")
    found = artifact.properties.get("fingerprint") if artifact else None
    return None if found is None else str(found)


def _data_rows(examples: Examples) -> dict[str, Plain]:
    return {
        "rows read": examples.rows_in,
        **{f"rows in {split}": rows for split, rows in examples.rows.items()},
        "rows set aside": examples.rows_quarantined,
        "span": examples.span,
        "version": examples.version,
        **{f"input {name}": value for name, value in examples.fingerprint.items() if name != "split"},
        **{f"column {name}": kind for name, kind in examples.column_types.items()},
    }


def compare_schema(before: RunView, after: RunView) -> Part:
    """Every feature's definition."""
    return _part("schema", before.schema, after.schema, _schema_rows)


def _schema_rows(schema: Schema) -> dict[str, Plain]:
    rows: dict[str, Plain] = {}
    for feature in schema.features:
        rows |= {f"{feature.name}: {name}": value for name, value in _promises(feature)}
    return rows


def _promises(feature: SchemaFeature) -> Iterator[tuple[str, str]]:
    yield from (
        ("type", feature.type),
        ("presence", feature.presence),
        ("values per row", feature.valency),
        ("domain", _domain(feature)),
    )
    if feature.notes:
        yield "notes", "; ".join(feature.notes)


def _domain(feature: SchemaFeature) -> str:
    """The domain in words, with all of its values, so that no change is cut off."""
    return ", ".join(map(repr, feature.values)) if feature.values else feature.domain


def compare_training(before: RunView, after: RunView) -> Part:
    """What the models were trained with, and how that went."""
    settings = _part("training", before.hyperparameters, after.hyperparameters, flattened)
    curves = _part("training", before.training, after.training, _training_rows)
    missing = tuple(dict.fromkeys((*settings.missing, *curves.missing)))
    return Part("training", (*settings.items, *curves.items), missing)


def _training_rows(training: Training) -> dict[str, Plain]:
    best = next((epoch for epoch in training.epochs if epoch.number == training.best_epoch), None)
    at_best = {f"{name} at the best epoch": value for name, value in (best.metrics if best else {}).items()}
    return {"epochs": len(training.epochs), "best epoch": training.best_epoch, **at_best}


def flattened(document: Mapping[str, Any], prefix: str = "") -> dict[str, Plain]:
    """A nested document as dotted keys and plain values; lists become JSON text."""
    rows: dict[str, Plain] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows |= flattened(value, f"{name}.")
        else:
            rows[name] = json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
    return rows


def _part(name: str, before: Reading[Value], after: Reading[Value], rows_of: Callable[[Value], Rows]) -> Part:
    missing = tuple(dict.fromkeys(reading.reason for reading in (before, after) if not reading))
    if before.value is None or after.value is None:
        return Part(name, (), missing)
    ones, others = rows_of(before.value), rows_of(after.value)
    names = list(dict.fromkeys([*ones, *others]))
    return Part(name, tuple(Difference.of(item, ones.get(item), others.get(item)) for item in names), missing)
