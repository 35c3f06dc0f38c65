"""The attributions of some rows, by integrated gradients or by permutation SHAP."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.explainer.importance import keeps
from components.explainer.served import Columns, ServedModel
from components.explainer.settings import ExplanationSettings
from components.explainer.shapley import Plan, plan_for

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
RowWords = Sequence[Sequence[tuple[str, float]]]

FINER = 4
"""Times as many points for rows whose attributions do not sum up."""

MOST_EVALUATIONS = 50_000
"""Answers that permutation SHAP asks for; where more would be needed, fewer rows are explained."""

LEAST_ROWS = 5


@dataclasses.dataclass(frozen=True)
class Attributed:
    """Rows with the parts of their outputs.

    Attributes:
      names: of the features.
      attributions: float64 [rows, features].
      outputs: F(row), float64 [rows].
      baseline_outputs: F(baseline), float64 [rows].
      explained: class whose value is explained, int64 [rows].
      words: of each text column the words with their attributions, row by row; empty by permutation SHAP.
    """

    names: tuple[str, ...]
    attributions: Floats
    outputs: Floats
    baseline_outputs: Floats
    explained: Ints
    words: Mapping[str, RowWords]

    def taken(self, rows: Ints) -> "Attributed":
        """Some of the rows."""
        return Attributed(
            self.names,
            self.attributions[rows],
            self.outputs[rows],
            self.baseline_outputs[rows],
            self.explained[rows],
            {name: [texts[row] for row in rows] for name, texts in self.words.items()},
        )


def by_gradients(
    model: ServedModel, examples: Sequence[bytes], background: Sequence[bytes], settings: ExplanationSettings
) -> Attributed:
    """Integrated gradients; rows whose attributions do not sum up are done again with more points."""
    found = model.explain(examples, background, settings.steps)
    sums = found["attributions"].sum(axis=1, dtype=np.float64)
    kept = keeps(sums, _wide(found["output"]), _wide(found["baseline_output"]), settings.tolerance)
    again = np.flatnonzero(~kept)
    if again.size:
        finer = model.explain([examples[row] for row in again], background, FINER * settings.steps)
        for name, values in finer.items():
            found[name][again] = values
    return Attributed(
        tuple(model.names),
        _wide(found["attributions"]),
        _wide(found["output"]),
        _wide(found["baseline_output"]),
        np.asarray(found["explained_class"], np.int64),
        model.words(found),
    )


@dataclasses.dataclass(frozen=True)
class ShapAnswer:
    """What permutation SHAP found, and what it asked for.

    Attributes:
      found: the attributions of the first rows.
      plan: the coalitions.
      background: rows that stood in for what was left out.
      evaluations: answers asked for.
    """

    found: Attributed
    plan: Plan
    background: int
    evaluations: int


def by_permutations(
    model: ServedModel,
    examples: Sequence[bytes],
    background: Sequence[bytes],
    settings: ExplanationSettings,
) -> ShapAnswer:
    """Permutation SHAP on what `serving_raw` answers, for as many of the rows as `MOST_EVALUATIONS` allows."""
    plan = plan_for(len(model.names), settings.shap_permutations, np.random.default_rng(settings.seed))
    each = len(plan.coalitions) * len(background)
    examples = examples[: max(LEAST_ROWS, MOST_EVALUATIONS // each)]
    columns, others = model.columns(examples), model.columns(background)
    explained = model.explained_classes(model.answers(columns))
    values = np.stack(
        [
            coalition_values(
                model, {name: column[row] for name, column in columns.items()}, others, plan, int(explained[row])
            )
            for row in range(len(examples))
        ]
    )
    everything, nothing = plan.coalitions.all(axis=1), ~plan.coalitions.any(axis=1)
    found = Attributed(
        tuple(model.names),
        plan.values(values),
        values[:, everything][:, 0],
        values[:, nothing][:, 0],
        explained,
        {},
    )
    return ShapAnswer(found, plan, len(background), each * len(examples))


def coalition_values(
    model: ServedModel, row: Mapping[str, object], others: Columns, plan: Plan, explained: int
) -> Floats:
    """v of each coalition, float64 [coalitions]: the mean over background rows that take its features from the row."""
    mixed: Columns = {}
    for at, argument in enumerate(model.arguments):
        values = others[argument]
        own = np.full_like(values, row[argument])
        mixed[argument] = np.where(plan.coalitions[:, at, np.newaxis], own, values).reshape(-1)
    answers = model.value(model.answers(mixed), explained)
    return np.asarray(answers.reshape(len(plan.coalitions), -1).mean(axis=1), np.float64)


def _wide(values: npt.NDArray[np.float32]) -> Floats:
    return np.asarray(values, np.float64)
