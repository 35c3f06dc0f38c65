"""What a model's answers depend on, by asking it again with less information. Works on any model that predicts rows.

- Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019): the loss grows when a column's values are
  dealt out anew among the rows; by how much is what the column is worth to the model. Columns that say the same share
  their worth, and each then seems worth little.
- Occlusion (Zeiler and Fergus 2014): a word is taken out of a text; the change of the answer is the word's effect.
  It is about this one row, and two words that only count together both seem to have no effect.

No TensorFlow here: the model is a function.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Losses = npt.NDArray[np.float64]
LossOf = Callable[[pd.DataFrame], Losses]
"""From rows to one loss each, float64 [rows]."""

MOST_WORDS = 300
_WORD = re.compile(r"\S+")


def permutation_importance(
    loss_of: LossOf, rows: pd.DataFrame, columns: Sequence[str], *, repeats: int, seed: int
) -> pd.DataFrame:
    """One row for each column, the most important first.

    Args:
      loss_of: the model's loss on rows.
      rows: on which it is measured.
      columns: to deal out anew, one at a time.
      repeats: how often each is dealt out.
      seed: of the dealing.

    Returns:
      `column`; `importance`, the mean growth of the mean loss; `spread`, its standard deviation over the repeats.
    """
    random = np.random.default_rng(seed)
    base = float(np.mean(loss_of(rows)))
    found = []
    for column in columns:
        grown = [float(np.mean(loss_of(_dealt(rows, column, random)))) - base for _ in range(repeats)]
        found.append((column, float(np.mean(grown)), float(np.std(grown, ddof=1)) if repeats > 1 else 0.0))
    frame = pd.DataFrame(found, columns=["column", "importance", "spread"])
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _dealt(rows: pd.DataFrame, column: str, random: np.random.Generator) -> pd.DataFrame:
    values = rows[column].to_numpy()[random.permutation(len(rows))]
    return rows.assign(**{column: values})


def occlusion(answer_of: Callable[[pd.DataFrame], Sequence[float]], row: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row for each word of a text, in its order.

    Args:
      answer_of: from rows to one number each, such as the probability of a class.
      row: a frame of one row.
      column: the text.

    Returns:
      `word`; `effect`, the number with the word less the number without it. The first three hundred words are tried.
    """
    value = row[column].iloc[0]
    text = "" if pd.isna(value) else str(value)
    places = [found.span() for found in _WORD.finditer(text)][:MOST_WORDS]
    without = [text[:start] + text[end:] for start, end in places]
    asked = pd.concat([row] * (len(places) + 1), ignore_index=True).assign(**{column: [text, *without]})
    whole, *rest = [float(value) for value in answer_of(asked)]
    words = [text[start:end] for start, end in places]
    return pd.DataFrame({"word": words, "effect": [whole - value for value in rest]}, columns=["word", "effect"])
