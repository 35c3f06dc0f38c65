"""Which rows are drawn, which are the most wrong, and that their bytes are found."""

import numpy as np
import pytest

from components.arrow_example_gen.tfrecord import frame
from components.errors import ComponentError
from components.evaluator.predictions import Predictions, example_digest
from components.evaluator.weighted_metrics import ClassRows, NumberRows
from components.explainer.rows import choose, read_chosen

DIGESTS = np.arange(100, dtype=np.int64) * 7919 - 300


def predictions(digests, rows):
    return Predictions(np.asarray(digests, np.int64), rows, None, {})


def numbers(digests, errors=None):
    errors = np.zeros(len(digests)) if errors is None else np.asarray(errors, float)
    return predictions(digests, NumberRows(np.zeros(len(digests)), errors))


def test_a_draw_depends_on_the_rows_and_the_seed_alone():
    shuffled = np.random.default_rng(0).permutation(DIGESTS)
    one = DIGESTS[choose(numbers(DIGESTS), 10, 0, seed=1).drawn]
    other = shuffled[choose(numbers(shuffled), 10, 0, seed=1).drawn]
    assert one.tolist() == other.tolist()
    assert one.tolist() != DIGESTS[choose(numbers(DIGESTS), 10, 0, seed=2).drawn].tolist()


def test_more_rows_begin_with_the_same_ones():
    few, many = (choose(numbers(DIGESTS), rows, 0, seed=1).drawn.tolist() for rows in (10, 30))
    assert many[:10] == few


def test_all_rows_are_taken_where_there_are_not_more():
    assert sorted(choose(numbers(DIGESTS), 500, 0, seed=1).drawn.tolist()) == list(range(100))


def test_the_most_wrong_numbers_come_first_and_right_ones_are_not_among_them():
    errors = [0.0, -5.0, 2.0, float("nan"), 0.0]
    assert choose(numbers(DIGESTS[:5], errors), 1, 4, seed=0).worst.tolist() == [1, 2]


def test_the_most_wrong_classes_are_those_whose_truth_had_the_least_probability():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9], [0.2, 0.8]])
    rows = ClassRows(np.array([1, 1, 0, -1]), scores)  # the last one's label is not known
    assert choose(predictions(DIGESTS[:4], rows), 1, 2, seed=0).worst.tolist() in ([0, 2], [2, 0])
    assert choose(predictions(DIGESTS[:4], rows), 1, 9, seed=0).worst.tolist()[-1] == 1


def test_rows_are_found_by_their_digest_in_any_file(tmp_path):
    records = [bytes([index]) * 5 for index in range(6)]
    for name, part in (("a", records[:3]), ("b", records[3:])):
        (tmp_path / name).write_bytes(frame(part))
    wanted = [example_digest(records[1]), example_digest(records[5])]
    assert read_chosen([str(tmp_path)], wanted) == dict(zip(wanted, (records[1], records[5]), strict=True))


def test_rows_of_other_examples_are_told(tmp_path):
    (tmp_path / "a").write_bytes(frame([b"one"]))
    with pytest.raises(ComponentError, match=r"1 of 2 evaluated rows.*--from Evaluator"):
        read_chosen([str(tmp_path)], [example_digest(b"one"), example_digest(b"two")])
