"""Questions that only some data can answer."""

from collections.abc import Callable, Sequence

import pandas as pd

from pipeline.workbench.display import Missing, Shown, note


def ask(
    rows: "pd.DataFrame | Missing", needs: Sequence[str], answer: Callable[[pd.DataFrame], Shown | pd.DataFrame]
) -> Shown | pd.DataFrame:
    """The answer to the rows, or in its place why there is none.

    Args:
      rows: what to answer from; a `Missing` is shown as it is.
      needs: columns that the answer reads.
      answer: called with the rows when they have those columns.
    """
    if isinstance(rows, Missing):
        return rows
    absent = [name for name in needs if name not in rows]
    if absent:
        return note(f"This question is not for these rows: they have no column {', '.join(absent)}.")
    if rows.empty:
        return note("There are no rows to answer from.")
    return answer(rows)
