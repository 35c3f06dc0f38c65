"""The serving sample's file and TFMA's extracts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.decision import Measured
from components.evaluator.results import measured_of
from components.evaluator.sample import SampleRow, dump_sample, load_sample, rows_of

values = st.floats(allow_nan=False, width=32) | st.text() | st.lists(st.floats(0, 1), min_size=2, max_size=4)
rows = st.lists(st.builds(SampleRow, st.binary(), st.dictionaries(st.text(), values)), max_size=5)


@given(rows)
def test_a_sample_survives_its_file_to_the_last_bit(sample: list[SampleRow]) -> None:
    assert load_sample(dump_sample(sample)) == sample


def test_each_row_of_a_batch_gets_its_own_answers() -> None:
    extracts = {
        "input": np.array([b"one", b"two"], dtype=object),
        "predictions": {
            "scores": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
            "predicted_class": np.array([b"ja", "né".encode()], dtype=object),
        },
    }
    assert rows_of(extracts, "scores") == [
        SampleRow(b"one", {"scores": [0.25, 0.75], "predicted_class": "ja"}),
        SampleRow(b"two", {"scores": [0.5, 0.5], "predicted_class": "né"}),
    ]


def test_a_single_output_which_tfma_leaves_unnamed_gets_its_name_back() -> None:
    extracts = {"input": np.array([b"one"], dtype=object), "predictions": np.array([[1.5]], np.float32)}
    assert rows_of(extracts, "prediction") == [SampleRow(b"one", {"prediction": 1.5})]


def test_metrics_come_out_of_tfmas_nesting_without_differences_and_plots() -> None:
    outputs = {"": {"": {
        "accuracy": {"doubleValue": 0.5},
        "accuracy_diff": {"doubleValue": 0.1},
        "auc": {"doubleValue": "NaN"},
        "cross_entropy": {"bytesValue": "eA=="},
    }}}  # fmt: skip
    found = measured_of((("size", 3), ("colour", "red")), outputs)
    assert found.key == (("colour", "red"), ("size", "3"))
    assert found.metrics.keys() == {"accuracy", "auc"}
    assert found.value("accuracy") == 0.5
    assert found.value("auc") is None
    assert measured_of((), {}) == Measured((), {})
