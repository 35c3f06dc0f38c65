"""Two runs side by side: settings, data, statistics, training, metrics and slices."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from components.evaluator.analysis import Interval
from pipeline.readers.statistics import SplitStatistics
from pipeline.report.tags import join, tag
from pipeline.workbench.charts import Chart, lines
from pipeline.workbench.display import Missing, Shown, Table, frame_table
from pipeline.workbench.run import Run
from pipeline.workbench.statistics import Drift

_COUNT = "example_count"


class Comparison(Shown):
    """What is different in a run from one before it.

    Attributes:
      before, after: the two runs.
    """

    def __init__(self, before: Run, after: Run) -> None:
        """Reads nothing yet."""
        self.before, self.after = before, after

    @property
    def title(self) -> str:
        """The two runs."""
        return f"{self.before.run_id} → {self.after.run_id}"

    @property
    def _names(self) -> tuple[str, str]:
        return (
            ("before", "after") if self.before.run_id == self.after.run_id else (self.before.run_id, self.after.run_id)
        )

    @property
    def frame(self) -> pd.DataFrame:
        """The metrics of both on their own rows; `apart` says that their intervals do not meet."""
        one, other = (_metrics(run) for run in (self.before, self.after))
        rows = [_metric_row(name, one.get(name), other.get(name)) for name in {**one, **other} if name != _COUNT]
        return pd.DataFrame(rows, columns=["metric", "before", "after", "change", "apart"])

    def body(self) -> Markup:
        """Metrics, data and settings."""
        reasons = [
            f"{run.run_id}: {run.evaluation.reason}"
            for run in (self.before, self.after)
            if isinstance(run.evaluation, Missing)
        ]
        metrics = tag("p", " ".join(reasons), class_="pn-absent") if reasons else None
        parts = [
            (part.title, frame_table(part.frame.dropna(axis=1, how="all"), caption=part.title))
            for part in (self.data, self.config)
        ]
        shown = [tag("div", tag("h3", title), content) for title, content in parts]
        return join([metrics, frame_table(self.frame, caption="Metrics"), *shown])

    @property
    def data(self) -> Table:
        """Rows of each split, the span, and the input's size, in both."""
        names = ["span", "rows_in", "rows_quarantined"]
        rows: dict[str, dict[str, object]] = {}
        for place, run in (("before", self.before), ("after", self.after)):
            found = run.view.examples.value
            if found is not None:
                facts = {name: getattr(found, name) for name in names}
                facts |= {f"rows in {split}": count for split, count in found.rows.items()}
                facts["input bytes"] = int(found.fingerprint.get("total_bytes", 0)) or None
                for name, value in facts.items():
                    rows.setdefault(name, {})[place] = value
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("what")
        return Table("Data", frame.reindex(columns=["before", "after"]).astype(object))

    @property
    def config(self) -> Table:
        """The settings that differ."""
        return Table("Settings that differ", _differences(self.before.config.frame, self.after.config.frame))

    @property
    def environment(self) -> Table:
        """Code, packages and machine, where they differ."""
        return Table(
            "What differs around them", _differences(self.before.provenance.frame, self.after.provenance.frame)
        )

    @property
    def schema(self) -> Table:
        """What the schemas promise differently, one column and promise a row."""
        return Table("Promises that differ", _differences(_promises(self.before), _promises(self.after)))

    def drift(self, split: str = "train") -> "Drift | Missing":
        """How far each feature's distribution in this split has moved."""
        one, other = self._split(self.before, split), self._split(self.after, split)
        if isinstance(one, Missing):
            return one
        return (
            other if isinstance(other, Missing) else Drift(one, other, self._names, f"Drift of {split}, {self.title}")
        )

    def _split(self, run: Run, split: str) -> "SplitStatistics | Missing":
        found = run.view.statistics
        if found.value is None:
            return Missing("Drift", f"{run.run_id}: {found.reason}")
        return found.value.split(split) or Missing("Drift", f"{run.run_id} has no split '{split}'.")

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
        """The first metric of each slice in both, the greatest fall first."""
        one, other = (_slices(run) for run in (self.before, self.after))
        metric = next((name for name in one if name in other and name not in ("rows", "harm")), None)
        if metric is None:
            return Table("Slices", pd.DataFrame(), "Not both runs have metrics by slice.")
        frame = pd.DataFrame({"rows before": one["rows"], "rows after": other["rows"]})
        frame = frame.assign(before=one[metric], after=other[metric]).rename_axis("slice")
        frame["change"] = frame["after"] - frame["before"]
        return Table(f"{metric} by slice", frame.sort_values("change", kind="stable"))


def _metrics(run: Run) -> Mapping[str, Interval]:
    found = run.view.evaluation.value
    return found.metrics if found else {}


def _metric_row(name: str, one: Interval | None, other: Interval | None) -> tuple[object, ...]:
    before, after = one.value if one else None, other.value if other else None
    change = after - before if before is not None and after is not None else None
    return (name, before, after, change, _apart(one, other))


def _apart(one: Interval | None, other: Interval | None) -> bool | None:
    """True if the intervals do not meet, None where one of them is not known."""
    if one is None or other is None or None in (one.low, one.high, other.low, other.high):
        return None
    return other.low > one.high or other.high < one.low  # type: ignore[operator]  # None was ruled out


def _differences(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The keys whose values differ; a side without the key has None."""
    one, other = (dict(of.itertuples(index=False, name=None)) for of in (before, after))
    rows = [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)]
    return pd.DataFrame(rows, columns=["key", "before", "after"])


def _promises(run: Run) -> pd.DataFrame:
    found = run.view.schema.value
    names = ("type", "presence", "valency", "domain")
    features = found.features if found else ()
    rows = [(f"{item.name}: {name}", getattr(item, name)) for item in features for name in names]
    return pd.DataFrame(rows, columns=["key", "value"])


def _slices(run: Run) -> pd.DataFrame:
    """Rows and metrics by slice, empty without an evaluation."""
    if isinstance(run.evaluation, Missing):
        return pd.DataFrame()
    return run.evaluation.slices.frame.set_index("slice").drop(columns=["harm", "certain", "too_small"])
