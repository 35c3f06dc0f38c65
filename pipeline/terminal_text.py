"""Text from data and programs, made harmless for a terminal: nothing in it moves the cursor or changes a colour."""

import re

_LINE_ENDS = re.compile(r"\r+\n|\r")
# C0 without tab and newline, DEL and C1, and what turns the direction of text round.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def inert(text: str) -> str:
    r"""The text with control characters shown instead of obeyed; a lone carriage return becomes an end of line.

    >>> inert("\x1b[31mred\x1b[0m, 50%\r100%\n")
    '␛[31mred␛[0m, 50%\n100%\n'
    """
    return _UNSAFE.sub(_shown, _LINE_ENDS.sub("\n", text))


def inert_line(text: str) -> str:
    r"""The text as one line without tabs.

    >>> inert_line("two\n\tlines")
    'two lines'
    """
    return " ".join(inert(text).split())


def inert_cell(text: str) -> str:
    r"""The text as one line, its spaces as they are: for a cell of a table, whose paths must stay whole.

    >>> inert_cell("acc 0.9  auc 0.8\n\tgood \x1b[31mred")
    'acc 0.9  auc 0.8  good ␛[31mred'
    """
    return inert(text).replace("\n", " ").replace("\t", " ")


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's pictures of control characters
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"
