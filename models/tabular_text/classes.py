"""The order of class names: the one place where a label's values become indices."""

import math
from collections.abc import Iterable


def natural_order(values: Iterable[str]) -> list[str]:
    """The distinct values, ascending: as numbers if every one is a finite number, else by code point.

    Class `i` of the model is item `i`, so for `"0"`/`"1"`, `"no"`/`"yes"` and `"false"`/`"true"` the second one is the
    positive class.

    >>> natural_order(["10", "9", "2.5"])
    ['2.5', '9', '10']
    >>> natural_order(["b", "10", "9"])
    ['10', '9', 'b']
    """
    distinct = set(values)
    if all(_is_number(value) for value in distinct):
        return sorted(distinct, key=lambda value: (float(value), value))
    return sorted(distinct)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
