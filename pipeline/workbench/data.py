"""The data of a run: its rows, their statistics, the schema, and what was found to be odd."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from models.tabular_text.features import FeatureSpec
from pipeline.readers.anomalies import Anomalies, GateDecision
from pipeline.readers.examples import Examples, read_rows
from pipeline.readers.run_view import Reading
from pipeline.readers.schema import Schema
from pipeline.report.data_parts import anomalies_table, examples_view, gate_view
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted
from pipeline.workbench.display import Shown, Table


class ExamplesPart(Shown):
    """The rows that ArrowExampleGen read, by split."""

    def __init__(self, examples: Examples, folder: Path) -> None:
        """`folder` is the artifact's."""
        self.reading, self._folder = examples, folder

    @property
    def title(self) -> str:
        """How many rows, of which span."""
        span = "" if self.reading.span is None else f", span {self.reading.span}"
        return f"Examples: {counted(sum(self.reading.rows.values()), 'row')}{span}"

    @property
    def splits(self) -> tuple[str, ...]:
        """Their names: train, eval and test first."""
        return tuple(self.reading.size_bytes)

    @property
    def frame(self) -> pd.DataFrame:
        """Rows and bytes of each split."""
        rows = [(name, self.reading.rows.get(name), size) for name, size in self.reading.size_bytes.items()]
        return pd.DataFrame(rows, columns=["split", "rows", "size_bytes"])

    @property
    def quarantined(self) -> Table:
        """The first fifty rows that were set aside, and why."""
        found = self.reading.quarantined
        columns = ["file", "place", "column", "reason", "raw"]
        rows = [[getattr(row, name) for name in columns] for row in found]
        return Table(f"{counted(self.reading.rows_quarantined, 'row')} set aside", pd.DataFrame(rows, columns=columns))

    def body(self) -> Markup:
        """Splits, columns, and what was set aside."""
        return examples_view(self.reading)

    def head(self, n: int = 5, *, split: str | None = None) -> pd.DataFrame:
        """The first rows, of the first split unless another is named.

        Raises:
          NotFound: the split is not there, or its files are damaged.
        """
        return self.rows(split or self.splits[0], limit=n).drop(columns="split")

    def rows(self, split: str | None = None, *, limit: int = 1_000_000) -> pd.DataFrame:
        """The rows of a split, of all splits if none is named, with the split's name in the column `split`.

        A value that is not there is None or NaN; several values in one cell are a list. `limit` is for each split.
        """
        names = self.splits if split is None else (split,)
        frames = [self._decoded(name, limit) for name in names]
        return pd.concat(frames, ignore_index=True)

    def _decoded(self, split: str, limit: int) -> pd.DataFrame:
        """One column for each feature; `split` stands first, in place of a column of that name."""
        rows = read_rows(self._folder, split, limit)
        names = [name for name in self.reading.column_types if rows and name in rows[0]]
        names += [name for name in (rows[0] if rows else ()) if name not in names and name != "split"]
        columns = {name: [_single(row[name]) for row in rows] for name in names if name != "split"}
        return pd.DataFrame({"split": [split] * len(rows), **columns})


def _single(values: list[Any]) -> Any:
    return (values[0] if len(values) == 1 else values) if values else None


class SchemaPart(Shown):
    """What the schema promises about each column, and how the model uses it."""

    def __init__(self, schema: Schema, features: Reading[FeatureSpec]) -> None:
        """Takes the schema and, where it is there, the plan of the columns."""
        self.reading, self.plan = schema, features

    @property
    def title(self) -> str:
        """How many columns."""
        return f"Schema of {counted(len(self.reading.features), 'column')}"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each column."""
        uses = self.uses
        rows = [
            {
                "column": item.name,
                "type": item.type,
                "used as": uses.get(item.name, ("", ""))[0],
                "because": uses.get(item.name, ("", ""))[1],
                "presence": item.presence,
                "values a row": item.valency,
                "domain": item.domain,
                "notes": "; ".join(item.notes),
            }
            for item in self.reading.features
        ]
        return pd.DataFrame(rows)

    @property
    def uses(self) -> dict[str, tuple[str, str]]:
        """How the model uses each column, and why; empty without a plan."""
        plan = self.plan.value
        if plan is None:
            return {}
        label = {plan.label.name: (f"label ({plan.label.kind.value})", plan.label.reason)}
        return {**{item.name: (item.kind.value, item.reason) for item in plan.features}, **label}

    def columns_used_as(self, kind: str) -> list[str]:
        """The columns of that kind: numeric, categorical, text, date, ignored or label."""
        return [name for name, (use, _) in self.uses.items() if use.partition(" ")[0] == kind]


class AnomaliesPart(Shown):
    """What ExampleValidator found in each split, and what ValidationGate made of it."""

    def __init__(self, anomalies: Reading[Anomalies], gate: Reading[GateDecision]) -> None:
        """Takes both, either of which may be missing."""
        self.reading, self.gate = anomalies, gate

    @property
    def title(self) -> str:
        """How many anomalies."""
        if self.reading.value is None:
            return "Anomalies: not known"
        count = self.reading.value.count
        return f"{count:,} {'anomaly' if count == 1 else 'anomalies'}"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each anomaly; `stops`, `severity` and `waived_until` are the gate's, if it decided."""
        columns = ["split", "feature", "anomaly", "severity", "stops", "waived_until", "description", "schema_changes"]
        return pd.DataFrame(list(self._rows()), columns=columns)

    def _rows(self) -> Iterator[Sequence[object]]:
        if self.gate.value is not None:
            for found in self.gate.value.findings:
                until = found.waiver.expires if found.waiver else None
                head = (found.split, found.feature, found.anomaly, found.severity, found.stops, until)
                yield (*head, found.description, "; ".join(found.schema_changes))
            return
        for split in self.reading.value.splits if self.reading.value else ():
            for item in split.anomalies:
                yield (split.split, item.feature, item.type, item.severity, None, None, item.description, "")

    @property
    def verdict(self) -> str:
        """What the gate decided, or why it did not."""
        if self.gate.value is None:
            return f"The gate left no decision. {self.gate.reason}"
        missing = " ".join(self.gate.value.missing)
        return f"The gate {'let the data pass' if self.gate.value.passed else 'refused the data'}. {missing}".strip()

    def body(self) -> Markup:
        """The gate's decision with each anomaly; what TFDV found, where there is no decision."""
        if self.gate.value is not None:
            return gate_view(self.gate.value)
        why = tag("p", clipped(self.verdict, 2000), class_="pn-verdict pn-bad")
        found = self.reading.value
        told = tag("p", self.reading.reason, class_="pn-absent") if found is None else anomalies_table(found)
        return join([why, told])
