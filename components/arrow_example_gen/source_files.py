"""Which files a pattern stands for, what they hold and how to open them; the same answers as TFX's driver, without TFX.

Source of the semantics: tfx/components/example_gen/utils.py and tfx/proto/example_gen.proto.
"""

import dataclasses
import datetime
import difflib
import glob
import gzip
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from components.arrow_example_gen.options import FileFormat, ReadOptions
from components.arrow_example_gen.remote_files import files_at
from components.errors import BadData

DATE_SPECS = ("{YYYY}", "{MM}", "{DD}")
_SPAN = re.compile(r"\{SPAN(?::(?P<width>[^}]*))?\}")
_VERSION = re.compile(r"\{VERSION(?::(?P<width>[^}]*))?\}")
_ANY_SPEC = re.compile(r"\{[A-Za-z]+(?::[^}]*)?\}")
_UNIX_EPOCH = datetime.date(1970, 1, 1)
_GZIP_MAGIC = b"\x1f\x8b"
_ENDINGS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}


@dataclasses.dataclass(frozen=True)
class ResolvedInput:
    """What a pattern stands for now.

    Attributes:
      pattern: with span, date and version filled in; relative to the input base.
      files: matching files, sorted by name.
      span: the latest span (days since 1970 for dates), 0 without a span or date in the pattern.
      version: the latest version within that span, None without a version in the pattern.
    """

    pattern: str
    files: tuple[str, ...]
    span: int
    version: int | None


def resolve_input(input_base: str, pattern: str, fixed_span: int | None = None) -> ResolvedInput:
    """The files of the latest version of the latest span (or of `fixed_span`).

    Raises:
      BadData: the pattern is malformed, or nothing matches it.
    """
    check_pattern(pattern)
    span, version, filled = 0, None, pattern
    if _ANY_SPEC.search(pattern):
        span, version, filled = _latest(input_base, pattern, fixed_span)
    return ResolvedInput(filled, list_files(input_base, filled), span, version)


def check_pattern(pattern: str) -> None:
    """Refuses a pattern that TFX would refuse, in one message with everything that is wrong.

    Raises:
      BadData: unknown or repeated placeholders, an incomplete date, a version without a span, a bad width.
    """
    spans, versions = _SPAN.findall(pattern), _VERSION.findall(pattern)
    dates = [spec for spec in DATE_SPECS if spec in pattern]
    widths = [w for w in (*spans, *versions) if w and not (w.isdecimal() and int(w) > 0)]
    unknown = [s for s in _ANY_SPEC.findall(pattern) if not (_SPAN.match(s) or _VERSION.match(s) or s in DATE_SPECS)]
    rules = {
        f"{', '.join(unknown)} is no placeholder": bool(unknown),
        "{SPAN} and a date exclude each other": bool(spans and dates),
        "{SPAN} stands more than once": len(spans) > 1,
        "{VERSION} stands more than once": len(versions) > 1,
        "a date needs each of {YYYY}, {MM} and {DD} exactly once": bool(dates)
        and any(pattern.count(spec) != 1 for spec in DATE_SPECS),
        "{VERSION} needs {SPAN} or a date": bool(versions) and not (spans or dates),
        f"width {', '.join(map(repr, widths))} is not a positive number": bool(widths),
    }
    problems = [rule for rule, broken in rules.items() if broken]
    if problems:
        raise BadData(
            f"Input pattern {pattern!r}: {'; '.join(problems)}. "
            "Placeholders are {SPAN}, {SPAN:width}, {VERSION}, {VERSION:width} and {YYYY}, {MM}, {DD} together."
        )


def _latest(input_base: str, pattern: str, fixed_span: int | None) -> tuple[int, int | None, str]:
    """Span, version and filled pattern of the latest span (or of `fixed_span`) and its latest version."""
    wanted = pattern if fixed_span is None else _fill_span(pattern, fixed_span)
    matcher = re.compile(re.escape(os.path.join(input_base, "")) + _matcher(wanted))
    found, misfits = [], []
    files = files_at(input_base)
    for path in sorted(files.find(os.path.join(glob.escape(input_base), _ANY_SPEC.sub("*", wanted)))):
        match = matcher.fullmatch(path)
        span = fixed_span if fixed_span is not None else _span_of(match.groupdict()) if match else None
        if match is None or span is None:
            misfits.append(os.path.relpath(path, input_base))
        else:
            found.append((span, int(match.groupdict().get("version") or -1), match.groupdict()))
    if misfits:  # TFX's driver refuses them too
        named = ", ".join(map(repr, misfits[:5])) + (" and more" if len(misfits) > 5 else "")
        raise BadData(
            f"Input pattern {pattern!r} in {input_base!r}: the placeholders do not fit {named}. "
            "Narrow the pattern, or move these files away."
        )
    if not found:
        raise BadData(_no_match(input_base, wanted, "No file matches the pattern."))
    span, version, texts = max(found, key=lambda item: item[:2])
    filled = _VERSION.sub(texts.get("version") or "", _SPAN.sub(texts.get("span") or "", wanted))
    for spec, key in zip(DATE_SPECS, ("year", "month", "day"), strict=True):
        filled = filled.replace(spec, texts.get(key) or spec)
    return span, version if "version" in texts else None, filled


def _fill_span(pattern: str, span: int) -> str:
    """The pattern with a span's number or date in place of its placeholders."""
    date = _UNIX_EPOCH + datetime.timedelta(days=span)
    for spec, text in zip(DATE_SPECS, (f"{date:%Y}", f"{date:%m}", f"{date:%d}"), strict=True):
        pattern = pattern.replace(spec, text)
    return _SPAN.sub(lambda match: str(span).zfill(int(match["width"] or 0)), pattern)


def at_span(pattern: str, path: str, span: int) -> str:
    """The path of a file that matches the pattern, with another span's number in place of its own.

    A number that is written with leading zeros keeps its width.

    >>> at_span("span-{SPAN}/*.csv", "span-07/part.csv", 12)
    'span-12/part.csv'

    Raises:
      BadData: the pattern has no {SPAN}, or the path does not match it.
    """
    match = re.fullmatch(_matcher(pattern), path)
    if match is None or "span" not in match.groupdict():
        raise BadData(f"{path!r} is no file of a span: the input pattern is {pattern!r}, which needs a {{SPAN}}.")
    start, end = match.span("span")
    old = match["span"]
    return f"{path[:start]}{str(span).zfill(len(old) if old.startswith('0') else 0)}{path[end:]}"


def _matcher(pattern: str) -> str:
    """A regular expression with groups for the placeholders of a glob pattern."""
    tokens = {"*": r"[^/]*", "?": r"[^/]", "{YYYY}": r"(?P<year>\d{4})", "{MM}": r"(?P<month>\d{2})"}
    tokens["{DD}"] = r"(?P<day>\d{2})"
    parts = []
    for token in re.findall(r"\{[A-Za-z]+(?::[^}]*)?\}|\[[^\]]+\]|.", pattern, flags=re.DOTALL):
        name = "span" if _SPAN.fullmatch(token) else "version" if _VERSION.fullmatch(token) else None
        if name:
            width = token[1:-1].partition(":")[2]
            parts.append(rf"(?P<{name}>\d{{{width}}})" if width else rf"(?P<{name}>\d+)")
        else:
            parts.append(tokens.get(token) or (token if len(token) > 1 else re.escape(token)))
    return "".join(parts)


def _span_of(texts: dict[str, str]) -> int | None:
    """The span number, days since 1970 for a date; None for a date that does not exist."""
    if "span" in texts:
        return int(texts["span"])
    try:
        return (datetime.date(int(texts["year"]), int(texts["month"]), int(texts["day"])) - _UNIX_EPOCH).days
    except ValueError:
        return None


def list_files(
    input_base: str,
    pattern: str,
    find: Callable[[str], Sequence[str]] | None = None,
    is_dir: Callable[[str], bool] | None = None,
) -> tuple[str, ...]:
    """Files that match a pattern without placeholders, sorted.

    A wildcard passes over names that begin with "." or "_" (such as `.DS_Store` and Spark's `_SUCCESS`): they
    hold no rows.

    Args:
      input_base: a folder; nothing in its name is a wildcard.
      pattern: a glob below it.
      find: paths that match a glob; None = as `files_at` finds them.
      is_dir: whether a path is a folder; None = as `files_at` sees it.

    Raises:
      BadData: nothing matches; the message names what is there instead.
    """
    hidden_wanted = os.path.basename(pattern).startswith((".", "_"))
    find, is_dir = find or files_at(input_base).find, is_dir or files_at(input_base).is_dir
    paths = sorted(find(os.path.join(glob.escape(input_base), pattern)))
    files = [p for p in paths if (hidden_wanted or not os.path.basename(p).startswith((".", "_"))) and not is_dir(p)]
    if not files:
        raise BadData(_no_match(input_base, pattern, "No file matches the pattern."))
    return tuple(files)


def _no_match(input_base: str, pattern: str, what: str) -> str:
    where = f"{what} Looked for {pattern!r} in {input_base!r}"
    if "://" in input_base:
        return f"{where}. Check the bucket, the path and the permissions."
    if not os.path.isdir(input_base):
        return f"{where}, which is not a folder here. Check the input's base folder."
    names = sorted(
        os.path.relpath(path, input_base)
        for path in glob.glob(os.path.join(glob.escape(input_base), "**"), recursive=True)
    )
    names = [name for name in names if os.path.isfile(os.path.join(input_base, name))]
    near = difflib.get_close_matches(pattern, names, n=5, cutoff=0.5) or names[:5]
    if not near:
        return f"{where}, which holds no files."
    return f"{where}. It holds {', '.join(map(repr, near))}{' and more' if len(names) > len(near) else ''}."


def file_format(path: str, options: ReadOptions) -> FileFormat:
    """The format of a file, by the options or by its ending.

    Raises:
      BadData: the ending says nothing.
    """
    if options.format != "auto":
        return options.format
    name = os.path.basename(path).lower()
    bare, ending = os.path.splitext(name)
    if ending in (".gz", ".gzip"):
        ending = os.path.splitext(bare)[1]
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if "tfrecord" in name:  # TFX's own files are called data_tfrecord-00000-of-00001.gz
        return "tfrecord"
    raise BadData(
        f"{path}: cannot tell the format from the ending {ending!r}. "
        f"Known endings are {', '.join(_ENDINGS)}, each also with .gz; or set the input's `format`."
    )


def _is_gzip(path: str) -> bool:
    with files_at(path).open(path) as file:
        return file.read(2) == _GZIP_MAGIC


def file_bytes(path: str) -> int:
    """The size of the file as it lies there."""
    with files_at(path).open(path) as file:
        return file.seek(0, os.SEEK_END)


def cuttable_bytes(path: str) -> int | None:
    """The size of a file that can be read from its middle; None for gzip, which has to be unzipped from the start."""
    return None if _is_gzip(path) else file_bytes(path)


@contextmanager
def open_bytes(path: str) -> Iterator[BinaryIO]:
    """A reader of the file's bytes, unzipped if they are gzip (by their first two bytes, not by the name).

    Raises:
      BadData: the gzip stream is damaged or cut short, wherever in the block that shows.
    """
    if not _is_gzip(path):
        with files_at(path).open(path) as raw:
            yield raw
    else:
        try:
            with files_at(path).open(path) as raw, gzip.open(raw, "rb") as unzipped:
                yield cast("BinaryIO", unzipped)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadData(
                f"{path}: the gzip file is damaged or cut short ({error}). Copy it again, or take it out of the input."
            ) from error


@contextmanager
def open_seekable(path: str) -> Iterator[BinaryIO]:
    """A reader that can seek; a gzip file is unzipped into a temporary file first, which goes when the block ends."""
    with open_bytes(path) as stream, tempfile.TemporaryFile() as spool:
        if not _is_gzip(path):
            yield stream
            return
        shutil.copyfileobj(stream, spool, 1 << 20)
        spool.seek(0)
        yield cast("BinaryIO", spool)
