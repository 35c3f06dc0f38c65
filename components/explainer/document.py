"""The explanation as a document: `explanation.json`, an object of the fields of `Explanation`. Pure.

Attributions are in the unit of what is explained (`explains`): a logit, or the predicted number. A feature's
`importance` is the mean of its attributions' absolute values; `low` and `high` are the bounds of a 95 % bootstrap
interval over rows. Lists of features are ordered by importance, the largest first.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

EXPLANATION_FILE = "explanation.json"

FORMAT = 1
"""Of `Explanation.to_json`; a reader of another number says so."""


@dataclasses.dataclass(frozen=True)
class Importance:
    """One feature's part in the answers to some rows.

    Attributes:
      feature: the raw column.
      importance: mean |attribution|.
      low: lower bound of its interval.
      high: upper bound.
      mean: mean attribution, with its sign.
      share: of the sum of all features' importances, 0 to 1.
    """

    feature: str
    importance: float
    low: float
    high: float
    mean: float
    share: float


@dataclasses.dataclass(frozen=True)
class Completeness:
    """Whether attributions sum to F(row) - F(baseline).

    Attributes:
      share: of the rows whose sum is within the tolerance, 0 to 1; None without rows.
      rows: looked at.
      largest_gap: the largest |sum - difference|, in the unit of the output.
      tolerance: allowed gap, as a share of the larger of |difference| and `scale`.
      scale: standard deviation of the outputs.
      demanded: share of rows that must keep to it.
    """

    share: float | None
    rows: int
    largest_gap: float
    tolerance: float
    scale: float
    demanded: float

    @property
    def is_kept(self) -> bool:
        """True if enough rows keep to it; without rows nothing is shown."""
        return self.share is not None and self.share >= self.demanded

    def sentence(self) -> str:
        """What was measured, against what."""
        if self.share is None:
            return "No row was explained, so that nothing is known about how attributions sum up."
        return (
            f"The attributions of {self.share:.1%} of {self.rows:,} rows sum to the difference between the outputs at "
            f"the row and at the baseline within {self.tolerance:.0%} of it (at least {self.demanded:.0%} are asked "
            f"for); the largest gap is {self.largest_gap:.3g}."
        )


@dataclasses.dataclass(frozen=True)
class CrossCheck:
    """The same rows explained by another method that knows nothing of the model's inside.

    Attributes:
      method: `permutation_shap`.
      rows: explained by both.
      background: rows that stood in for what was left out.
      evaluations: answers asked of the model.
      is_exact: True if every coalition of features was asked about, so that nothing was drawn.
      features: by this method.
      rank_agreement: Spearman's correlation of the two methods' importances on these rows, None if not defined.
    """

    method: str
    rows: int
    background: int
    evaluations: int
    is_exact: bool
    features: tuple[Importance, ...]
    rank_agreement: float | None


@dataclasses.dataclass(frozen=True)
class Group:
    """The importances among the rows of a slice, or of those whose answer for one class is explained.

    Attributes:
      key: column and value of the slice; `{"class": NAME}` in `classes`.
      rows: explained in it.
      features: see the module.
    """

    key: Mapping[str, str]
    rows: int
    features: tuple[Importance, ...]

    @property
    def name(self) -> str:
        """In words."""
        return ", ".join(f"{column} = {value}" for column, value in self.key.items())


@dataclasses.dataclass(frozen=True)
class Word:
    """A word's mean attribution in the rows that have it.

    Attributes:
      word: lower-case, as the model splits texts.
      attribution: mean over its occurrences, above 0 if it speaks for what is explained.
      rows: that have it.
    """

    word: str
    attribution: float
    rows: int


@dataclasses.dataclass(frozen=True)
class Words:
    """The words of a text column that count most.

    Attributes:
      feature: the column.
      explained: the class whose score is explained in these rows; the label for a number.
      raising: largest positive first.
      lowering: largest negative first.
    """

    feature: str
    explained: str
    raising: tuple[Word, ...]
    lowering: tuple[Word, ...]


@dataclasses.dataclass(frozen=True)
class Part:
    """One feature of a row that is shown.

    Attributes:
      feature: the column.
      value: as text, cut to 200 characters; None if missing.
      attribution: its part of `output - baseline_output`.
      words: of a text, each with its attribution, in order; empty for other kinds.
    """

    feature: str
    value: str | None
    attribution: float
    words: tuple[tuple[str, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Example:
    """One row with its attributions.

    Attributes:
      reason: why it is shown: `most wrong` or `drawn`.
      example: the row's digest, see components/evaluator/predictions.py.
      label: the truth, None if missing or unknown to the model.
      predicted: the model's answer.
      score: probability of the predicted class; None for a number.
      explained: the class whose score is explained, the label for a number.
      output: F(row).
      baseline_output: F(baseline).
      parts: by |attribution|, the largest first.
    """

    reason: str
    example: int
    label: str | None
    predicted: str
    score: float | None
    explained: str
    output: float
    baseline_output: float
    parts: tuple[Part, ...]


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What a model's answers to the evaluated rows come from.

    Attributes:
      label: the column that is predicted.
      kind: of the label: `binary`, `multiclass` or `regression`.
      classes: of the model, in its order; empty for a number.
      split: whose rows were explained.
      evaluated_rows: rows of that split.
      rows: explained, drawn from them.
      method: `integrated_gradients` or `permutation_shap`: by which all but `cross_check` was made.
      explains: what the attributions are parts of, in words.
      baseline: what rows are compared with, in words.
      steps: points between baseline and row; None for permutation_shap.
      completeness: whether the attributions sum up.
      features: over all explained rows.
      cross_check: None if there was none.
      classes_explained: by the class that is explained; empty unless there are more than two.
      slices: the Evaluator's slices of at least 20 explained rows.
      words: of each text column and explained class.
      examples: rows with their attributions.
      remarks: what a reader should know besides, whole sentences.
    """

    label: str
    kind: str
    classes: tuple[str, ...]
    split: str
    evaluated_rows: int
    rows: int
    method: str
    explains: str
    baseline: str
    steps: int | None
    completeness: Completeness
    features: tuple[Importance, ...]
    cross_check: CrossCheck | None
    classes_explained: tuple[Group, ...]
    slices: tuple[Group, ...]
    words: tuple[Words, ...]
    examples: tuple[Example, ...]
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers; `completeness.is_kept` is added for readers."""
        document = {"format": FORMAT, **dataclasses.asdict(self)}
        document["completeness"]["is_kept"] = self.completeness.is_kept
        return document

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Explanation":
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
          KeyError: it lacks a field.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"an explanation of format {data.get('format')!r}; this program reads {FORMAT}")
        cross = data["cross_check"]
        own = {key: value for key, value in data["completeness"].items() if key != "is_kept"}
        made = {
            "classes": tuple(data["classes"]),
            "completeness": Completeness(**own),
            "features": _importances(data["features"]),
            "cross_check": cross and CrossCheck(**{**cross, "features": _importances(cross["features"])}),
            "classes_explained": tuple(map(_group, data["classes_explained"])),
            "slices": tuple(map(_group, data["slices"])),
            "words": tuple(map(_words, data["words"])),
            "examples": tuple(map(_example, data["examples"])),
            "remarks": tuple(data["remarks"]),
        }
        return cls(**{field.name: made.get(field.name, data[field.name]) for field in dataclasses.fields(cls)})


def _importances(items: Any) -> tuple[Importance, ...]:
    return tuple(Importance(**item) for item in items)


def _group(item: Mapping[str, Any]) -> Group:
    return Group(dict(item["key"]), item["rows"], _importances(item["features"]))


def _words(item: Mapping[str, Any]) -> Words:
    raising, lowering = (tuple(Word(**word) for word in item[key]) for key in ("raising", "lowering"))
    return Words(item["feature"], item["explained"], raising, lowering)


def _example(item: Mapping[str, Any]) -> Example:
    parts = [
        Part(**{**part, "words": tuple((word, number) for word, number in part["words"])}) for part in item["parts"]
    ]
    return Example(**{**item, "parts": tuple(parts)})
