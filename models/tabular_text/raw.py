"""Raw columns as dense vectors with one convention for "missing", whatever they come from.

Missing is the empty string, NaN, or the smallest int64. Transform reads its inputs through `first_values`; serving
brings both of its signatures to the same form, so that both run the same graph on the same numbers.
"""

import tensorflow as tf

from models.tabular_text.features import DType

MISSING_INT = tf.int64.min
TF_TYPES = {DType.INT64: tf.int64, DType.FLOAT32: tf.float32, DType.STRING: tf.string}


def missing_value(dtype: tf.DType) -> str | float | int:
    """What stands for "missing" in a dense vector of this type."""
    if dtype == tf.string:
        return ""
    return float("nan") if dtype.is_floating else MISSING_INT


def first_values(column: tf.Tensor | tf.SparseTensor | tf.RaggedTensor) -> tf.Tensor:
    """The first value of every row, [batch], in the column's own type; rows without one hold the missing value."""
    if isinstance(column, tf.RaggedTensor):
        column = column.to_sparse()
    if isinstance(column, tf.SparseTensor):
        # At least one column wide, so that a batch in which every row is empty has one to read.
        shape = tf.stack([column.dense_shape[0], tf.maximum(column.dense_shape[1], 1)])
        wide = tf.SparseTensor(column.indices, column.values, shape)
        column = tf.sparse.to_dense(wide, default_value=missing_value(column.dtype))
    return column if column.shape.rank == 1 else tf.reshape(column, [tf.shape(column)[0], -1])[:, 0]


def is_missing(values: tf.Tensor) -> tf.Tensor:
    """bool [batch]: where a dense vector has no usable value (infinities count as missing)."""
    if values.dtype.is_floating:
        return ~tf.math.is_finite(values)
    return tf.equal(values, tf.constant(missing_value(values.dtype), values.dtype))


def as_float(values: tf.Tensor) -> tf.Tensor:
    """float32 [batch] of a numeric vector; missing is NaN."""
    return tf.where(is_missing(values), float("nan"), tf.cast(values, tf.float32))


def as_text(values: tf.Tensor) -> tf.Tensor:
    """string [batch] of any vector: whole numbers as `7`, others as `0.5`; missing is the empty string."""
    if values.dtype == tf.string:
        return values
    if values.dtype.is_floating:
        is_whole = tf.equal(values, tf.round(values)) & (tf.abs(values) < 1e15)
        whole = tf.strings.as_string(tf.cast(tf.where(is_whole, values, 0.0), tf.int64))
        text = tf.where(is_whole, whole, tf.strings.as_string(values, shortest=True))
    else:
        text = tf.strings.as_string(values)
    return tf.where(is_missing(values), "", text)
