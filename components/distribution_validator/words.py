"""What moved, in words that a person understands: what rose, what fell, by how much. Pure."""

from collections.abc import Sequence

from components.distribution_validator.comparison import ColumnComparison
from components.distribution_validator.kinds import Moved

_TOLD = 3
_LONGEST = 40
_LEAST = 0.0005
"""Changes of a share below this are not told."""


def what_moved(found: ColumnComparison) -> str:
    """One phrase, such as `'Gift Card' fell from 42.0 % to 30.1 %, 'Mobile_Apps' rose from 6.0 % to 18.2 %`."""
    phrases = []
    if found.undecided:
        phrases.append(found.undecided.rstrip("."))
    elif found.column.kind == "values":
        phrases.append(_shares(found.moved, "") or "no share changed")
    elif found.column.kind == "text":
        phrases.append(_text(found))
    else:
        phrases.append(_numbers(found))
    if found.missing is not None and found.missing.level != "none":
        phrases.append(f"missing {_went(found.before.missing, found.after.missing)}")
    return "; ".join(phrases)


def _shares(moved: Sequence[Moved], of: str) -> str:
    told = [item for item in moved if abs(item.after - item.before) >= _LEAST][:_TOLD]
    return ", ".join(f"{_named(item.name)} {_went(item.before, item.after)}{of}" for item in told)


def _named(name: str) -> str:
    return f"'{name if len(name) <= _LONGEST else f'{name[: _LONGEST - 1]}…'}'"


def _went(before: float, after: float) -> str:
    way = "rose" if after > before else "fell" if after < before else "stayed"
    return f"{way} at {_percent(after)}" if way == "stayed" else f"{way} from {_percent(before)} to {_percent(after)}"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _text(found: ColumnComparison) -> str:
    by_name = {item.measure: item for item in found.values}
    phrases = [_shares(found.moved, " of the texts") or "no word's share changed"]
    unseen = by_name.get("unseen_words")
    if unseen is not None and unseen.value - unseen.chance >= 0.01:
        phrases.append(f"{_percent(unseen.value)} of the words were never seen before")
    length = by_name.get("kolmogorov_smirnov")
    if length is not None and length.level != "none" and found.before.quartiles and found.after.quartiles:
        phrases.append(_median(found.before.quartiles[1], found.after.quartiles[1], "the median length", " words"))
    return "; ".join(phrases)


def _numbers(found: ColumnComparison) -> str:
    if found.before.quartiles is None or found.after.quartiles is None or not found.moved:
        return "no numbers to compare"
    is_date = found.column.kind == "dates"
    what = "the median in days since 1970" if is_date else "the median"
    median = _median(found.before.quartiles[1], found.after.quartiles[1], what)
    place = found.moved[0]
    return f"{median}; the share above {place.name} {_went(place.before, place.after)}"


def _median(before: float, after: float, what: str, unit: str = "") -> str:
    if before == after:
        return f"{what} stayed {before:,.6g}{unit}"
    return f"{what} {'rose' if after > before else 'fell'} from {before:,.6g} to {after:,.6g}{unit}"


def three_most_drifted(found: Sequence[ColumnComparison], between: str) -> tuple[str, ...]:
    """One or two remarks on the three judged columns that moved most, and whether that is more than chance."""
    judged = sorted((item for item in found if item.judged), key=lambda item: (-item.size, item.column.name))
    if not judged:
        return (f"No column could be compared {between}.",)
    drifted = [item for item in judged if item.has_drifted]
    others = [item for item in judged if not item.has_drifted][: max(_TOLD - len(drifted), 0)]
    if not drifted:
        return (f"No column drifted {between}. The largest changes are small or chance: {_listed(others)}.",)
    rest = (f"The next largest changes are small or chance: {_listed(others)}.",) if others else ()
    count = f"{len(drifted)} of {len(judged)} columns"
    return (f"{count} drifted {between}. Most of all: {_listed(drifted[:_TOLD])}.", *rest)


def _listed(found: Sequence[ColumnComparison]) -> str:
    return "; ".join(f"{item.column.name} ({what_moved(item)})" for item in found)
