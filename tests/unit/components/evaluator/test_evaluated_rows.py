"""Raw rows beside the model's answers."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import ComponentError
from components.evaluator.predictions import PREDICTIONS_SCHEMA, example_digest

tf = pytest.importorskip("tensorflow")


def example(text: str, stars: int | None = None) -> bytes:
    feature = {"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))}
    if stars is not None:
        feature["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[stars]))
    made: bytes = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)
    return made


A, B, C = example("good", 5), example("bad", 1), example("odd")


def write(folder: Path, rows: list[bytes], answered: list[bytes]) -> tuple[list[str], Path]:
    split, evaluation = folder / "Split-test", folder / "evaluation"
    (evaluation / "predictions").mkdir(parents=True)
    split.mkdir()
    with tf.io.TFRecordWriter(str(split / "data-00000-of-00001.gz"), "GZIP") as writer:
        for row in rows:
            writer.write(row)
    answers = [
        {
            "example": example_digest(row),
            "slices": [],
            "label": float(number),
            "scores": [0.5, 0.5],
            "baseline_label": None,
            "baseline_scores": None,
        }
        for number, row in enumerate(answered)
    ]
    pq.write_table(pa.Table.from_pylist(answers, PREDICTIONS_SCHEMA), evaluation / "predictions" / "rows.parquet")
    return [str(split)], evaluation


def read(folder: Path, rows: list[bytes], answered: list[bytes]) -> pa.Table:
    from components.evaluator.evaluated_rows import read_evaluated_rows

    return read_evaluated_rows(*write(folder, rows, answered), ["text", "label", "absent"])


def test_each_row_stands_beside_its_answer(tmp_path: Path) -> None:
    table = read(tmp_path, [A, B, C, A], [C, B, A, A])
    assert table["raw:text"].to_pylist() == [b"good", b"bad", b"odd", b"good"]
    assert table["raw:label"].to_pylist() == [5, 1, None, 5]
    assert table["raw:absent"].to_pylist() == [None] * 4
    assert table["label"].to_pylist() == [3.0, 1.0, 0.0, 3.0]


def test_a_row_without_an_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match=r"a row has no prediction.*penstock run --from Evaluator"):
        read(tmp_path, [A, B], [A])


def test_an_answer_without_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="predictions of 2 rows, the examples are 1"):
        read(tmp_path, [A], [A, B])


def test_a_split_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    assert read(tmp_path, [], []).num_rows == 0
