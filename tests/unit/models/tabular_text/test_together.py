"""Rows of a step are dealt out so that the gradients' sum is that of the whole batch."""

import numpy as np
import pytest
import tensorflow as tf

from models.tabular_text.together import share_of


def shares(rows, count, weights=None):
    batch = ({"numbers": tf.reshape(tf.range(2.0 * rows), (rows, 2))}, tf.range(rows)[:, None])
    given = batch if weights is None else (*batch, tf.constant(weights))
    return [share_of(given, tf.constant(number, tf.int64), count) for number in range(count)]


@pytest.mark.parametrize(("rows", "count"), [(8, 2), (7, 2), (9, 4), (4, 4)])
def test_every_row_is_dealt_once_and_weighs_as_in_the_whole_batch(rows, count):
    dealt, seen, total = shares(rows, count), [], 0.0
    for inputs, label, weight in dealt:
        mine = label.numpy()[:, 0]
        assert inputs["numbers"].numpy()[:, 0].tolist() == (2.0 * mine).tolist(), "inputs of other rows than the labels"
        seen += mine.tolist()
        # Keras: the mean over a share, divided by the number of shares, summed over them.
        total += float(np.mean(weight.numpy() * mine**2)) / count
    assert sorted(seen) == list(range(rows))
    assert max(len(label) for _, label, _ in dealt) - min(len(label) for _, label, _ in dealt) <= 1
    assert total == pytest.approx(np.mean(np.arange(rows) ** 2), rel=1e-6)


def test_weights_of_classes_stay():
    weights = [1.0, 2.0, 4.0]
    (_, _, first), (_, _, second) = shares(3, 2, weights)
    assert sorted([*(first / (4 / 3)).numpy().tolist(), *(second / (2 / 3)).numpy().tolist()]) == pytest.approx(weights)


def test_a_batch_that_is_too_small_to_deal_goes_to_everybody_whole():
    for _, label, weight in shares(2, 3):
        assert label.numpy()[:, 0].tolist() == [0, 1]
        assert weight.numpy().tolist() == [1.0, 1.0]
