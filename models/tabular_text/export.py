"""The SavedModel for serving: the transform graph and the network behind four signatures, everything in the graph.

    serving_default     examples: string [batch], serialized tf.Examples      → predictions
    serving_raw         one tensor [batch] per raw column                     → predictions
    transform_features  examples: string [batch]                              → every transformed column, label too
    explain             examples, and how to integrate (`explain_arguments`)  → attributions of features and words

Where a column is called `examples`, the argument of that name is `serialized_examples` (`layout.examples_argument`).

The first two bring their input to the same dense vectors (`raw`) and run the same graph from there, so they agree bit
for bit. It loads with `tf.saved_model.load` alone; `assets.extra/penstock.json` describes it.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from models.tabular_text.attribution import IntegratedGradients, tokens_name
from models.tabular_text.data import Packer
from models.tabular_text.errors import BadSettings
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, LabelKind
from models.tabular_text.layout import argument_names, examples_argument
from models.tabular_text.model import Target
from models.tabular_text.preprocessing import split_words
from models.tabular_text.raw import MISSING_INT, TF_TYPES, as_text, first_values, is_missing, missing_value

Tensors = dict[str, tf.Tensor]

DESCRIPTION = "assets.extra/penstock.json"

EXPLAIN = "explain"
"""The signature that explains answers."""


class ServingModel(tf.Module):
    """What is exported: holds every resource that the signatures use."""

    def __init__(self, network: keras.Model, packer: Packer, spec: FeatureSpec, target: Target, transform: Any) -> None:
        """Wraps a trained float32 network and a `tft.TFTransformOutput`."""
        super().__init__(name="serving")
        self.network = network
        self.transform_layer = transform.transform_features_layer()
        self.class_names = tf.constant(target.classes, tf.string, shape=[len(target.classes)])
        self.gradients = IntegratedGradients(network, packer, spec)
        self._packer, self._spec, self._kind = packer, spec, target.kind
        self._raw_spec = transform.raw_feature_spec()

    def signatures(self) -> dict[str, Any]:
        """The four functions by name."""
        examples = tf.TensorSpec([None], tf.string, name=examples_argument(self._spec))
        raw = arguments_of(self._spec)
        return {
            "serving_default": tf.function(self._serve_examples, input_signature=[examples]),
            "serving_raw": tf.function(self._serve_raw(), input_signature=list(raw.values())),
            "transform_features": tf.function(self._transform_examples, input_signature=[examples]),
            EXPLAIN: tf.function(self._explain, input_signature=explain_arguments(self._spec)),
        }

    def _serve_examples(self, examples: tf.Tensor) -> Tensors:
        columns = self._parse(examples, [(feature.name, feature.dtype) for feature in self._spec.used])
        present = {name: tf.sparse.reduce_sum(_ones(column), axis=1) > 0 for name, column in columns.items()}
        vectors = {name: first_values(column) for name, column in columns.items()}
        return self._predict(vectors, present)

    def _serve_raw(self) -> Callable[..., Tensors]:
        """A function with one parameter per column; a TF signature takes its names and defaults from the parameters."""
        arguments = arguments_of(self._spec)
        features = serving_order(self._spec)

        def serve_raw(*values: tf.Tensor, **named: tf.Tensor) -> Tensors:
            bound = parameters.bind(*values, **named)
            bound.apply_defaults()
            batch = tf.reduce_max([tf.size(value) for value in bound.arguments.values()])
            given = {column: bound.arguments[argument.name] for column, argument in arguments.items()}
            vectors = {feature.name: _as_stored(feature, _spread(given[feature.name], batch)) for feature in features}
            return self._predict(vectors, {feature.name: tf.fill([batch], True) for feature in features})

        parameters = inspect.Signature([_parameter(feature, arguments[feature.name]) for feature in features])
        serve_raw.__signature__ = parameters  # type: ignore[attr-defined]
        return serve_raw

    def _transform_examples(self, examples: tf.Tensor) -> Tensors:
        wanted = [(feature.name, feature.dtype) for feature in self._spec.used]
        columns = self._parse(examples, [*wanted, (self._spec.label.name, self._spec.label.dtype)])
        return self._transform({name: first_values(column) for name, column in columns.items()})

    def _explain(
        self,
        examples: tf.Tensor,
        background: tf.Tensor,
        classes: tf.Tensor,
        positions: tf.Tensor,
        weights: tf.Tensor,
    ) -> Tensors:
        """`IntegratedGradients.explain` of rows, and `tokens_0`, …: their words, string [batch, max_tokens]."""
        vectors = self._vectors_of(tf.concat([examples, background], axis=0))
        packed = self._packer.pack(self._transform(vectors))
        count = tf.size(examples)
        rows, others = {}, {}
        for name, values in packed.items():
            rows[name], others[name] = values[:count], values[count:]
        found = self.gradients.explain(rows, others, classes, positions, weights)
        for index, feature in enumerate(self._spec.of_kind(FeatureKind.TEXT)):
            words = split_words(as_text(vectors[feature.name][:count]))[:, : self._spec.max_tokens]
            found[tokens_name(index)] = words.to_tensor("", shape=[None, self._spec.max_tokens])
        return found

    def _vectors_of(self, examples: tf.Tensor) -> Tensors:
        columns = self._parse(examples, [(feature.name, feature.dtype) for feature in self._spec.used])
        return {name: first_values(column) for name, column in columns.items()}

    def _parse(self, examples: tf.Tensor, columns: list[tuple[str, DType]]) -> dict[str, tf.SparseTensor]:
        parsed = tf.io.parse_example(examples, {name: tf.io.VarLenFeature(TF_TYPES[dtype]) for name, dtype in columns})
        return dict(parsed)

    def _transform(self, vectors: Mapping[str, tf.Tensor]) -> Tensors:
        """The transformed columns of dense vectors, through the transform graph's own kind of input."""
        return dict(
            self.transform_layer({name: _as_input(self._raw_spec[name], vectors[name], name) for name in vectors})
        )

    def _predict(self, vectors: Tensors, present: Tensors) -> Tensors:
        """The predictions for dense vectors; refuses rows without a required column."""
        checks = [_check_required(feature, vectors, present) for feature in self._spec.used if feature.required]
        with tf.control_dependencies(checks):
            vectors = {name: tf.identity(vector) for name, vector in vectors.items()}
        outputs = self.network(self._packer.pack(self._transform(vectors)), training=False)
        if self._kind is LabelKind.REGRESSION:
            return {"prediction": outputs[:, 0]}
        return self._by_name(outputs)

    def _by_name(self, logits: tf.Tensor) -> Tensors:
        """Class names and probabilities from logits, [batch, classes], or [batch, 1] for two classes."""
        if self._kind is LabelKind.BINARY:
            # Both from the logit itself: 1 - p would lose the digits of a small probability.
            scores = tf.concat([tf.sigmoid(-logits), tf.sigmoid(logits)], axis=1)
        else:
            scores = tf.nn.softmax(logits)
        outputs = {
            "classes": tf.tile(self.class_names[tf.newaxis], [tf.shape(scores)[0], 1]),
            "scores": scores,
            "predicted_class": tf.gather(self.class_names, tf.argmax(scores, axis=1)),
        }
        return {**outputs, "positive_score": scores[:, 1]} if self._kind is LabelKind.BINARY else outputs


def explain_arguments(spec: FeatureSpec) -> list[tf.TensorSpec]:
    """The arguments of `explain`: serialized rows, serialized rows whose mean is the baseline, class to explain in each
    row (-1 = the predicted one), and where on the way from baseline to row the gradient is taken with which weight.
    """
    return [
        tf.TensorSpec([None], tf.string, name=examples_argument(spec)),
        tf.TensorSpec([None], tf.string, name="background"),
        tf.TensorSpec([None], tf.int32, name="classes"),
        tf.TensorSpec([None], tf.float32, name="positions"),
        tf.TensorSpec([None], tf.float32, name="weights"),
    ]


def export_model(model: ServingModel, spec: FeatureSpec, target: Target, folder: str) -> None:
    """Writes the SavedModel, and its description for servers and reports, to the folder."""
    signatures = model.signatures()
    tf.saved_model.save(model, folder, signatures=signatures)
    path = f"{folder}/{DESCRIPTION}"
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "w") as file:
        json.dump(describe(spec, target, list(signatures)), file, indent=2)


def describe(spec: FeatureSpec, target: Target, signatures: list[str]) -> dict[str, Any]:
    """What a server or a report must know about the model.

    `examples_argument` is the argument of the signatures that take serialized tf.Examples. `inputs` maps each raw
    column to its argument in `serving_raw`, the argument's type, what stands for a missing value there (`null` = NaN),
    and whether it must be given.
    """
    arguments = arguments_of(spec)
    return {
        "format": 1,
        "signatures": signatures,
        "examples_argument": examples_argument(spec),
        "classes": list(target.classes),
        "inputs": {
            feature.name: {
                "argument": arguments[feature.name].name,
                "dtype": arguments[feature.name].dtype.name,
                "missing": {tf.string: "", tf.int64: MISSING_INT}.get(arguments[feature.name].dtype),
                "required": feature.required,
            }
            for feature in spec.used
        },
        "features": spec.to_json(),
    }


def serving_order(spec: FeatureSpec) -> list[Feature]:
    """The used features, required ones first: parameters with a default must come last."""
    return sorted(spec.used, key=lambda feature: not feature.required)


def arguments_of(spec: FeatureSpec) -> dict[str, tf.TensorSpec]:
    """The tensor of `serving_raw` for each used column, in `serving_order`.

    Numbers are float32 so that NaN can say "missing", also whole ones.
    """
    names = argument_names(feature.name for feature in spec.used)
    return {
        feature.name: tf.TensorSpec(
            [None],
            tf.float32 if feature.kind is FeatureKind.NUMERIC else TF_TYPES[feature.dtype],
            name=names[feature.name],
        )
        for feature in serving_order(spec)
    }


def _parameter(feature: Feature, argument: tf.TensorSpec) -> inspect.Parameter:
    """The Python parameter of `serving_raw`; an optional one defaults to one missing value, spread over the batch."""
    missing = missing_value(argument.dtype)
    default = inspect.Parameter.empty if feature.required else tf.constant([missing], argument.dtype)
    return inspect.Parameter(argument.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)


def _spread(values: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    """The values, or a single one repeated for every row of the batch."""
    return tf.cond(tf.equal(tf.size(values), 1), lambda: tf.fill([batch], values[0]), lambda: values)


def _as_stored(feature: Feature, values: tf.Tensor) -> tf.Tensor:
    """The argument's values in the type that the raw data has."""
    wanted = TF_TYPES[feature.dtype]
    if values.dtype == wanted:
        return values
    # Largest float32 below 2^63: what lies beyond would wrap around to the missing value.
    clipped = tf.clip_by_value(tf.where(is_missing(values), 0.0, values), -9.2233715e18, 9.2233715e18)
    return tf.where(is_missing(values), tf.constant(missing_value(wanted), wanted), tf.cast(clipped, wanted))


def _as_input(kind: Any, vector: tf.Tensor, name: str) -> Any:
    """A dense vector as the transform graph takes the column; missing values are left out where it can be sparse."""
    has_value = ~is_missing(vector)
    if isinstance(kind, tf.io.FixedLenFeature):
        return tf.reshape(vector, [-1, *kind.shape])
    if isinstance(kind, tf.io.RaggedFeature):
        return tf.RaggedTensor.from_row_lengths(tf.boolean_mask(vector, has_value), tf.cast(has_value, tf.int64))
    if isinstance(kind, tf.io.VarLenFeature):
        rows = tf.where(has_value)
        shape = tf.stack([tf.size(vector, tf.int64), 1])
        return tf.SparseTensor(tf.pad(rows, [[0, 0], [0, 1]]), tf.boolean_mask(vector, has_value), shape)
    raise BadSettings([f"Column {name!r} is a {type(kind).__name__} in the schema; give it one value per row."])


def _ones(column: tf.SparseTensor) -> tf.SparseTensor:
    return column.with_values(tf.ones_like(column.values, dtype=tf.int32))


def _check_required(feature: Feature, vectors: Tensors, present: Tensors) -> tf.Operation:
    """Fails at run time if a row lacks the feature. An empty string is a value, NaN is none."""
    vector = vectors[feature.name]
    has_value = present[feature.name] if vector.dtype == tf.string else present[feature.name] & ~is_missing(vector)
    return tf.debugging.Assert(
        tf.reduce_all(has_value), [f"Required column {feature.name!r} has no value in rows", tf.where(~has_value)[:, 0]]
    )
