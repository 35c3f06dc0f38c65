"""How things show themselves in a notebook: as HTML with inline style and SVG, and as plain text in a terminal.

Nothing of it needs a script, an extension or a network, so it looks the same in JupyterLab, VS Code and nbconvert.
"""

import abc
import math
import numbers
from collections.abc import Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup

from pipeline.errors import NotFound
from pipeline.report.page import pieces_style
from pipeline.report.table import Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, number, visible

SHOWN_ROWS = 50
"""Rows of a table that are displayed; the frame has all of them."""

_LINE = 400
"""Characters of a line of plain text."""

_STYLE = Markup("<style>{}</style>").format(
    Markup(
        """
.pn.pn-cell { padding: .4em .7em; max-width: 68em; background: var(--surface); border-radius: 4px; }
.pn.pn-cell .pn-title { font-weight: 600; margin: 0 0 .35em; padding: 0; font-size: 1em; }
.pn.pn-cell p { margin: .3em 0; max-width: 60em; }
.pn.pn-cell .pn-scroll { margin: 0 0 .5em; }
.pn.pn-cell .pn-scroll table { width: auto; table-layout: auto; }
.pn.pn-cell table th, .pn.pn-cell table td { text-align: start; padding-inline-end: 1.4em; white-space: normal; }
.pn.pn-cell table .pn-num { text-align: end; white-space: nowrap; }
.pn.pn-cell table tr, .pn.pn-cell table tr:hover { background: none; }
.pn.pn-cell .pn-absent { border-inline-start: 3px solid var(--busy); padding: .2em .8em; }
.pn.pn-cell .pn-verdict { border-inline-start: 4px solid var(--tone); background: var(--tone-bg); padding: .5em .9em; }
.pn.pn-cell .pn-pairs dt, .pn.pn-cell .pn-pairs dd { float: none; width: auto; display: block; margin: 0; padding: 0; }
.pn.pn-cell .pn-pairs dt { font-weight: 400; overflow-wrap: normal; }
.pn.pn-cell .note { color: var(--muted); font-size: .9em; }
.pn.pn-cell h3 { font-size: 1em; font-weight: 600; margin: .8em 0 .3em; }
.pn.pn-cell .columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(20em, 1fr)); gap: .4em 2em; }
.pn.pn-cell figcaption { color: var(--series, var(--muted)); font-weight: 600; font-size: .88em; }
.pn.pn-cell details { margin: .5em 0; }
.pn.pn-cell .pn-part { margin-top: .9em; }
.pn.pn-cell .pn-words span { padding: .1em .15em; border-radius: 3px; }
.pn.pn-cell .pn-words { line-height: 2; max-width: 52em; overflow-wrap: anywhere; unicode-bidi: plaintext; }
"""
    )
)


class Shown(abc.ABC):
    """What displays itself: with a title, a body of HTML, and a data frame of the same content."""

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """What it is, in a few words."""

    @property
    @abc.abstractmethod
    def frame(self) -> pd.DataFrame:
        """Its content as rows and columns."""

    def body(self) -> Markup:
        """Its content as HTML."""
        return frame_table(self.frame, caption=self.title)

    def markup(self) -> Markup:
        """Title and body."""
        return join([tag("p", self.title, class_="pn-title"), self.body()])

    def _repr_html_(self) -> str:
        return str(cell(self.markup()))

    def __repr__(self) -> str:
        """Title and frame as text."""
        return f"{visible(self.title)}\n{plain(self.frame)}"


class Table(Shown):
    """A data frame under a title, with names, values and texts from anywhere made harmless and visible."""

    def __init__(self, title: str, frame: pd.DataFrame, remark: str = "", *, drawn: Markup | None = None) -> None:
        """Shows at most `SHOWN_ROWS` of the frame's rows, or `drawn` in their place; the remark goes below."""
        self._title, self._frame, self._remark, self._drawn = title, frame, remark, drawn

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return self._title

    @property
    def frame(self) -> pd.DataFrame:
        """All rows."""
        return self._frame

    def body(self) -> Markup:
        """The table with its remark."""
        remark = tag("p", self._remark, class_="note") if self._remark else None
        return join([self._drawn or frame_table(self.frame, caption=self.title), remark])


class Missing(Shown):
    """A part that a run does not have, and why; it counts as False, its frame is empty, and any use says why."""

    def __init__(self, what: str, reason: str) -> None:
        """`what` is the part in a word, `reason` a sentence."""
        self._what, self.reason = what, reason

    @property
    def title(self) -> str:
        """The part, and that it is not there."""
        return f"{self._what}: not there"

    @property
    def frame(self) -> pd.DataFrame:
        """No rows."""
        return pd.DataFrame()

    def body(self) -> Markup:
        """The reason."""
        return tag("p", clipped(self.reason, 2000), class_="pn-absent")

    def __bool__(self) -> bool:
        """Always False."""
        return False

    def __repr__(self) -> str:
        """One line."""
        return visible(f"{self.title}. {self.reason}")

    def __getattr__(self, name: str) -> object:
        """Raises NotFound with the reason; AttributeError for what Python and Jupyter look for."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotFound(f"{self._what} has no '{name}' because it is not there: {self.reason}")


class Note(Shown):
    """A sentence in place of an answer."""

    def __init__(self, text: str) -> None:
        """Takes plain text."""
        self._text = text

    @property
    def title(self) -> str:
        """The sentence."""
        return self._text

    @property
    def frame(self) -> pd.DataFrame:
        """No rows."""
        return pd.DataFrame()

    def markup(self) -> Markup:
        """The sentence, set off."""
        return tag("p", self._text, class_="pn-absent")

    def __repr__(self) -> str:
        """The sentence."""
        return visible(self._text)


def note(text: str) -> Note:
    """A sentence that displays itself: why there is no answer, or what to look at."""
    return Note(text)


def cell(content: Markup) -> Markup:
    """The content with all the style that it needs, as one cell's output."""
    return join([pieces_style(), _STYLE, tag("div", content, class_="pn pn-cell")])


def frame_table(frame: pd.DataFrame, *, caption: str, most: int = SHOWN_ROWS) -> Markup:
    """The first rows of a frame as a table; an index that is no row number is its first column."""
    if _tells_something(frame.index):
        frame = frame.reset_index(names=None if any(frame.index.names) else "")
    shown = frame.head(most)
    columns = [Column(str(name), numeric=_is_numeric(frame.iloc[:, at])) for at, name in enumerate(frame.columns)]
    rows = [[in_words(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    more = len(frame) - len(shown)
    left_out = tag("p", f"… and {more:,} more rows: see .frame", class_="note") if more else None
    return join([table(columns, rows, caption=caption, sortable=False), left_out])


def in_words(value: object) -> object:
    """A cell's value as people read it; markup stays markup.

    >>> in_words(0.123456), in_words(20000), in_words(None), in_words(float("nan")), in_words(True), in_words(["a", 2])
    ('0.1235', '20,000', '—', '—', 'yes', 'a, 2')
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return "—"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real):
        return number(float(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {in_words(item)}" for name, item in value.items()) or "—"
    if isinstance(value, tuple | list):
        return ", ".join(str(in_words(item)) for item in value) or "—"
    return value if isinstance(value, str) else str(value)


PLAIN_ROWS = 40
"""A run's nodes are fewer."""


def plain(frame: pd.DataFrame) -> str:
    """A frame as text for terminals, no more than `PLAIN_ROWS` rows, long texts cut."""
    if frame.empty:
        return "(nothing)"
    shown = frame.head(PLAIN_ROWS)
    text = shown.to_string(max_colwidth=48, index=_tells_something(frame.index), na_rep="—")
    more = len(frame) - len(shown)
    text = "\n".join(line if len(line) <= _LINE else f"{line[:_LINE]}…" for line in text.splitlines())
    return visible(text) + (f"\n… and {more:,} more rows" if more else "")


def _tells_something(index: "pd.Index[int]") -> bool:
    """True for an index with a name, or of texts; row numbers are not worth a column."""
    return any(index.names) or index.dtype == object


def _is_numeric(column: "pd.Series[float]") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
