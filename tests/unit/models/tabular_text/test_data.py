"""Batches come in an order that the seed decides, and weights and targets follow from the labels."""

import numpy as np
import pytest
import tensorflow as tf

from models.tabular_text.class_weights import WEIGHTS_FILE, weights_document
from models.tabular_text.data import Split, given_weights, target_of
from models.tabular_text.errors import UntrainableData
from models.tabular_text.features import DType, FeatureSpec, Label, LabelKind


def split_of(rows: int) -> Split:
    numbers = np.arange(rows, dtype=np.float32)[:, np.newaxis]
    labels = np.arange(rows, dtype=np.int64)[:, np.newaxis] % 2
    blocks = tf.data.Dataset.from_tensor_slices(({"numbers": numbers}, labels)).batch(7)
    return Split(blocks, labels[:, 0], -(-rows // 7))


def seen(batches: tf.data.Dataset) -> list[list[float]]:
    return [batch[0]["numbers"][:, 0].numpy().tolist() for batch in batches]


def spec_of(kind: LabelKind) -> FeatureSpec:
    return FeatureSpec(Label("target", kind, DType.FLOAT32), ())


def test_an_epoch_has_every_row_once_and_knows_its_length() -> None:
    batches = split_of(25).epoch(seed=3, batch_size=4)
    assert sorted(number for batch in seen(batches) for number in batch) == list(range(25))
    assert int(batches.cardinality()) == 7


def test_a_resumed_epoch_sees_exactly_the_rest() -> None:
    split = split_of(25)
    assert seen(split.epoch(seed=3, batch_size=4, skip=2)) == seen(split.epoch(seed=3, batch_size=4))[2:]


def test_every_epoch_has_its_own_order() -> None:
    split = split_of(25)
    assert seen(split.epoch(seed=3, batch_size=4)) == seen(split.epoch(seed=3, batch_size=4))
    assert seen(split.epoch(seed=3, batch_size=4)) != seen(split.epoch(seed=4, batch_size=4))


def test_rows_carry_the_weight_of_their_class() -> None:
    for _, label, weight in split_of(25).epoch(seed=3, batch_size=4, weights=(0.5, 2.0)):
        np.testing.assert_array_equal(weight.numpy(), np.where(label.numpy()[:, 0] == 1, 2.0, 0.5))


def test_a_number_is_scaled_by_its_spread() -> None:
    target = target_of(spec_of(LabelKind.REGRESSION), [], np.array([1.0, 3.0], np.float32))
    assert (target.mean, target.deviation, target.units) == (2.0, 1.0, 1)


@pytest.mark.parametrize(
    ("kind", "classes", "labels", "message"),
    [
        (LabelKind.BINARY, ["yes"], [0, 0], "single class 'yes'"),
        (
            LabelKind.BINARY,
            ["a", "b", "c"],
            [0, 1],
            r"planned as binary, but 3 classes were seen .*: 'a', 'b', 'c'\. Set label\.kind to multiclass",
        ),
        (LabelKind.REGRESSION, [], [4.0, 4.0], "is 4.0 in all 2"),
    ],
)
def test_labels_that_teach_nothing_are_refused(
    kind: LabelKind, classes: list[str], labels: list[float], message: str
) -> None:
    with pytest.raises(UntrainableData, match=message):
        target_of(spec_of(kind), classes, np.array(labels))


def test_weights_that_stand_beside_the_rows_are_found(tmp_path) -> None:
    pattern = str(tmp_path / "Split-train" / "*")
    assert given_weights([pattern], 2) == ()
    (tmp_path / WEIGHTS_FILE).write_text(weights_document([0.5, 2.0]))
    assert given_weights([pattern], 2) == (0.5, 2.0)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2, "weights": [1, 1]}', '{"format": 1, "weights": [1, -1]}'])
def test_damaged_weights_are_no_weights_at_all(tmp_path, text: str) -> None:
    (tmp_path / WEIGHTS_FILE).write_text(text)
    with pytest.raises(UntrainableData, match=r"class_weights\.json"):
        given_weights([str(tmp_path / "Split-train" / "*")], 2)


def test_weights_of_other_classes_are_refused(tmp_path) -> None:
    (tmp_path / WEIGHTS_FILE).write_text(weights_document([0.5, 2.0, 1.0]))
    with pytest.raises(UntrainableData, match="weighs 3 classes, the label has 2"):
        given_weights([str(tmp_path / "Split-train" / "*")], 2)
