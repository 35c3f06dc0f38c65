"""The model of a run, asked through its serving signature. TensorFlow is imported when the first row is asked for."""

import contextlib
import functools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from models.tabular_text.features import LabelKind
from pipeline.errors import NotFound
from pipeline.readers.model import Model, ModelInput
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, number, size
from pipeline.workbench.attribution import Losses, occlusion, permutation_importance
from pipeline.workbench.charts import Chart, bars
from pipeline.workbench.display import Shown, frame_table

BATCH_ROWS = 1024
_LEAST = 1e-12
"""Probabilities are taken to be no smaller, so that every loss is finite."""


class ModelPart(Shown):
    """The model that the run trained; `predict` asks it.

    Attributes:
      reading: what the model says of itself.
    """

    def __init__(self, model: Model) -> None:
        """Loads nothing yet."""
        self.reading = model

    @property
    def title(self) -> str:
        """What it predicts, and its size."""
        label = self.reading.features.label
        return f"Model of {label.name} ({label.kind.value}), {size(self.reading.size_bytes)}"

    @property
    def label(self) -> str:
        """The column that it predicts."""
        return self.reading.features.label.name

    @property
    def is_regression(self) -> bool:
        """True if it predicts a number, not a class."""
        return self.reading.features.label.kind is LabelKind.REGRESSION

    @property
    def columns(self) -> list[str]:
        """What it asks for."""
        return [item.name for item in self.reading.inputs]

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each column that it asks for."""
        kinds = {item.name: item.kind.value for item in self.reading.features.features}
        rows = [(item.name, kinds.get(item.name), item.dtype, item.is_required) for item in self.reading.inputs]
        return pd.DataFrame(rows, columns=["column", "used as", "dtype", "required"])

    def body(self) -> Markup:
        """Classes, and what it asks for."""
        classes = f"Classes: {', '.join(self.reading.classes)}. " if self.reading.classes else ""
        where = f"Signatures: {', '.join(self.reading.signatures)}."
        return join([tag("p", clipped(classes + where, 2000)), frame_table(self.frame, caption="Columns asked for")])

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The model's answers, by the rows' index.

        Returns:
          For classes: `predicted`, `probability` (of that class), and `p(CLASS)` for each class. For a regression:
          `prediction`.

        Raises:
          NotFound: a column that the model requires is not there, or has no value in some row.
        """
        columns = {item.argument: _column(rows, item) for item in self.reading.inputs}
        answers = [self._asked(columns, start) for start in range(0, len(rows), BATCH_ROWS)]
        if self.is_regression:
            found = np.concatenate([np.empty(0), *(answer["prediction"] for answer in answers)])
            return pd.DataFrame({"prediction": found}, index=rows.index)
        classes = list(self.reading.classes)
        scores = np.concatenate([np.empty((0, len(classes))), *(answer["scores"] for answer in answers)])
        best = scores.argmax(axis=1)
        frame = pd.DataFrame(
            {"predicted": [classes[at] for at in best], "probability": scores.max(axis=1)}, index=rows.index
        )
        return frame.assign(**{f"p({name})": scores[:, at] for at, name in enumerate(classes)})

    def judged(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the model's answer, the truth, whether they agree, and the loss; the worst first.

        The loss of a class is -log of the probability that the model gave to the truth; of a regression the absolute
        error. Rows whose label is missing, or no class of the model, have no loss and come last.
        """
        answers = self.predict(rows)
        truth, loss = self._truth(rows), self._losses(rows, answers)
        if self.is_regression:
            added = answers.assign(truth=truth, error=answers["prediction"] - truth, loss=loss)
        else:
            added = answers[["predicted", "probability"]].assign(
                truth=truth, correct=answers["predicted"] == truth, loss=loss
            )
        kept = rows.drop(columns=[name for name in added if name in rows])
        return kept.join(added).sort_values("loss", ascending=False, kind="stable", na_position="last")

    def importance(self, rows: pd.DataFrame, *, repeats: int = 3, seed: int = 0) -> Chart:
        """How much the mean loss on these rows grows when a column's values are dealt out anew among them."""
        known = rows[np.isfinite(self._losses(rows, self.predict(rows)))]

        def loss_of(asked: pd.DataFrame) -> Losses:
            return self._losses(asked, self.predict(asked))

        names = [name for name in self.columns if name in known]
        found = permutation_importance(loss_of, known, names, repeats=repeats, seed=seed).set_index("column")
        title = f"Growth of the mean loss when a column is shuffled ({len(known):,} rows, {repeats} times)"
        return bars(found["importance"], spread=found["spread"], title=title)

    def occlusion(self, row: "pd.Series[Any] | pd.DataFrame", column: str) -> "WordsPart":
        """What each word of a text does for the model's answer to this row."""
        single = row.to_frame().T if isinstance(row, pd.Series) else row.head(1)
        answer = self.predict(single).iloc[0]
        target = "prediction" if self.is_regression else f"p({answer['predicted']})"
        effects = occlusion(lambda asked: self.predict(asked)[target].tolist(), single, column)
        return WordsPart(column, target, float(answer[target]), effects)

    def _truth(self, rows: pd.DataFrame) -> "pd.Series[Any]":
        if self.label not in rows:
            raise NotFound(f"The rows have no column '{self.label}', which is the truth to compare with.")
        found = rows[self.label]
        if self.is_regression:
            return pd.to_numeric(found, errors="coerce").astype(np.float64)
        return found.map(_class_name)

    def _losses(self, rows: pd.DataFrame, answers: pd.DataFrame) -> Losses:
        """The loss of each row, float64 [rows]; NaN without a truth."""
        truth = self._truth(rows)
        if self.is_regression:
            errors: Losses = np.abs(answers["prediction"].to_numpy(np.float64) - truth.to_numpy(np.float64))
            return errors
        places = {name: at for at, name in enumerate(self.reading.classes)}
        at = truth.map(lambda name: places.get(name, -1)).to_numpy(dtype=int)
        scores = answers[[f"p({name})" for name in self.reading.classes]].to_numpy()
        given = scores[np.arange(len(scores)), np.maximum(at, 0)]
        return np.where(at >= 0, -np.log(np.maximum(given, _LEAST)), np.nan)

    def _asked(self, columns: Mapping[str, Sequence[Any]], start: int) -> dict[str, Any]:
        """The signature's answer to one batch of rows, as arrays."""
        signature, tf = self._loaded.signatures["serving_raw"], _tensorflow()
        dtypes = {item.argument: item.dtype for item in self.reading.inputs}
        batch = {
            name: tf.constant(values[start : start + BATCH_ROWS], dtypes[name]) for name, values in columns.items()
        }
        return {name: tensor.numpy() for name, tensor in signature(**batch).items()}

    @functools.cached_property
    def _loaded(self) -> Any:
        with _without_greetings():
            return _tensorflow().saved_model.load(str(self.reading.folder))


class WordsPart(Shown):
    """The words of a text, shaded by their effect on the model's answer."""

    def __init__(self, column: str, target: str, answer: float, effects: pd.DataFrame) -> None:
        """Takes the effects in the order of the words, and the answer to the whole text."""
        self._column, self._target, self._answer, self._effects = column, target, answer, effects

    @property
    def title(self) -> str:
        """What the effects are on."""
        return f"{self._column}: each word's effect on {self._target} = {number(self._answer)}"

    @property
    def frame(self) -> pd.DataFrame:
        """Word and effect, in the text's order."""
        return self._effects

    def body(self) -> Markup:
        """The text; blue words speak for the answer, orange ones against it, with their sign in the title."""
        if self._effects.empty:
            return tag("p", "There are no words in this text.", class_="pn-muted")
        most = max(float(self._effects["effect"].abs().max()), 1e-9)
        words = [_word(str(word), effect, most) for word, effect in self._effects.itertuples(index=False)]
        legend = "Blue speaks for the answer, underlined orange against it; the darker, the more."
        return join([tag("p", join(words, " "), class_="pn-words"), tag("p", legend, class_="pn-muted")])


def _word(word: str, effect: float, most: float) -> Markup:
    strength = abs(effect) / most
    shade = "--shade-right" if effect >= 0 else "--shade-wrong"
    line = ";text-decoration:underline dotted" if effect < 0 and strength > 0.05 else ""
    style = f"background:rgba(var({shade}),{0.6 * strength:.3f}){line}"
    return tag("span", clipped(word, 80), style=style, title=f"{effect:+.4f}")


def _column(rows: pd.DataFrame, item: ModelInput) -> list[Any]:
    """The values of one argument; what is not there as the model wants it."""
    if item.name not in rows:
        if item.is_required:
            raise NotFound(f"The rows have no column '{item.name}', which the model requires.")
        return [_missing(item)] * len(rows)
    absent = rows[item.name].isna()
    if item.is_required and absent.any():
        raise NotFound(f"Column '{item.name}' has no value in {int(absent.sum())} rows; the model requires one.")
    return [
        _missing(item) if gone else _plain(value, item) for value, gone in zip(rows[item.name], absent, strict=True)
    ]


def _missing(item: ModelInput) -> str | float | int:
    return float("nan") if item.missing is None else item.missing


def _plain(value: Any, item: ModelInput) -> Any:
    value = value[0] if isinstance(value, list) else value
    if item.dtype == "string":
        return _whole_text(value)
    return int(value) if item.dtype.startswith("int") else float(value)


def _class_name(value: Any) -> str | None:
    """The class that a label stands for: whole numbers without a fraction, which pandas gives them beside NaN."""
    if value is None or value != value:  # NaN is unequal to itself
        return None
    return _whole_text(value)


def _whole_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    return tf


@contextlib.contextmanager
def _without_greetings() -> Iterator[None]:
    """Drops what native code writes to standard error meanwhile: TensorFlow's words on GPUs are no cell's output.

    Python's exceptions are raised all the same.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
