"""Two runs side by side, as `penstock diff` compares them: settings, data, statistics, training, metrics and slices."""

import functools

import pandas as pd
from markupsafe import Markup

from pipeline.diff.compare import compare
from pipeline.diff.document import MetricChange, Part, RunDiff
from pipeline.report.tags import join, tag
from pipeline.workbench.charts import Chart, lines
from pipeline.workbench.display import Missing, Shown, Table, frame_table
from pipeline.workbench.run import Run
from pipeline.workbench.statistics import DriftTable


class Comparison(Shown):
    """What is different in a run from one before it.

    Attributes:
      before, after: the two runs.
    """

    def __init__(self, before: Run, after: Run) -> None:
        """Reads nothing yet."""
        self.before, self.after = before, after

    @functools.cached_property
    def reading(self) -> RunDiff:
        """All differences as plain values."""
        return compare(self.before.view, self.after.view)

    @property
    def title(self) -> str:
        """The two runs."""
        return f"{self.before.run_id} → {self.after.run_id}"

    @property
    def frame(self) -> pd.DataFrame:
        """The metrics of both on all their rows; `low` and `high` bound the change."""
        return _metrics(self.reading.metrics.overall).drop(columns="slice")

    def body(self) -> Markup:
        """Metrics, then what else came out differently."""
        part = self.reading.metrics
        missing = tag("p", " ".join(part.missing), class_="pn-absent") if part.missing else None
        metrics = [frame_table(self.frame, caption="Metrics"), tag("p", part.method, class_="note")]
        others = [self.outcome, self.data, self.config]
        shown = [tag("div", tag("h3", other.title), other.body(), class_="pn-part") for other in others]
        return join([missing, *metrics, *shown])

    @property
    def outcome(self) -> Table:
        """What came of the two runs, where it differs."""
        return _table("Outcome: what differs", self.reading.outcome)

    @property
    def data(self) -> Table:
        """What differs in the rows that were read: how many, from where, of which columns."""
        return _table("Data: what differs", self.reading.data)

    @property
    def config(self) -> Table:
        """The settings that differ."""
        return _table("Settings that differ", self.reading.configuration)

    @property
    def environment(self) -> Table:
        """Code, packages and machine, where they differ."""
        return _table("Environment: what differs", self.reading.environment)

    @property
    def schema(self) -> Table:
        """What the schemas promise differently, one column and promise a row."""
        return _table("Promises that differ", self.reading.schema)

    def drift(self, split: str = "train") -> "DriftTable | Missing":
        """How far each feature's distribution in this split has moved, and whether chance explains it."""
        part = self.reading.statistics
        found = [item for item in part.items if item.split == split]
        if not found:
            return Missing("Drift", " ".join(part.missing) or f"Not both runs have a split '{split}'.")
        one, other = self.before.run_id, self.after.run_id
        names = ("before", "after") if one == other else (one, other)
        return DriftTable(found, names, f"Drift of {split}, {self.title}")

    @property
    def training(self) -> "Chart | Missing":
        """The loss on the eval rows, epoch by epoch, of both."""
        curves = {}
        for run in (self.before, self.after):
            if isinstance(run.training, Missing):
                return Missing("Training", f"{run.run_id}: {run.training.reason}")
            curves[run.run_id] = run.training.frame.set_index("epoch").get("val_loss", pd.Series(dtype=float))
        return lines(pd.DataFrame(curves), title="Loss on the eval rows by epoch")

    @property
    def slices(self) -> Table:
        """The harm metric of each slice in both, the greatest fall first."""
        part = self.reading.metrics
        frame = _metrics(part.slices)
        return Table("Slices", frame.sort_values("change", kind="stable"), " ".join(part.missing))


def _table(title: str, part: Part) -> Table:
    """The rows that differ."""
    rows = [(item.name, item.before, item.after, item.note) for item in part.changed]
    frame = pd.DataFrame(rows, columns=["what", "before", "after", "note"], dtype=object)
    return Table(title, frame if frame["note"].any() else frame.drop(columns="note"), " ".join(part.missing))


def _metrics(changes: tuple[MetricChange, ...]) -> pd.DataFrame:
    columns = ["slice", "metric", "before", "after", "change", "low", "high", "judgement"]
    rows = [
        (item.slice, item.metric, item.before.value, item.after.value, *_interval(item), _judgement(item))
        for item in changes
    ]
    return pd.DataFrame(rows, columns=columns)


def _interval(item: MetricChange) -> tuple[float | None, float | None, float | None]:
    return item.change.value, item.change.low, item.change.high


def _judgement(item: MetricChange) -> str:
    if item.exceeds_noise is None:
        return "noise unknown" if item.change.value else ""
    if not item.exceeds_noise:
        return "within noise"
    return {True: "better", False: "worse", None: "changed"}[item.is_better]
