"""A pipeline's configuration and the runs that were made with it."""

import datetime
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from pipeline.config import load_config
from pipeline.errors import NotFound
from pipeline.readers.run_view import RunView
from pipeline.report.tags import join, tag
from pipeline.run_store import RunRecord, RunStore
from pipeline.workbench.comparison import Comparison
from pipeline.workbench.display import Missing, Shown, Table
from pipeline.workbench.lineage import LineagePart
from pipeline.workbench.run import Run

_RUN_COLUMNS = ["run_id", "state", "started", "minutes", "rows", "metric", "value", "blessed", "pushed", "base_run_id"]


def open_project(path: str | Path = "penstock.yaml") -> "Project":
    """The project of a configuration file, or of the root folder of runs alone. Nothing is written to either.

    Raises:
      ConfigError: the configuration is wrong.
      NotFound: the folder holds no runs.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _of_root(path)
    config = load_config(path)
    return Project(RunStore(config.root), config.pipeline.name)


def _of_root(root: Path) -> "Project":
    if not (root / "runs").is_dir():
        raise NotFound(f"{root}: holds no runs. Name a configuration file, or the folder that pipeline.root names.")
    return Project(RunStore(root.resolve()), None)


class Project(Shown):
    """The runs of one pipeline, the newest first."""

    def __init__(self, store: RunStore, pipeline_name: str | None) -> None:
        """Runs of other pipelines in the same store are left out, unless the name is None."""
        self.store, self.pipeline_name = store, pipeline_name

    @property
    def title(self) -> str:
        """The pipeline and where its runs are."""
        return f"{self.pipeline_name or 'All pipelines'}: {len(self._records())} runs under {self.store.root}"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each run."""
        return pd.DataFrame(
            [_row(Run(RunView(self.store, record))) for record in self._records()], columns=_RUN_COLUMNS
        )

    @property
    def runs(self) -> Table:
        """One row for each run: what became of it, how good its model was."""
        damaged = [path.parent.name for path in self.store.damaged()]
        remark = f"Records that cannot be read: {', '.join(damaged)}." if damaged else ""
        return Table(self.title, self.frame, remark)

    def body(self) -> Markup:
        """The table of the runs, and how to go on."""
        return join([self.runs.body(), tag("p", "project.run(run_id) opens one of them.", class_="pn-muted")])

    def run(self, run_id: str = "latest") -> Run:
        """The run of that id, the newest for `latest`, the one before it for `previous`.

        Raises:
          NotFound: there is none, or it is another pipeline's.
        """
        return Run(RunView(self.store, self._record(run_id)))

    def compare(self, before: str = "previous", after: str = "latest") -> "Comparison | Missing":
        """The two runs side by side, named as for `run`."""
        try:
            return Comparison(self.run(before), self.run(after))
        except NotFound as error:
            return Missing("Comparison", str(error))

    def lineage(self, what: str, *, downstream: bool = False) -> LineagePart:
        """What a run, a pushed version, or an artifact (its id or place) was made of, or what was made from it.

        Raises:
          NotFound: it is none of them; the message names what is like it.
        """
        return LineagePart.of(what, self.store, self.pipeline_name or "", downstream=downstream)

    def _record(self, run_id: str) -> RunRecord:
        places = {"latest": 0, "previous": 1}
        if run_id not in places:
            record = self.store.read(run_id)
            if self.pipeline_name not in (None, record.pipeline_name):
                raise NotFound(
                    f"Run '{run_id}' is of pipeline '{record.pipeline_name}', this project's is "
                    f"'{self.pipeline_name}'. Open it with that pipeline's configuration."
                )
            return record
        records = self._records()
        if len(records) <= places[run_id]:
            which = "are no runs" if not records else "is only one run"
            name = f" of pipeline '{self.pipeline_name}'" if self.pipeline_name else ""
            raise NotFound(f"There {which}{name} under {self.store.root} yet; start one with: penstock run")
        return records[places[run_id]]

    def _records(self) -> list[RunRecord]:
        return [record for record in self.store.runs() if self.pipeline_name in (None, record.pipeline_name)]


def _row(run: Run) -> list[object]:
    record, evaluation = run.record, run.view.evaluation.value
    examples, pushed = run.view.examples.value, run.view.pushed.value
    metric, interval = next(
        ((name, item) for name, item in (evaluation.metrics if evaluation else {}).items() if name != "example_count"),
        ("", None),
    )
    return [
        record.run_id,
        record.state,
        record.started_at[:19].replace("T", " "),
        _minutes(record),
        sum(examples.rows.values()) if examples else None,
        metric,
        interval.value if interval else None,
        evaluation.blessed if evaluation else None,
        pushed.version if pushed else "",
        record.base_run_id,
    ]


def _minutes(record: RunRecord) -> float | None:
    if not record.ended_at:
        return None
    begin, end = (datetime.datetime.fromisoformat(time) for time in (record.started_at, record.ended_at))
    return round((end - begin).total_seconds() / 60, 2)
