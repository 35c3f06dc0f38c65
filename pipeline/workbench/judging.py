"""How good the model of a run is, on which rows it is worse, whether it was blessed and can be served."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from pipeline.readers.evaluation import Evaluation
from pipeline.readers.serving_check import ServingCheck
from pipeline.report.evaluation import calibration_view, confusion_view, metrics_table, slices_table
from pipeline.report.model_parts import serving_view
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number
from pipeline.workbench.display import Missing, Shown, Table

_COUNT = "example_count"


class EvaluationPart(Shown):
    """The Evaluator's verdict and metrics."""

    def __init__(self, evaluation: Evaluation) -> None:
        """Takes what the reader found."""
        self.reading = evaluation

    @property
    def title(self) -> str:
        """The verdict."""
        verdict = "blessed" if self.reading.blessed else "not blessed"
        return f"Evaluation on {counted(self.reading.rows, 'row')}{self._split}: {verdict}"

    @property
    def _split(self) -> str:
        return f" of {self.reading.analysis.split}" if self.reading.analysis else ""

    @property
    def blessed(self) -> bool:
        """True if the model may be pushed."""
        return self.reading.blessed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, one sentence each."""
        return self.reading.reasons

    @property
    def metrics(self) -> dict[str, float | None]:
        """Each metric on all rows."""
        return {name: item.value for name, item in self.reading.metrics.items()}

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each metric on all rows, with its interval and its change against the last blessed model."""
        changes = self.reading.changes
        rows = [
            (name, item.value, item.low, item.high, changes[name].value if name in changes else None)
            for name, item in self.reading.metrics.items()
            if name != _COUNT
        ]
        return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "change"])

    @property
    def checks(self) -> Table:
        """Every bound on every slice, and whether it held."""
        columns = ["metric", "slice", "kind", "threshold", "value", "baseline_value", "passed", "examples"]
        rows = [[getattr(check, name) for name in columns] for check in self.reading.checks]
        return Table("Checks", pd.DataFrame(rows, columns=columns))

    @property
    def slices(self) -> "SlicesPart":
        """The slices, those with the greatest harm first."""
        return SlicesPart(self.reading)

    @property
    def confusion(self) -> "ConfusionPart | Missing":
        """True class by predicted class."""
        if self.reading.confusion is None:
            why = self.reading.analysis_missing or "A regression predicts numbers, not classes."
            return Missing("Confusion matrix", why)
        return ConfusionPart(self.reading)

    @property
    def calibration(self) -> "CalibrationPart | Missing":
        """Whether predictions come true as often as they say."""
        if self.reading.calibration is None:
            return Missing("Calibration", self.reading.analysis_missing or "No rows were evaluated.")
        return CalibrationPart(self.reading)

    def body(self) -> Markup:
        """The verdict with its reasons, and the metrics."""
        reasons = tag("ul", *(tag("li", clipped(reason, 1000)) for reason in self.reasons))
        tone = "good" if self.blessed else "bad"
        verdict = tag("div", "Blessed." if self.blessed else "Not blessed.", reasons, class_=f"pn-verdict pn-{tone}")
        return join([verdict, metrics_table(self.reading)])


class SlicesPart(Shown):
    """The metrics of each slice, those with the greatest harm first.

    Harm is how much worse the metric is than on all rows, times the slice's rows: with accuracy, the wrong answers that
    would not be there if the slice were answered as well as all rows are.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        """Takes what the reader found."""
        self._evaluation = evaluation

    @property
    def title(self) -> str:
        """How many slices, sorted how."""
        return f"{counted(len(self._evaluation.slices), 'slice')}, by harm"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each slice; `certain` says that its interval excludes the value on all rows."""
        rows = [
            {
                "slice": item.name,
                "rows": item.rows,
                "harm": item.harm.amount if item.harm else None,
                "certain": item.harm.is_certain if item.harm else None,
                "too_small": item.too_small,
                **{name: of.value for name, of in item.metrics.items() if name != _COUNT},
            }
            for item in self._evaluation.slices
        ]
        return pd.DataFrame(rows)

    def body(self) -> Markup:
        """A row for each slice with its interval beside the value on all rows."""
        return slices_table(self._evaluation)


class ConfusionPart(Shown):
    """True class by predicted class."""

    def __init__(self, evaluation: Evaluation) -> None:
        """Takes an evaluation that has a confusion matrix."""
        assert evaluation.confusion is not None  # the caller looked
        self._confusion = evaluation.confusion

    @property
    def title(self) -> str:
        """How many classes."""
        return f"Confusion of {len(self._confusion.classes)} classes"

    @property
    def frame(self) -> pd.DataFrame:
        """Rows: the true class; columns: the predicted one."""
        classes = list(self._confusion.classes)
        return pd.DataFrame(self._confusion.counts, index=pd.Index(classes, name="true"), columns=classes)

    def body(self) -> Markup:
        """The matrix, shaded by the share of each row."""
        return confusion_view(self._confusion)


class CalibrationPart(Shown):
    """Whether predictions come true as often, or as much, as they say."""

    _WHAT: Mapping[str, str] = {
        "positive_score": "probability of the positive class",
        "top_label": "probability of the answer",
        "prediction": "prediction",
    }

    def __init__(self, evaluation: Evaluation) -> None:
        """Takes an evaluation that has a calibration."""
        assert evaluation.calibration is not None  # the caller looked
        self.reading = evaluation.calibration

    @property
    def title(self) -> str:
        """The mean distance from honest predictions."""
        return (
            f"Calibration by {self._WHAT.get(self.reading.kind, self.reading.kind)}: error {number(self.reading.error)}"
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each bin of predictions."""
        rows = [(b.low, b.high, b.rows, b.predicted, b.observed.value) for b in self.reading.bins]
        return pd.DataFrame(rows, columns=["from", "to", "rows", "predicted", "observed"])

    def body(self) -> Markup:
        """Predicted against observed; the dashed line is honesty."""
        return calibration_view(self.reading)


class ServingPart(Shown):
    """Whether the model can be served: the same answers by every way in, and in time."""

    def __init__(self, check: ServingCheck) -> None:
        """Takes what the reader found."""
        self.reading = check

    @property
    def title(self) -> str:
        """The verdict."""
        return (
            f"Serving check: {'passed' if self.reading.blessed else 'refused'} with {counted(self.reading.rows, 'row')}"
        )

    @property
    def frame(self) -> pd.DataFrame:
        """Latency of each signature and batch size, in milliseconds."""
        columns = ["signature", "batch_size", "p50_ms", "p95_ms", "calls"]
        return pd.DataFrame([[getattr(item, c) for c in columns] for item in self.reading.latencies], columns=columns)

    def body(self) -> Markup:
        """The reasons, how far answers differ, and how long they take."""
        return serving_view(self.reading)
