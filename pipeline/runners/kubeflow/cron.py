"""Times as users know them from crontab, in the form that Kubeflow Pipelines takes: six fields, seconds first. Pure."""

import re
from collections.abc import Iterator

from pipeline.errors import ConfigError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_SUNDAY = 7
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


def six_fields(cron: str) -> str:
    """The expression for Kubeflow Pipelines.

    The server reads days of the week from 0 (Sunday) to 6, so 7, which is Sunday to crontab, is written as 0.

    >>> six_fields("30 6 * * 1-5")
    '0 30 6 * * 1-5'
    >>> six_fields("0 0 * * 5-7")
    '0 0 0 * * 5,6,0'

    Raises:
      ConfigError: listing every field that is none.
    """
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            [
                f"--cron '{cron}': expected five fields (minute, hour, day of the month, month, day of the week), such "
                f"as '0 6 * * 1' for Mondays at six; these are {len(fields)}."
            ]
        )
    problems = [problem for field, kind in zip(fields, _FIELDS, strict=True) for problem in _problems(field, *kind)]
    if problems:
        raise ConfigError([f"--cron '{cron}': {problem}" for problem in problems])
    return " ".join(["0", *fields[:-1], ",".join(_days(fields[-1]))])


def _problems(field: str, name: str, least: int, most: int, names: tuple[str, ...]) -> Iterator[str]:
    for part in field.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            yield f"{part!r} is no {name}; expected *, a number, a range such as 1-5, or */15."
            continue
        given = [text for text in (found["first"], found["last"]) if text is not None]
        numbers = [_number(text, least, names) for text in given]
        wrong = [
            text for text, number in zip(given, numbers, strict=True) if number is None or not least <= number <= most
        ]
        yield from (f"{text!r} is no {name} ({least} to {most})." for text in wrong)
        if not wrong and numbers[1:] and numbers[0] > numbers[1]:  # type: ignore[operator]  # none is wrong
            yield f"{part!r}: the range of the {name} goes backwards."
        if found["step"] is not None and int(found["step"]) == 0:
            yield f"{part!r}: a step of 0 never comes."


def _number(text: str, least: int, names: tuple[str, ...]) -> int | None:
    if text.upper() in names:
        return names.index(text.upper()) + least
    return int(text) if text.isdecimal() else None


def _days(field: str) -> Iterator[str]:
    """The parts of a field of days, none of which says 7."""
    for part in field.split(","):
        found = _PART.fullmatch(part)
        assert found is not None, "checked before"
        ends = [_number(text, 0, _DAYS) for text in (found["first"], found["last"]) if text is not None]
        if _SUNDAY not in ends:
            yield part
            continue
        step = int(found["step"] or 1)
        yield from (str(day % _SUNDAY) for day in range(ends[0] or 0, _SUNDAY + 1, step))
