"""What DataQualityGate left beside its verdict: what was measured, rows that break constraints, and suggestions."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import NotFound
from pipeline.readers.documents import read_object, read_text

METRICS_FILE = "metrics.json"
SUGGESTIONS_FILE = "suggestions.json"
ROWS_FILE = "rows.jsonl"

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class ColumnQuality:
    """One column over all splits; None where it is not known or there is none.

    Attributes:
      kind: `text`, `whole` or `number`; empty if no row has a value.
      completeness: share of rows with a value.
      distinct: number of values, if there are few.
      numbers: `minimum`, `maximum`, `mean` and `standard_deviation`, of a text's length where it is text.
    """

    name: str
    kind: str
    completeness: float | None
    distinct: int | None
    numbers: Mapping[str, float | None]


@dataclasses.dataclass(frozen=True)
class OffendingRow:
    """A row that breaks a constraint; `times` is how often its key occurs, None if it is not about keys."""

    check: str
    split: str
    row: Mapping[str, Any]
    times: int | None = None


@dataclasses.dataclass(frozen=True)
class Suggested:
    """A constraint (keys of `quality.constraints[]`) with what was seen, and why it may be demanded."""

    constraint: Mapping[str, Any]
    seen: str
    reason: str


@dataclasses.dataclass(frozen=True)
class DataQuality:
    """What the gate measured.

    Attributes:
      rows: by split.
      span: of the examples, None without one.
      columns: by name.
      offending_rows: a few for each constraint.
      suggestions: constraints to choose from.
    """

    rows: Mapping[str, int]
    span: int | None
    columns: tuple[ColumnQuality, ...]
    offending_rows: tuple[OffendingRow, ...] = ()
    suggestions: tuple[Suggested, ...] = ()


def read_data_quality(metrics: Path, offending_rows: Path | None, suggestions: Path | None) -> DataQuality:
    """What the three artifacts hold; those that are None count as empty.

    Raises:
      NotFound: the metrics are missing, or a document is damaged or of another format.
    """
    path = metrics / METRICS_FILE
    data = _of_format(path)
    try:
        found = DataQuality(
            data["rows"], data["span"], tuple(_column(name, of) for name, of in data["profile"]["columns"].items())
        )
        return dataclasses.replace(
            found,
            offending_rows=_rows(offending_rows / ROWS_FILE) if offending_rows else (),
            suggestions=_suggestions(suggestions / SUGGESTIONS_FILE) if suggestions else (),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise NotFound(f"{path}: not what DataQualityGate measured ({error!r}).") from error


def _of_format(path: Path) -> dict[str, Any]:
    data = read_object(path)
    if data.get("format") != FORMAT:
        raise NotFound(f"{path}: of format {data.get('format')!r}; this program reads {FORMAT}.")
    return data


def _column(name: str, data: Mapping[str, Any]) -> ColumnQuality:
    numbers = data.get("number") or data.get("length") or {}
    return ColumnQuality(name, data.get("kind", ""), data["completeness"], data.get("distinct"), numbers)


def _rows(path: Path) -> tuple[OffendingRow, ...]:
    try:
        return tuple(OffendingRow(**json.loads(line)) for line in read_text(path).splitlines())
    except (TypeError, ValueError) as error:
        raise NotFound(f"{path}: damaged, not the rows of DataQualityGate ({error}).") from error


def _suggestions(path: Path) -> tuple[Suggested, ...]:
    return tuple(Suggested(**item) for item in _of_format(path)["suggestions"])
