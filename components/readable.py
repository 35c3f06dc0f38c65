"""Values as people read them, and text from anywhere made visible: no character on a page hides, reorders or breaks it.

Names, values and log lines come from data that nobody checked. HTML's escaping makes them inert; `visible` makes sure
that what is inert can also be seen.
"""

import math
import re

LONGEST = 400
"""Characters of one value on a page; the artifact holds the rest."""

_CONTROL = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: "\u2421"}
_HIDING = re.compile(
    "[\u0080-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""The text with characters that act instead of showing (control, bidirectional, lone surrogate) made to show.

    >>> visible("a\x00b\u202ec")
    'a␀b[U+202E]c'
    """
    return _HIDING.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.translate(_CONTROL))


def clipped(text: str, longest: int = LONGEST) -> str:
    """The text, cut with its full length named if it is longer.

    >>> clipped("abcdef", 3)
    'abc… (6 characters)'
    """
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def middle(text: str, longest: int) -> str:
    """The text with its middle left out if it is longer: names often differ at their ends.

    >>> middle("latest_blessed_model", 11)
    'lates…model'
    """
    if len(text) <= longest:
        return text
    head = (longest - 1) // 2
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"


def number(value: float | None) -> str:
    """A number with at most four significant digits; counts whole.

    >>> number(20000), number(0.89912), number(1.19e-07), number(float("nan")), number(None)
    ('20,000', '0.8991', '1.19e-07', 'not a number', '—')
    """
    if value is None:
        return "—"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share of one in per cent; small ones are not rounded to nothing.

    >>> percent(0.1234), percent(0.0), percent(0.0001), percent(1.0)
    ('12.3 %', '0 %', '<0.1 %', '100 %')
    """
    if share is None or not math.isfinite(share):
        return number(share)
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{share * 100:.3g} %"


def seconds(value: float | None) -> str:
    """A duration.

    >>> seconds(0.04), seconds(7.04), seconds(72), seconds(7380), seconds(None)
    ('0.04 s', '7.0 s', '1 min 12 s', '2 h 03 min', '—')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    if value < 60:
        return f"{value:.2f} s" if 0 < value < 0.1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size(size_bytes: float | None) -> str:
    """An amount of memory or storage.

    >>> size(613851136), size(2048), size(5 * 2**30)
    ('585 MiB', '2.0 KiB', '5.0 GiB')
    """
    if size_bytes is None:
        return "—"
    if size_bytes < 2**10:
        return f"{size_bytes:,.0f} B"
    power, unit = (10, "KiB") if size_bytes < 2**20 else (20, "MiB") if size_bytes < 2**30 else (30, "GiB")
    amount = size_bytes / 2**power
    return f"{amount:,.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"


def moment(iso: str | None) -> str:
    """A time of an ISO 8601 text with its zone, to the second.

    >>> moment("2026-11-22T19:59:30.25+00:00")
    '2026-11-22 19:59:30 UTC'
    """
    if not iso:
        return "—"
    day, _, rest = iso.partition("T")
    clock, zone = rest[:8], re.sub(r"^[\d:.]*", "", rest)
    return f"{day} {clock} {'UTC' if zone in {'+00:00', 'Z'} else zone}".strip()


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
