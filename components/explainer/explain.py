"""From attributions to the explanation: importances by class and slice too, words, examples, the cross-check."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from components.errors import ComponentError
from components.evaluator.predictions import Predictions
from components.evaluator.weighted_metrics import ClassRows
from components.explainer.attributed import (
    MOST_EVALUATIONS,
    Attributed,
    ShapAnswer,
    by_gradients,
    by_permutations,
)
from components.explainer.document import (
    Completeness,
    CrossCheck,
    Example,
    Explanation,
    Part,
    Words,
)
from components.explainer.importance import completeness, groups, importances, words_of
from components.explainer.rows import Choice
from components.explainer.served import ServedModel, decoded
from components.explainer.settings import ExplanationSettings
from models.tabular_text.features import LabelKind

Ints = npt.NDArray[np.int64]

VALUE_CHARACTERS = 200

EXPLAINS = {
    LabelKind.BINARY: "the logit of the second class (the logarithm of its odds)",
    LabelKind.MULTICLASS: "the logit of the predicted class less the mean of all logits",
    LabelKind.REGRESSION: "the predicted number",
}


@dataclasses.dataclass(frozen=True)
class Explained:
    """The explanation, and the rows behind its importances.

    Attributes:
      explanation: the document.
      digests: of the explained rows, int64 [rows].
      main: their attributions.
    """

    explanation: Explanation
    digests: Ints
    main: Attributed


def explain_rows(
    model: ServedModel,
    predictions: Predictions,
    choice: Choice,
    records: Mapping[int, bytes],
    split: str,
    settings: ExplanationSettings,
) -> Explained:
    """Explains the chosen rows.

    Args:
      model: the served model.
      predictions: its answers to all evaluated rows.
      choice: which of them are explained.
      records: the serialized rows by digest.
      split: the evaluated split's name.
      settings: how.
    """
    shown = np.asarray(_shown(choice, settings.examples), np.int64)
    drawn = [records[int(predictions.examples[row])] for row in choice.drawn]
    extra = [records[int(predictions.examples[row])] for row in shown]
    main, examples, shap = _attribute(model, drawn, extra, settings)
    _check_finite(main)
    rows = choice.drawn[: len(main.outputs)]
    checked = _completeness(main, settings)
    names = list(main.names)
    explanation = Explanation(
        label=model.features.label.name,
        kind=model.features.label.kind.value,
        classes=model.classes,
        split=split,
        evaluated_rows=int(predictions.examples.size),
        rows=len(rows),
        method="permutation_shap" if settings.method == "permutation_shap" else "integrated_gradients",
        explains=EXPLAINS[model.features.label.kind],
        baseline=_baseline_words(settings, len(rows)),
        steps=None if settings.method == "permutation_shap" else settings.steps,
        completeness=checked,
        features=importances(main.attributions, names, settings.seed),
        cross_check=_cross_check(main, shap, settings) if settings.method == "both" and shap else None,
        classes_explained=groups(_by_class(model, main), main.attributions, names, settings.seed),
        slices=groups(_by_slice(predictions, rows), main.attributions, names, settings.seed),
        words=tuple(_words(model, main, settings.tokens)),
        examples=tuple(_examples(model, predictions, choice, shown, extra, examples)) if extra else (),
        remarks=tuple(_remarks(checked, shap, settings)),
    )
    return Explained(explanation, predictions.examples[rows], main)


def _attribute(
    model: ServedModel, drawn: Sequence[bytes], extra: Sequence[bytes], settings: ExplanationSettings
) -> tuple[Attributed, Attributed, ShapAnswer | None]:
    """The drawn rows' attributions, those of the rows to show, and what permutation SHAP says of the first rows."""
    standing_in = drawn[-settings.shap_background :]
    shap = None
    if settings.method != "integrated_gradients":
        shap = by_permutations(model, drawn[: settings.shap_rows], standing_in, settings)
    if settings.method == "permutation_shap" and shap is not None:
        shown = by_permutations(model, extra, standing_in, settings).found if extra else shap.found
        return shap.found, shown, shap
    background = drawn if settings.baseline == "average" else [b""]
    found = by_gradients(model, [*drawn, *extra], background, settings)
    rows = np.arange(len(found.outputs))
    return found.taken(rows[: len(drawn)]), found.taken(rows[len(drawn) :]), shap


def _check_finite(found: Attributed) -> None:
    """Raises ComponentError where a row's output or an attribution is no number: nothing could be said of the rest."""
    parts = np.column_stack([found.attributions, found.outputs, found.baseline_outputs])
    broken = int((~np.isfinite(parts)).any(axis=1).sum())
    if broken:
        raise ComponentError(
            f"The model's outputs or their attributions are no numbers in {broken} of {len(parts)} explained rows. Its "
            "weights are too large or broken: train it again with a smaller training.learning_rate."
        )


def _shown(choice: Choice, most: int) -> list[int]:
    """The worst rows, then drawn ones that are not among them."""
    worst = choice.worst[: -(-most // 2)].tolist()
    others = [row for row in choice.drawn.tolist() if row not in worst]
    return [*worst, *others[: most - len(worst)]]


def _completeness(found: Attributed, settings: ExplanationSettings) -> Completeness:
    return completeness(
        found.attributions.sum(axis=1),
        found.outputs,
        found.baseline_outputs,
        settings.tolerance,
        settings.min_completeness,
    )


def _baseline_words(settings: ExplanationSettings, rows: int) -> str:
    compared = f"the mean of the {rows:,} explained rows" if settings.baseline == "average" else "a row without values"
    if settings.method == "permutation_shap":
        return f"{settings.shap_background} rows of the same split"
    return f"{compared}, with an unknown word in place of each word"


def _cross_check(main: Attributed, shap: ShapAnswer, settings: ExplanationSettings) -> CrossCheck:
    found = shap.found
    same = np.abs(main.attributions[: len(found.outputs)]).mean(axis=0)
    return CrossCheck(
        method="permutation_shap",
        rows=len(found.outputs),
        background=shap.background,
        evaluations=shap.evaluations,
        is_exact=shap.plan.is_exact,
        features=importances(found.attributions, list(found.names), settings.seed),
        rank_agreement=rank_agreement(same, np.abs(found.attributions).mean(axis=0)),
    )


def rank_agreement(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    """Spearman's correlation; None where one of them ranks nothing: fewer than two features, or all alike."""
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    found = float(stats.spearmanr(one, other).statistic)
    return found if math.isfinite(found) else None


def _by_class(model: ServedModel, found: Attributed) -> Iterator[tuple[dict[str, str], Ints]]:
    if model.features.label.kind is LabelKind.MULTICLASS:
        for at, name in enumerate(model.classes):
            yield {"class": name}, np.flatnonzero(found.explained == at)


def _by_slice(predictions: Predictions, rows: Ints) -> Iterator[tuple[dict[str, str], Ints]]:
    for key in sorted(predictions.slices):
        yield dict(key), np.flatnonzero(np.isin(rows, predictions.slices[key]))


def _explained_name(model: ServedModel, explained: int) -> str:
    return model.classes[explained] if model.classes else model.features.label.name


def _words(model: ServedModel, found: Attributed, most: int) -> Iterator[Words]:
    for feature, texts in found.words.items():
        for explained in np.unique(found.explained).tolist():
            rows = np.flatnonzero(found.explained == explained)
            raising, lowering = words_of((texts[row] for row in rows), most)
            if raising or lowering:
                yield Words(feature, _explained_name(model, explained), raising, lowering)


def _examples(
    model: ServedModel,
    predictions: Predictions,
    choice: Choice,
    shown: Ints,
    records: Sequence[bytes],
    found: Attributed,
) -> Iterator[Example]:
    batch = decoded(records)
    worst = set(choice.worst.tolist())
    for at, row in enumerate(shown[: len(found.outputs)].tolist()):
        label, predicted, score = _answer(model, predictions, row)
        values = {name: batch[name][at].as_py() if name in batch.schema.names else None for name in found.names}
        parts = [
            Part(
                name,
                _text(values[name]),
                float(found.attributions[at, place]),
                tuple(found.words[name][at]) if name in found.words else (),
            )
            for place, name in enumerate(found.names)
        ]
        yield Example(
            reason="most wrong" if row in worst else "drawn",
            example=int(predictions.examples[row]),
            label=label,
            predicted=predicted,
            score=score,
            explained=_explained_name(model, int(found.explained[at])),
            output=float(found.outputs[at]),
            baseline_output=float(found.baseline_outputs[at]),
            parts=tuple(sorted(parts, key=lambda part: -abs(part.attribution))),
        )


def _answer(model: ServedModel, predictions: Predictions, row: int) -> tuple[str | None, str, float | None]:
    """Truth, answer and the answer's probability."""
    rows = predictions.rows
    if isinstance(rows, ClassRows):
        label, called = int(rows.labels[row]), int(rows.called[row])
        known = 0 <= label < len(model.classes)
        return model.classes[label] if known else None, model.classes[called], float(rows.top_score[row])
    truth = float(rows.labels[row])
    return f"{truth:g}" if math.isfinite(truth) else None, f"{float(rows.predictions[row]):g}", None


def _text(value: Any) -> str | None:
    """A raw value as text, cut; None if missing."""
    if value is None or value == b"" or value != value:
        return None
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _remarks(checked: Completeness, shap: ShapAnswer | None, settings: ExplanationSettings) -> Iterator[str]:
    if not checked.is_kept:
        yield f"{checked.sentence()} Do not rely on these attributions; try more explanation.steps."
    if shap is not None and len(shap.found.outputs) < settings.shap_rows:
        yield (
            f"permutation_shap explained {len(shap.found.outputs)} rows, not {settings.shap_rows}: it may ask for "
            f"{MOST_EVALUATIONS:,} answers."
        )
