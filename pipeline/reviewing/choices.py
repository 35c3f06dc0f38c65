"""Which class a person means by what they typed. Pure."""

import difflib
import math
from collections.abc import Mapping, Sequence


def keys_of(classes: Sequence[str]) -> dict[str, str]:
    """What may be typed for each class: a number from 1, or the class itself where classes are numbers.

    >>> keys_of(["no", "yes"])
    {'1': 'no', '2': 'yes'}
    >>> keys_of(["0", "1"])
    {'0': '0', '1': '1'}
    """
    if any(_number(name) is not None for name in classes):
        return {name: name for name in classes}
    return {str(index): name for index, name in enumerate(classes, 1)}


def chosen(text: str, classes: Sequence[str], keys: Mapping[str, str] | None = None) -> str | None:
    """The class that is meant: by its name, its key, its number or the beginning of its name; None if none or several.

    >>> chosen("5.0", ["1", "5"])
    '5'
    """
    text = text.strip()
    if text in classes:
        return text
    if keys is not None and text in keys:
        return keys[text]
    value = _number(text)
    same = [name for name in classes if value is not None and _number(name) == value]
    if keys is not None and not same and text:
        same = [name for name in classes if name.casefold().startswith(text.casefold())]
    return same[0] if len(same) == 1 else None


def near(text: str, names: Sequence[str]) -> str:
    """` Did you mean 'x'?`, or nothing."""
    found = difflib.get_close_matches(text.casefold(), [name.casefold() for name in names], n=1, cutoff=0.5)
    original = next((name for name in names if found and name.casefold() == found[0]), None)
    return f" Did you mean {original!r}?" if original is not None else ""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
