"""The evaluated rows as they were read, beside the model's answers: what gates on a model look at."""

from pathlib import Path

import pyarrow as pa
from pyarrow import dataset

from components.errors import ComponentError
from components.evaluator.predictions import PREDICTIONS_FOLDER, example_digest
from components.example_batches import read_rows

ANSWERS = ("example", "label", "scores", "baseline_label", "baseline_scores")


def read_evaluated_rows(split_uris: list[str], evaluation: Path, columns: list[str]) -> pa.Table:
    """Raw columns and answers of every evaluated row.

    Args:
      split_uris: folders of the evaluated splits' examples.
      evaluation: the ModelEvaluation artifact's folder.
      columns: names of raw columns; one that no row has comes as nulls.

    Returns:
      The columns, then `ANSWERS` (see `PREDICTIONS_SCHEMA`; names of raw columns are prefixed with `raw:`, so that a
      column called `label` does no harm). In the order of the examples; rows that are equal byte for byte each appear.

    Raises:
      ComponentError: a row has no answer, or an answer no row: the two artifacts are not of the same rows.
    """
    answers = dataset.dataset(evaluation / PREDICTIONS_FOLDER, format="parquet").to_table(columns=list(ANSWERS))
    place = {digest: index for index, digest in enumerate(answers["example"].to_pylist())}
    wanted = pa.schema([(f"raw:{name}", pa.null()) for name in columns])
    parts, taken, seen = [], [], 0
    for uri in split_uris:
        for records, batch in read_rows(uri):
            found = [place.get(example_digest(record)) for record in records]
            if None in found:
                raise ComponentError(
                    f"{uri}: a row has no prediction under {evaluation}. Evaluate these examples again: "
                    "penstock run --from Evaluator."
                )
            taken += found
            seen += len(found)
            names = batch.schema.names
            arrays = [batch[name] if name in names else pa.nulls(batch.num_rows) for name in columns]
            parts.append(pa.table(arrays, names=wanted.names))
    if len(set(taken)) != len(place):
        raise ComponentError(
            f"{evaluation}: holds predictions of {len(place)} rows, the examples are {len(set(taken))}. Evaluate these "
            "examples again: penstock run --from Evaluator."
        )
    raw = pa.concat_tables(parts, promote_options="permissive") if parts else wanted.empty_table()
    answered = answers.take(pa.array(taken, pa.int64()))
    for name in ANSWERS:
        raw = raw.append_column(name, answered[name])
    return raw
