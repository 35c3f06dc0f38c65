"""What the model is made of, on the card: architecture, data, inputs, outputs, hyperparameters. Pure."""

from collections.abc import Mapping
from typing import Any

from components.model_card.evidence import ColumnStatistics, Evidence, Known, Rows
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.features import Feature, FeatureKind, LabelKind

#: A card names this many columns; the rest are counted.
SHOWN_COLUMNS = 200

_ROLES = {
    "train": "the model learnt from these rows",
    "eval": "steered early stopping, and a search for hyperparameters if there was one",
    "test": "measured the model; it never saw them before",
}
_WITHOUT_TEST = "steered early stopping and measured the model"


def model_parameters(known: Known, evidence: Evidence) -> dict[str, Any]:
    """The section `model_parameters` of the card."""
    model = evidence.model.value
    features = known.features
    return {
        "model_architecture": architecture(known),
        "size_bytes": model.size_bytes if model else None,
        "label": {"name": features.label.name, "kind": str(features.label.kind), "classes": _classes(evidence)},
        "dataset": _dataset(known, evidence),
        "data": _splits(evidence.rows.value),
        "columns": _columns(known, evidence.statistics.value or {}),
        "columns_in_all": len(features.features),
        "input_format": "One row per prediction: serialized tf.Examples (serving_default), or one value per column "
        "(serving_raw).",
        "input_format_map": _inputs(evidence),
        "output_format": _output(features.label.kind),
        "hyperparameters": {
            "model": dict(known.model),
            "training": dict(known.training),
            "tuned": dict(evidence.tuned),
        },
    }


def architecture(known: Known) -> str:
    """The network in words, from the model's settings and the kinds of its columns."""
    settings, used = known.model, {feature.kind for feature in known.features.used}
    towers = {"bag": "a sum of token embeddings", "cnn": "a convolution over token embeddings"}
    layers = settings.get("text_layers")
    towers["transformer"] = f"self-attention over token embeddings ({layers} {'block' if layers == 1 else 'blocks'})"
    parts = []
    if FeatureKind.TEXT in used:
        parts.append(f"texts through {towers.get(settings.get('text_tower', ''), 'a text tower')}")
    if FeatureKind.CATEGORICAL in used:
        parts.append("categories through embeddings")
    if used & {FeatureKind.NUMERIC, FeatureKind.DATE}:
        parts.append("numbers and dates scaled to mean 0 and standard deviation 1")
    widths = list(settings.get("hidden_units", ()))
    deep = f"then dense layers of {', '.join(map(str, widths))} units" if widths else "with no hidden layer"
    wide = ", with a linear model beside it (wide and deep)" if settings.get("wide") else ""
    return f"A Keras network trained from scratch: {'; '.join(parts) or 'no columns'}; {deep}{wide}."


def _classes(evidence: Evidence) -> list[dict[str, Any]]:
    """Each class with its share of the evaluated rows that have a label; empty for a number."""
    analysis, model = evidence.analysis.value, evidence.model.value
    confusion = analysis.confusion if analysis else None
    if confusion is None:
        names = (model.description.get("classes") or ()) if model else ()
        return [{"name": str(name), "share": None} for name in names]
    rows = [sum(counts) for counts in confusion.counts]
    total = sum(rows)
    named = zip(confusion.classes, rows, strict=True)
    return [{"name": name, "share": count / total if total else None} for name, count in named]


def _dataset(known: Known, evidence: Evidence) -> dict[str, Any]:
    rows, schema = evidence.rows.value, evidence.schema.value
    return {
        "source": known.source,
        # TFX numbers the span of a source without spans 0.
        "span": rows.span if rows and "{SPAN}" in known.source else None,
        "rows_read": rows.rows_in if rows else None,
        "rows_quarantined": rows.quarantined if rows else None,
        "split_by": known.split_by,
        "balancing": _balancing(known.balancing),
        "schema": {
            "curated": known.curated_schema,
            "columns": schema.features if schema else None,
            "required": schema.required if schema else None,
            "digest": schema.digest if schema else None,
        },
    }


def _balancing(settings: BalancingSettings) -> str | None:
    """How the training rows were balanced, None if they were not."""
    if settings.method == "none":
        return None
    what = f"values of {settings.by}" if settings.by else "classes"
    way = {"downsample": "leaving out rows", "upsample": "repeating rows", "class_weights": "weighing rows"}
    return (
        f"Before training, {what} were balanced by {way[settings.method]}, to {settings.target:g} of the rarest for "
        "each of the most frequent; the other splits are as they were."
    )


def _splits(rows: Rows | None) -> list[dict[str, Any]]:
    if rows is None:
        return []
    roles = _ROLES if "test" in rows.by_split else {**_ROLES, "eval": _WITHOUT_TEST}
    return [
        {"name": name, "description": roles.get(name, "used by no node of the pipeline"), "rows": count}
        for name, count in sorted(rows.by_split.items(), key=lambda item: (_order(item[0]), item[0]))
    ]


def _order(split: str) -> int:
    return list(_ROLES).index(split) if split in _ROLES else len(_ROLES)


def _columns(known: Known, statistics: Mapping[str, ColumnStatistics]) -> list[dict[str, Any]]:
    return [_column(feature, statistics.get(feature.name)) for feature in known.features.features[:SHOWN_COLUMNS]]


def _column(feature: Feature, found: ColumnStatistics | None) -> dict[str, Any]:
    return {
        "name": feature.name,
        "used_as": str(feature.kind),
        "type": str(feature.dtype),
        "required": feature.required,
        "missing_share": found.missing_share if found else None,
        "distinct": found.distinct if found else None,
        "mean": found.mean if found else None,
    }


def _inputs(evidence: Evidence) -> list[dict[str, str]]:
    model = evidence.model.value
    if model is None:
        return []
    inputs = model.description["inputs"].items()
    return [
        {"key": name, "value": f"{item['dtype']}{', required' if item['required'] else ''}"}
        for name, item in list(inputs)[:SHOWN_COLUMNS]
    ]


def _output(kind: LabelKind) -> str:
    if kind is LabelKind.REGRESSION:
        return "A number for each row (prediction)."
    also = " and the probability of the positive class (positive_score)" if kind is LabelKind.BINARY else ""
    return f"A probability for each class (classes, scores), the likeliest class (predicted_class){also}."
