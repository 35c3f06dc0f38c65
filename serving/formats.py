"""Requests and answers as bytes: JSON, JSON Lines and CSV, in layouts that Amazon's Clarify and Model Monitor read.

    application/json       {"instances": [{"title": "Fine", "stars": 4}, …]}  {"predictions": [{"scores": [0.1, 0.9]}]}
    application/jsonlines  {"title": "Fine", "stars": 4}                      {"scores": [0.1, 0.9]}
    text/csv               Fine,4                                             0.1,0.9

One line is one row, and no line of CSV is a header; but a first line that holds just the inputs' names gives the order
of the cells. A vector takes as many cells as it has numbers; outputs come in the order of their names.
"""

import csv
import dataclasses
import io
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from serving.answers import BadRequest, request_parts

JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"
FORMATS = (JSON, LINES, CSV)

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclasses.dataclass(frozen=True)
class CsvLayout:
    """How a line of CSV becomes a row.

    Attributes:
      readers: of each input, in the order of the cells: its value from a cell's text; ValueError if it is none.
      missing: what an empty cell stands for; an input that is not here must have a value, or takes the empty text.
    """

    readers: Mapping[str, Callable[[str], Any]]
    missing: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def csv_layout(inputs: Mapping[str, Any], missing: Mapping[str, Any]) -> CsvLayout:
    """The layout of a signature's inputs.

    Args:
      inputs: name → tf.TensorSpec.
      missing: name → what a missing value is, None for NaN, in the order of the cells; empty = the order of the names,
        and no value may be missing.
    """
    values = {name: math.nan if value is None else value for name, value in missing.items()}
    return CsvLayout({name: _reader(inputs[name].dtype) for name in missing or sorted(inputs)}, values)


def read_request(body: bytes, form: str, layout: CsvLayout, default_signature: str) -> tuple[list[Any], str]:
    """Rows and the signature's name, empty for the model's own.

    Args:
      body: of the request.
      form: one of FORMATS.
      layout: of CSV.
      default_signature: where the request names none.

    Raises:
      BadRequest: it cannot be read.
    """
    try:
        text = body.decode("utf-8-sig")
        if form == JSON:
            return request_parts(json.loads(text), default_signature)
        if form == LINES:
            return [_line(number, line) for number, line in _lines(text)], default_signature
        return list(_csv_rows(text, layout)), default_signature
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8: {error}.") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise BadRequest(f"The body is not {form}: {error}.") from error


def write_answer(predictions: Sequence[Mapping[str, Any]], form: str) -> bytes:
    """The answer in one of FORMATS."""
    if form == JSON:
        return json.dumps({"predictions": list(predictions)}).encode()
    if form == LINES:
        return "".join(f"{json.dumps(prediction)}\n" for prediction in predictions).encode()
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(
        [cell for name in sorted(prediction) for cell in _cells(prediction[name])] for prediction in predictions
    )
    return written.getvalue().encode()


def request_format(content_type: str) -> str | None:
    """One of FORMATS, JSON if nothing is said; None if it is another, or not UTF-8."""
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [value.strip('" ') for key, _, value in (each.partition("=") for each in parameters) if key == "charset"]
    if any(charset not in ("utf-8", "utf8", "us-ascii") for charset in charsets):
        return None
    return JSON if not name else name if name in FORMATS else None


def answer_format(accept: str, asked: str) -> str | None:
    """What to answer in: what is accepted first of FORMATS, as it was asked if anything is; None if none of them is."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for name in wanted:
        if name in ("", "*/*"):
            return asked
        if name in FORMATS:
            return name
    return None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise BadRequest(f"Line {number} is not JSON: {error}.") from error


def _csv_rows(text: str, layout: CsvLayout) -> Iterator[dict[str, Any]]:
    lines: Iterator[list[str]] = (cells for cells in csv.reader(io.StringIO(text, newline=""), strict=True) if cells)
    names = list(layout.readers)
    if (first := next(lines, None)) is None:
        return
    if sorted(first) == sorted(names):
        names = first
    else:
        lines = itertools.chain([first], lines)
    problems = []
    for number, cells in enumerate(lines):
        if len(cells) != len(names):
            problems.append(f"row {number} has {len(cells)} cells")
            continue
        row = dict(zip(names, cells, strict=True))
        values = {name: _cell(text, name, layout) for name, text in row.items()}
        problems += [f"row {number}: {row[name]!r} is no '{name}'" for name, value in values.items() if value is None]
        if not problems:
            yield values
    if problems:
        raise BadRequest(f"{'; '.join(problems[:10])}. Cells of a row: {', '.join(names)}.")


def _cell(text: str, name: str, layout: CsvLayout) -> Any:
    """The cell's value, None if it is none."""
    if not text and name in layout.missing:
        return layout.missing[name]
    try:
        return layout.readers[name](text)
    except ValueError:
        return None


def _reader(dtype: Any) -> Callable[[str], Any]:
    if dtype.is_floating:
        return float
    if dtype.is_integer:
        return int
    return _truth if dtype.is_bool else str


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(text)
    return _TRUTHS[text.lower()]


def _cells(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from _cells(inner)
    else:
        yield value
