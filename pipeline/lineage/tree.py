"""A tree of lines as text, each branch with a name and what there is to say."""

import dataclasses
import unicodedata
from collections.abc import Iterator

_HIDING = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories of characters that act on a terminal instead of showing."""


@dataclasses.dataclass(frozen=True)
class Branch:
    """One line, and the lines below it."""

    name: str
    text: str = ""
    branches: tuple["Branch", ...] = ()


def lines_of(root: Branch) -> Iterator[str]:
    """The tree, line by line.

    >>> print("\\n".join(lines_of(Branch("model", "7", (Branch("data", "a.csv"), Branch("code", "1f00"))))))
    model 7
    ├─ data  a.csv
    └─ code  1f00
    """
    yield f"{printable(root.name)} {printable(root.text)}".rstrip()
    yield from _below(root.branches, "")


def _below(branches: tuple[Branch, ...], indent: str) -> Iterator[str]:
    width = max((len(branch.name) for branch in branches), default=0)
    for position, branch in enumerate(branches):
        is_last = position == len(branches) - 1
        name = f"{printable(branch.name).ljust(width)}  " if width else ""
        yield f"{indent}{'└─' if is_last else '├─'} {name}{printable(branch.text)}".rstrip()
        yield from _below(branch.branches, indent + ("   " if is_last else "│  "))


def printable(text: str) -> str:
    r"""The text with characters that act on a terminal (control, bidirectional) written as codes.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _HIDING else char for char in text
    )
