"""Writes the files of a new span, reads them again, and only then puts them in their places."""

import contextlib
import dataclasses
import gzip
from collections.abc import Mapping, Sequence
from typing import BinaryIO, cast

from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.source_files import file_format
from components.human_review.queue import Origin
from pipeline.reviewing.delimited_copy import DIALECTS, Change, Copied, copy_delimited
from pipeline.reviewing.parquet_copy import copy_parquet
from pipeline.reviewing.placing import Place, find_rows
from pipeline.reviewing.span_files import staged


class RowsLost(RuntimeError):
    """Rows read, kept, added and written do not add up: a defect of ours or of the disk."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """What is different in a new span.

    Attributes:
      labels: row → the class that a person said.
      origins: row → how its id was made.
      changes: file of the latest span → place of each row in it that has an answer.
      added: rows that the latest span does not have; they go to the end of its last file.
      only_answered: the other rows of the latest span are left out.
    """

    labels: Mapping[str, str]
    origins: Mapping[str, Origin]
    changes: Mapping[str, Sequence[Place]]
    added: Sequence[Place]
    only_answered: bool

    def added_to(self, file: str, files: Sequence[str]) -> Sequence[Place]:
        """What is added to this one of the files."""
        return self.added if file == files[-1] else ()


def write_span(files: Sequence[str], finals: Mapping[str, str], edit: Edit) -> Copied:
    """Writes the files; returns their rows.

    Args:
      files: of the latest span, in order.
      finals: file of the latest span → the file to write.
      edit: what is different.

    Raises:
      ConfigError: a value does not fit a file, or something is where a file should go.
      RowsLost: the new files do not hold what they should; nothing is put in its place.
    """
    before = after = 0
    with staged(list(finals.values())) as places:
        for source, final in finals.items():
            added = edit.added_to(source, files)
            copied = copy_file(source, places[final], edit, added)
            check_file(places[final], final, edit, [*edit.changes.get(source, ()), *added])
            before, after = before + copied.before, after + copied.after
    return Copied(before, after)


def copy_file(source: str, target: str, edit: Edit, added: Sequence[Place]) -> Copied:
    """Writes one file, in the format and compression of the source."""
    origin = next(iter(edit.origins.values()))
    found = edit.changes.get(source, ())
    change = Change(
        label=origin.label,
        labels={item.number: edit.labels[item.row] for item in found if item.label != edit.labels[item.row]},
        only={item.number for item in found} if edit.only_answered else None,
        added=[{**item.values, origin.label: edit.labels[item.row]} for item in added],
    )
    form = file_format(source, ReadOptions.from_json(origin.reading))
    if form == "parquet":
        return copy_parquet(source, target, change)
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open(target, "wb"))
        if source.lower().endswith((".gz", ".gzip")):
            zipped = stack.enter_context(gzip.GzipFile(fileobj=out, mode="wb", mtime=0))
            return copy_delimited(source, DIALECTS[form], cast("BinaryIO", zipped), change)
        return copy_delimited(source, DIALECTS[form], out, change)


def check_file(written: str, final: str, edit: Edit, wanted: Sequence[Place]) -> None:
    """Reads a new file: each answered row must be there as often as it should, with its answer.

    Raises:
      RowsLost: it is not; `final` names the file.
    """
    origins = {id(edit.origins[item.row]): edit.origins[item.row] for item in wanted}
    seen = []
    for origin in origins.values():
        rows = {item.row for item in wanted if edit.origins[item.row] is origin}
        seen += [(found.row, found.label) for found in find_rows([written], origin, rows, any_format=False)]
    if sorted(seen, key=str) != sorted(((item.row, edit.labels[item.row]) for item in wanted), key=str):
        raise RowsLost(
            f"{final}: read again, it does not hold the {len(wanted)} answered rows with their answers "
            f"({len(seen)} found). Nothing was published. This is a defect: keep the data and report it."
        )
