"""Transform's preprocessing: raw columns → the model's columns, all in the TensorFlow graph.

Driven by the feature specification alone; serving replays the same graph, so nothing here may need Python later.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam.experimental as tft_beam_experimental

from models.tabular_text.classes import natural_order
from models.tabular_text.dates import parse_dates
from models.tabular_text.errors import UntrainableData
from models.tabular_text.features import Feature, FeatureKind, FeatureSpec, LabelKind, transformed_name
from models.tabular_text.layout import LABEL_VOCABULARY, layout_of, part_name, vocabulary_name
from models.tabular_text.raw import as_float, as_text, first_values, is_missing

Tensors = dict[str, tf.Tensor]

#: z-scores are clipped here: a value a thousand deviations away says no more than one ten away, but breaks training.
Z_LIMIT = 10.0
#: Numbers are clipped here before their variance is taken, whose square must fit float32.
NUMBER_LIMIT = 1e15
#: More classes than this are an identifier by mistake, and would not fit the memory of one worker.
MAX_CLASSES = 10_000
#: A word must occur this often to enter the vocabulary: rarer ones teach the model what an unknown word is like.
TEXT_FREQUENCY_THRESHOLD = 2


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> Tensors:
    """The model's columns for a batch of raw columns (dense, sparse or ragged).

    `custom_config["features"]` is `FeatureSpec.to_json()`. Names, shapes and types of the result: `layout.Layout`.
    """
    spec = FeatureSpec.from_json(custom_config["features"])
    layout_of(spec)  # raises on a specification that cannot work
    raw = {feature.name: first_values(inputs[feature.name]) for feature in spec.used}
    outputs = _numbers_and_dates(spec, raw)
    for feature in spec.of_kind(FeatureKind.CATEGORICAL):
        outputs[transformed_name(feature.name)] = _category_ids(feature, raw[feature.name], spec)
    for feature in spec.of_kind(FeatureKind.TEXT):
        outputs[transformed_name(feature.name)] = _token_ids(feature, raw[feature.name], spec)
    outputs[transformed_name(spec.label.name)] = _label(spec, first_values(inputs[spec.label.name]))
    return outputs


def split_words(text: tf.Tensor) -> tf.RaggedTensor:
    """Lower-case words of each text, string [batch, None]: runs of letters, digits and apostrophes.

    Symbols such as emoji, and the characters of scripts written without spaces, are words of their own. Bytes that
    are no UTF-8 count as a symbol.
    """
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.regex_replace(text, r"[^\p{L}\p{M}\p{N}\p{So}']+", " ")
    text = tf.strings.regex_replace(text, r"([\p{So}\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])", r" \1 ")
    return tf.strings.split(text)


def _numbers_and_dates(spec: FeatureSpec, raw: Tensors) -> Tensors:
    """z-scores and missing indicators of numbers and dates, float32 [batch, 1]; months and weekdays, int64 [batch, 1].

    A missing number is the mean of the training rows (z-score 0); infinities count as missing. One analysis for all
    columns together, because Beam's cost is per analysis.
    """
    outputs: Tensors = {}
    numbers = {feature.name: as_float(raw[feature.name]) for feature in spec.of_kind(FeatureKind.NUMERIC)}
    for feature in spec.of_kind(FeatureKind.DATE):
        parts = parse_dates(raw[feature.name])
        numbers[feature.name] = tf.where(parts.is_missing, float("nan"), tf.cast(parts.days, tf.float32))
        outputs[part_name(feature.name, "month")] = parts.month[:, tf.newaxis]
        outputs[part_name(feature.name, "weekday")] = parts.weekday[:, tf.newaxis]
    if not numbers:
        return outputs
    matrix = tf.stack([tf.clip_by_value(values, -NUMBER_LIMIT, NUMBER_LIMIT) for values in numbers.values()], axis=1)
    scores = tft.scale_to_z_score(matrix, elementwise=True)
    usable = tf.math.is_finite(matrix) & tf.math.is_finite(scores)
    scores = tf.where(usable, tf.clip_by_value(scores, -Z_LIMIT, Z_LIMIT), 0.0)
    for index, name in enumerate(numbers):
        outputs[transformed_name(name)] = scores[:, index : index + 1]
        outputs[part_name(name, "missing")] = tf.cast(is_missing(matrix[:, index : index + 1]), tf.float32)
    return outputs


def _category_ids(feature: Feature, values: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    """int64 [batch, 1]: 0 = missing, then the vocabulary by frequency, then the hash buckets for unseen values."""
    text = as_text(values)
    missing = tf.equal(text, "")
    vocabulary = tft.vocabulary(
        tf.boolean_mask(text, ~missing),
        top_k=spec.categorical_vocabulary_size,
        vocab_filename=vocabulary_name(feature.name),
    )
    ids = tft.apply_vocabulary(text, vocabulary, num_oov_buckets=spec.oov_buckets) + 1
    return tf.where(missing, tf.zeros_like(ids), ids)[:, tf.newaxis]


def _token_ids(feature: Feature, values: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    """int64 [batch, max_tokens]: 0 = padding, then the vocabulary by frequency, then the hash buckets."""
    words = split_words(as_text(values))[:, : spec.max_tokens]
    vocabulary = tft.vocabulary(
        words.flat_values,
        top_k=spec.text_vocabulary_size,
        frequency_threshold=TEXT_FREQUENCY_THRESHOLD,
        vocab_filename=vocabulary_name(feature.name),
    )
    ids = tft.apply_vocabulary(words.flat_values, vocabulary, num_oov_buckets=spec.oov_buckets) + 1
    padded: tf.Tensor = words.with_flat_values(ids).to_tensor(0, shape=[None, spec.max_tokens])
    return padded


def _label(spec: FeatureSpec, values: tf.Tensor) -> tf.Tensor:
    """[batch, 1]: float32 for regression (NaN = missing), else the class index, int64 (-1 = missing or unknown)."""
    if spec.label.kind is LabelKind.REGRESSION:
        return as_float(values)[:, tf.newaxis]
    text = as_text(values)
    (classes,) = tft.experimental.ptransform_analyzer(
        inputs=[text],
        ptransform=_WriteClasses(),
        output_dtypes=[tf.string],
        output_shapes=[[]],
        output_asset_default_values=[b"label"],
        name="label_classes",
    )
    return tft.apply_vocabulary(text, classes, default_value=-1)[:, tf.newaxis]


class _WriteClasses(tft_beam_experimental.PTransformAnalyzer):
    """Writes the class names in natural order to a file and yields its path.

    Not `tft.vocabulary`, whose order is that of frequency: a class index should not change with the sample.
    """

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """One file name, from batches of label texts."""
        folder = self.base_temp_dir
        return (
            batches
            | "Distinct" >> beam.CombineGlobally(_DistinctFn())
            | "Write" >> beam.Map(_write_classes, folder=folder)
        )


class _DistinctFn(beam.CombineFn):
    """The set of distinct byte strings in batches of arrays."""

    def create_accumulator(self) -> set[bytes]:
        """Nothing seen yet."""
        return set()

    def add_input(self, accumulator: set[bytes], batch: tuple[np.typing.NDArray[np.object_]]) -> set[bytes]:
        """The set with a batch's values."""
        accumulator.update(np.unique(batch[0].astype(object)).tolist())
        return _check_few(accumulator)

    def merge_accumulators(self, accumulators: Iterable[set[bytes]]) -> set[bytes]:
        """The union."""
        return _check_few(set().union(*accumulators))

    def extract_output(self, accumulator: set[bytes]) -> set[bytes]:
        """The set itself."""
        return accumulator


def _check_few(values: set[bytes]) -> set[bytes]:
    if len(values) > MAX_CLASSES:
        raise UntrainableData(
            f"The label has more than {MAX_CLASSES:,} distinct values, so it is no class label. "
            "If it is a number, set the label's kind to regression; if it is an identifier, choose another label."
        )
    return values


def _write_classes(values: set[bytes], folder: str) -> bytes:
    """The path of a file with one class a line, in natural order."""
    classes = natural_order(value.decode("utf-8", errors="surrogateescape") for value in values - {b""})
    if not classes:
        raise UntrainableData("No training row has a label. Check the label column's name and the split.")
    broken = [name for name in classes if "\n" in name or "\r" in name]
    if broken:
        raise UntrainableData(f"A class name may not contain a line break; saw {broken[0]!r}. Clean the label column.")
    tf.io.gfile.makedirs(folder)
    path = f"{folder}/{LABEL_VOCABULARY}"
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(b"".join(name.encode("utf-8", errors="surrogateescape") + b"\n" for name in classes))
    return path.encode()
