"""The rows that a run read: how many in which split, of which span and files, what was set aside, the first rows."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import NotFound
from pipeline.readers.documents import SPLIT_PREFIX, read_text, split_names

SHOWN_ROWS = 50


@dataclasses.dataclass(frozen=True)
class QuarantinedRow:
    """One row that was set aside.

    Attributes:
      file: where it was.
      place: `line 12`, `row 3` or `record 7`.
      column: the column at fault, None if it is the row as a whole.
      reason: what is wrong.
      raw: the row as it stands in the file.
    """

    file: str
    place: str
    column: str | None
    reason: str
    raw: str


@dataclasses.dataclass(frozen=True)
class Examples:
    """One Examples artifact of ArrowExampleGen.

    Attributes:
      rows: by split.
      rows_in: rows read, None if nobody counted.
      rows_quarantined: rows set aside.
      span, version: of the input, None if it has none.
      fingerprint: TFX's of the input files: their number, bytes and checksums of their times.
      column_types: int64, float32 or string, by column.
      quarantined: the first fifty rows set aside.
      size_bytes: of each split on disk.
    """

    rows: Mapping[str, int]
    rows_in: int | None
    rows_quarantined: int
    span: int | None
    version: int | None
    fingerprint: Mapping[str, str]
    column_types: Mapping[str, str]
    quarantined: tuple[QuarantinedRow, ...]
    size_bytes: Mapping[str, int]


def read_examples(folder: Path, properties: Mapping[str, Any]) -> Examples:
    """The examples in a folder, with what the node wrote down about them.

    Args:
      folder: the artifact's.
      properties: the artifact's, as in `ArtifactRecord`.

    Raises:
      NotFound: the folder is not there or holds no split.
    """
    splits = split_names(folder)
    counted = {name: int(properties[f"rows_{name}"]) for name in splits if f"rows_{name}" in properties}
    return Examples(
        rows=counted,
        rows_in=_whole(properties.get("rows_in")),
        rows_quarantined=_whole(properties.get("rows_quarantined")) or 0,
        span=_whole(properties.get("span")),
        version=_whole(properties.get("version")),
        fingerprint=_fingerprint(str(properties.get("input_fingerprint", ""))),
        column_types=_column_types(properties),
        quarantined=tuple(_quarantined(folder / "quarantine" / "rows.jsonl")),
        size_bytes={name: sum(path.stat().st_size for path in split_files(folder, name)) for name in splits},
    )


def split_files(folder: Path, split: str) -> list[Path]:
    """The files of one split, in the order of their names."""
    return sorted(path for path in (folder / f"{SPLIT_PREFIX}{split}").glob("*") if path.is_file())


def read_rows(folder: Path, split: str, limit: int) -> list[dict[str, list[Any]]]:
    """The first rows of a split: each column's values, an empty list where the row has none.

    Bytes are decoded as UTF-8, with backslash escapes where they are none.

    Raises:
      NotFound: the split is not there, or its files are damaged.
    """
    if split not in split_names(folder):
        raise NotFound(f"{folder}: there is no split '{split}'; there are {', '.join(split_names(folder))}.")
    rows: list[dict[str, list[Any]]] = []
    for path in split_files(folder, split):
        records = _first_records(path, limit - len(rows))
        rows += _decoded(path, records) if records else []
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) or [] for name in names} for row in rows]


def _first_records(path: Path, limit: int) -> list[bytes]:
    from components.arrow_example_gen.source_files import open_bytes
    from components.arrow_example_gen.tfrecord import DamagedRecords, read_records
    from components.errors import BadData

    try:
        with open_bytes(str(path)) as stream:
            return [record for record, _ in zip(read_records(stream), range(limit), strict=False)]
    except (BadData, DamagedRecords, OSError) as error:
        raise NotFound(f"{path}: damaged or cut short ({error}).") from error


def _decoded(path: Path, records: list[bytes]) -> list[dict[str, list[Any]]]:
    from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

    try:
        batch = ExamplesToRecordBatchDecoder(None).DecodeBatch(records)
    except RuntimeError as error:  # the only class that the decoder raises
        raise NotFound(f"{path}: holds something else than tf.Examples ({error}).") from error
    return [{name: _plain(values) for name, values in row.items()} for row in batch.to_pylist()]


def _plain(values: list[Any] | None) -> list[Any]:
    return [value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value for value in values or []]


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _fingerprint(text: str) -> dict[str, str]:
    """`split:all,num_files:1,…` as its parts; empty if TFX wrote none."""
    return dict(part.partition(":")[::2] for part in text.split(",") if ":" in part)


def _column_types(properties: Mapping[str, Any]) -> dict[str, str]:
    return dict(json.loads(str(properties.get("column_types") or "{}")))


def _quarantined(path: Path) -> Iterator[QuarantinedRow]:
    if not path.is_file():
        return
    for line in read_text(path).splitlines()[:SHOWN_ROWS]:
        try:
            data = json.loads(line)
            unit = next(name for name in data if name not in ("file", "column", "reason", "raw"))
            yield QuarantinedRow(data["file"], f"{unit} {data[unit]}", data["column"], data["reason"], data["raw"])
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise NotFound(f"{path}: damaged, not lines of quarantined rows ({error!r}).") from error
