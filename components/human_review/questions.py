"""Questions from rows and the model's scores. pyarrow and NumPy only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.columns import canonical_text, single_values
from components.human_review.confidence import Floats, top_classes
from components.human_review.queue import Origin, Question
from components.human_review.row_ids import row_id, rows_of


def questions_of(columns: Mapping[str, pa.Array], scores: Floats, origin: Origin) -> list[Question]:
    """One question for each row.

    Args:
      columns: int64, float32, string or binary arrays [rows], or lists of these.
      scores: [rows, n_classes].
      origin: names the label, the columns and the classes.
    """
    if not len(scores):
        return []
    names = [name for name in origin.column_types if name != origin.label]
    rows = rows_of(columns, names)
    given = label_texts(columns, origin.label) if origin.label in columns else [None] * len(rows)
    return [_question(*of_row, names, origin) for of_row in zip(rows, scores, given, strict=True)]


def label_texts(columns: Mapping[str, pa.Array], label: str) -> list[str | None]:
    """The label of each row as its class is called, None where there is none."""
    values = single_values(columns[label])
    if pa.types.is_null(values.type):
        return [None] * len(values)
    texts = canonical_text(values).to_pylist()
    return [text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text for text in texts]


def _question(row: dict[str, Any], scores: Floats, given: str | None, names: list[str], origin: Origin) -> Question:
    top = top_classes(scores, origin.classes)
    shown = {name: _shown(row.get(name)) for name in names}
    return Question(row_id(row), shown, top[0][0], top[0][1], top, given)


def _shown(value: Any) -> Any:
    """The value as people write it: a float32 with its own digits, not those of the double that holds it."""
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return float(str(np.float32(value))) if isinstance(value, float) else value
