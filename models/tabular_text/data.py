"""Transformed examples as tf.data: parsed in blocks, packed into the model's inputs, cached, shuffled by a seed."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from models.tabular_text.class_weights import parse_weights, weights_path
from models.tabular_text.errors import UntrainableData
from models.tabular_text.features import FeatureSpec, LabelKind
from models.tabular_text.layout import Layout, layout_of
from models.tabular_text.model import InputSizes, Target, text_input

#: Rows parsed at once; one call of the parser per row would cost more than the training step.
PARSE_ROWS = 1024
#: Rows held for shuffling, 100 kB to 100 MB for usual rows.
SHUFFLE_ROWS = 100_000
#: Compressed files up to this size are kept in memory after parsing (about ten times their size).
CACHE_LIMIT_BYTES = 128 * 1024**2


class Packer:
    """Packs transformed columns into the model's inputs; the same in training and in serving."""

    def __init__(self, spec: FeatureSpec, transform_output: Any) -> None:
        """Reads the vocabulary sizes from a `tft.TFTransformOutput`."""
        self.layout: Layout = layout_of(spec)

        def size(column: Any) -> int:
            if column.vocabulary is None:
                return int(column.fixed_size)
            return 1 + int(transform_output.vocabulary_size_by_name(column.vocabulary)) + spec.oov_buckets

        self.sizes = InputSizes(
            numbers=len(self.layout.numbers),
            categories=tuple(size(column) for column in self.layout.categories),
            texts=tuple(size(column) for column in self.layout.texts),
            max_tokens=spec.max_tokens,
        )

    def pack(self, columns: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """`model.build_model`'s inputs from the transformed columns."""
        inputs = {}
        if self.layout.numbers:
            inputs["numbers"] = tf.concat([columns[name] for name in self.layout.numbers], axis=1)
        if self.layout.categories:
            ids = tf.concat([columns[column.name] for column in self.layout.categories], axis=1)
            offsets = np.cumsum([0, *self.sizes.categories[:-1]])
            inputs["categories"] = tf.cast(ids + tf.constant(offsets, tf.int64), tf.int32)
        for index, column in enumerate(self.layout.texts):
            inputs[text_input(index)] = tf.cast(columns[column.name], tf.int32)
        return inputs


@dataclasses.dataclass(frozen=True)
class Split:
    """One split of the transformed examples, in memory if it is small.

    Attributes:
      blocks: dataset of (inputs, label [rows, 1]) in blocks of up to PARSE_ROWS rows, rows without a label left out.
      labels: all labels, float32 for regression, else int64: [rows].
      block_count: number of blocks.
    """

    blocks: tf.data.Dataset
    labels: np.typing.NDArray[Any]
    block_count: int

    def epoch(self, seed: int, batch_size: int, skip: int = 0, weights: Sequence[float] = ()) -> tf.data.Dataset:
        """Shuffled batches of (inputs, label) or (inputs, label, weight); the order depends on the seed alone.

        Args:
          seed: give every epoch its own, so that an epoch that is resumed sees the order it would have seen.
          batch_size: rows per batch.
          skip: batches left out at the start.
          weights: weight per class; none = no weights.
        """
        rows = self.blocks.unbatch().shuffle(SHUFFLE_ROWS, seed=seed, reshuffle_each_iteration=False)
        batches = rows.batch(batch_size).skip(skip)
        steps = -(-self.labels.size // batch_size) - skip
        if weights:
            table = tf.constant(weights, tf.float32)
            batches = batches.map(lambda inputs, label: (inputs, label, tf.gather(table, label[:, 0])))
        return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(tf.data.AUTOTUNE)

    def once(self) -> tf.data.Dataset:
        """Batches of (inputs, label) in the order of the files."""
        sized = self.blocks.apply(tf.data.experimental.assert_cardinality(self.block_count))
        return sized.prefetch(tf.data.AUTOTUNE)


@dataclasses.dataclass(frozen=True)
class Rows:
    """What a model is fitted to.

    Attributes:
      train: rows that the weights are fitted to.
      evaluation: rows that `val_` metrics are measured on.
      class_weights: weight of a training row by its class; none = all rows weigh the same.
    """

    train: Split
    evaluation: Split
    class_weights: tuple[float, ...] = ()


def read_split(
    name: str, patterns: Sequence[str], packer: Packer, spec: FeatureSpec, feature_spec: Mapping[str, Any]
) -> Split:
    """The rows of the files that match the patterns.

    Args:
      name: of the split, for messages.
      patterns: of TFRecord files, gzip if they end in `.gz`.
      packer: packs them.
      spec: tells the kind of the label.
      feature_spec: of the transformed columns, to parse them.

    Raises:
      UntrainableData: no file, no row, or no row with a label.
    """
    files = sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))
    if not files:
        raise UntrainableData(f"Split {name!r}: no files match {', '.join(patterns) or 'nothing at all'}.")
    blocks = _blocks(files, packer, spec, {key: feature_spec[key] for key in packer.layout.names})
    if sum(tf.io.gfile.stat(path).length for path in files) <= CACHE_LIMIT_BYTES:
        blocks = blocks.cache()
    # A full pass also fills the cache.
    labels = [label.numpy()[:, 0] for label in blocks.map(lambda _inputs, label: label)]
    joined = np.concatenate(labels) if labels else np.zeros(0)
    if not joined.size:
        raise UntrainableData(
            f"Split {name!r}: no row has a label {spec.label.name!r} that the training data knows. "
            "Check that the label column is filled, and that the split's weight leaves it some rows."
        )
    return Split(blocks, joined, len(labels))


def target_of(spec: FeatureSpec, classes: Sequence[str], labels: np.typing.NDArray[Any]) -> Target:
    """The target of training on these labels.

    Raises:
      UntrainableData: fewer than two classes, more than two for a binary label, or a constant number.
    """
    kind, name = spec.label.kind, spec.label.name
    if kind is LabelKind.REGRESSION:
        deviation = float(np.std(labels, dtype=np.float64))
        if not deviation > 0:
            raise UntrainableData(
                f"Label {name!r} is {labels[0]!s} in all {labels.size:,} training rows: nothing to learn."
            )
        return Target(kind, mean=float(np.mean(labels, dtype=np.float64)), deviation=deviation)
    if len(classes) < 2:
        raise UntrainableData(
            f"Label {name!r} has the single class {classes[0]!r} in all {labels.size:,} training rows. "
            "Nothing can be learnt from it: check the label column and how rows are split."
        )
    if kind is LabelKind.BINARY and len(classes) > 2:
        shown = ", ".join(map(repr, classes[:5]))
        raise UntrainableData(
            f"Label {name!r} is planned as binary, but {len(classes)} classes were seen in the training rows: "
            f"{shown}{', …' if len(classes) > 5 else ''}. Set label.kind to multiclass, or clean the label column."
        )
    return Target(kind, classes=tuple(classes))


def given_weights(patterns: Sequence[str], classes: int) -> tuple[float, ...]:
    """The class weights that stand beside the training rows (`class_weights.WEIGHTS_FILE`); none if there are none.

    Raises:
      UntrainableData: they are damaged, or of other classes.
    """
    for path in sorted({weights_path(pattern) for pattern in patterns}):
        if not tf.io.gfile.exists(path):
            continue
        try:
            weights = parse_weights(tf.io.gfile.GFile(path).read())
        except (KeyError, TypeError, ValueError) as error:
            raise UntrainableData(f"{path}: {error}. Run TrainingBalancer again, with --no-cache.") from error
        if len(weights) != classes:
            raise UntrainableData(
                f"{path}: weighs {len(weights)} classes, the label has {classes}. Run TrainingBalancer again."
            )
        return weights
    return ()


def _blocks(
    files: Sequence[str], packer: Packer, spec: FeatureSpec, feature_spec: Mapping[str, Any]
) -> tf.data.Dataset:
    """Parsed, packed blocks of rows that have a label."""

    def parse(records: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        columns = tf.io.parse_example(records, dict(feature_spec))
        label = columns[packer.layout.label]
        has_label = tf.math.is_finite(label) if spec.label.kind is LabelKind.REGRESSION else label >= 0
        kept = tf.where(has_label[:, 0])[:, 0]
        inputs = {name: tf.gather(column, kept) for name, column in packer.pack(columns).items()}
        return inputs, tf.gather(label, kept)

    compression = "GZIP" if files[0].endswith(".gz") else ""
    records = tf.data.TFRecordDataset(list(files), compression_type=compression)
    blocks = records.batch(PARSE_ROWS).map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    # The mean loss of a block without rows would be NaN.
    return blocks.filter(lambda _inputs, label: tf.size(label) > 0)
