import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.evaluator.predictions import PREDICTIONS_SCHEMA, example_digest, read_predictions, slice_json
from components.evaluator.weighted_metrics import NumberRows
from models.tabular_text.features import LabelKind

RED = (("colour", "<red>"),)


def row(example, label, scores, slices=((),), baseline=None):
    return {
        "example": example,
        "slices": [slice_json(key) for key in slices],
        "label": label,
        "scores": scores,
        "baseline_label": None if baseline is None else label,
        "baseline_scores": baseline,
    }


def write(folder, *files):
    (folder / "predictions").mkdir()
    for number, rows in enumerate(files):
        table = pa.Table.from_pylist(rows, PREDICTIONS_SCHEMA)
        pq.write_table(table, folder / "predictions" / f"rows-{number}.parquet")


def test_rows_of_all_files_come_in_the_order_of_their_digests(tmp_path):
    write(tmp_path, [row(9, 1.0, [0.2, 0.8], [(), RED])], [row(-3, -1.0, [0.6, 0.4])])
    found = read_predictions(tmp_path, LabelKind.MULTICLASS)
    assert found.examples.tolist() == [-3, 9]
    assert found.rows.labels.tolist() == [-1, 1]
    assert found.rows.scores.tolist() == [[0.6, 0.4], [0.2, 0.8]]
    assert {key: rows.tolist() for key, rows in found.slices.items()} == {RED: [1]}
    assert found.baseline is None


def test_a_single_score_is_that_of_the_second_class(tmp_path):
    write(tmp_path, [row(1, 0.0, [0.25])])
    assert read_predictions(tmp_path, LabelKind.BINARY).rows.scores.tolist() == [[0.75, 0.25]]


def test_a_regression_has_numbers(tmp_path):
    write(tmp_path, [row(1, 10.5, [11.0], baseline=[9.0]), row(2, 3.0, [2.0], baseline=[4.0])])
    found = read_predictions(tmp_path, LabelKind.REGRESSION)
    assert isinstance(found.rows, NumberRows)
    assert found.rows.predictions.tolist() == [11.0, 2.0]
    assert found.baseline.predictions.tolist() == [9.0, 4.0]


@pytest.mark.parametrize("kind", list(LabelKind))
def test_an_empty_split_has_no_rows(tmp_path, kind):
    write(tmp_path, [])
    found = read_predictions(tmp_path, kind)
    assert (len(found.rows), found.baseline, found.slices) == (0, None, {})


def test_a_run_without_predictions_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path, LabelKind.BINARY)


def test_a_digest_is_the_same_everywhere_and_fits_64_bits():
    # BLAKE2b of 8 bytes over b"abc", little-endian, from Python's hashlib and `b2sum -l 64`.
    assert example_digest(b"abc") == int.from_bytes(bytes.fromhex("d8bb14d833d59559"), "little", signed=True)
    assert all(-(2**63) <= example_digest(bytes([i])) < 2**63 for i in range(200))


def test_a_slice_is_written_alike_whatever_the_order():
    assert slice_json((("b", "1"), ("a", "ü"))) == json.dumps({"a": "ü", "b": "1"}, ensure_ascii=False)
