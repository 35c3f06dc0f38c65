"""Where a new span's files go, and how they get there: all of them or none, and never over a file that is there."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from components.arrow_example_gen.source_files import DATE_SPECS, at_span, resolve_input
from pipeline.errors import ConfigError


def check_has_span(data_path: str) -> None:
    """Refuses a `data.path` whose spans this program does not number.

    Raises:
      ConfigError: saying what to do.
    """
    if "{SPAN" in data_path:
        return
    is_dated = any(mark in data_path for mark in DATE_SPECS)
    why = "numbers its spans by date" if is_dated else "has no {SPAN}, so that there is no place for another span"
    folder, name = os.path.split(data_path)
    stem, dot, ending = name.partition(".")
    example = os.path.join(folder, f"{stem}-{{SPAN}}{dot}{ending}")
    advice = "Say where the new file goes: --output FILE."
    if not is_dated:
        advice += f" Or give the spans numbers: move the file to {example.replace('{SPAN}', '1')} and set data.path to "
        advice += f"{example}."
    raise ConfigError([f"data.path '{data_path}' {why}. {advice}"])


def next_span(base: str, pattern: str, wanted: int | None) -> int:
    """The number of the span to write: one more than the latest, or the one that is wanted.

    Raises:
      ConfigError: the wanted one is not later than the latest: it would not be read, or be there already.
    """
    latest = resolve_input(base, pattern).span
    if wanted is not None and wanted <= latest:
        raise ConfigError(
            [f"--span {wanted}: the latest span is {latest}, and only the latest is read; choose a later number."]
        )
    return latest + 1 if wanted is None else wanted


def targets(base: str, pattern: str, files: Sequence[str], span: int) -> dict[str, str]:
    """File of a span → its place in the new span.

    Raises:
      ConfigError: something is there.
    """
    found = {path: os.path.join(base, at_span(pattern, os.path.relpath(path, base), span)) for path in files}
    taken = [target for target in found.values() if os.path.lexists(target)]
    if taken:
        raise ConfigError([f"{target}: is there already; choose another --span." for target in taken])
    return found


@contextmanager
def staged(finals: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Final path → a path to write to; when the block ends well, every file is put in its place.

    Raises:
      ConfigError: something appeared at a final path meanwhile; nothing is put there then.
    """
    beside = Path(os.path.commonpath([os.path.dirname(path) for path in finals]))
    home = beside
    while not home.is_dir():
        home = home.parent
    folder = Path(tempfile.mkdtemp(prefix=".review-", dir=home))  # no pattern looks at names with a dot
    try:
        places = {path: str(folder / os.path.relpath(path, home)) for path in finals}
        for place in places.values():
            os.makedirs(os.path.dirname(place), exist_ok=True)
        yield places
        _put(folder, home, places)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, home: Path, places: Mapping[str, str]) -> None:
    """A new folder appears at once, whole; single files one after the other, those before taken back on failure."""
    tops = {Path(os.path.relpath(path, home)).parts[0] for path in places}
    name = min(tops)
    if len(tops) == 1 and (folder / name).is_dir() and not (home / name).exists():
        os.rename(folder / name, home / name)
        return
    put: list[str] = []
    try:
        for final, place in places.items():
            os.makedirs(os.path.dirname(final), exist_ok=True)
            os.link(place, final)  # unlike a rename, fails where something is
            put.append(final)
    except OSError as error:
        for final in put:
            os.unlink(final)
        raise ConfigError([f"{error.filename2 or error.filename}: {error.strerror}. No file was published."]) from error
