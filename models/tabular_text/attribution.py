"""Integrated gradients through the served network (Sundararajan, Taly and Yan 2017, arXiv:1703.01365).

    attribution_i = (x_i - x0_i) * integral over a in [0, 1] of dF(x0 + a * (x - x0)) / dx_i

Ids have no gradient, so the path runs through what they look up: x holds the numbers and the vectors of categories and
tokens; a feature's attribution is the sum over everything it became. Attributions sum to F(x) - F(x0).

The baseline x0 is the mean of some rows (in numbers and vectors alike), and for texts as many unknown words as the row
has words: which places hold a token stays as it is along the path, in every text tower.

F is what the model says before it becomes a probability: the number itself; for two classes the logit of the second;
for more the logit of one class less the mean of all logits, which, unlike the logit alone, is a function of the
probabilities (log p_c - mean log p).
"""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from models.tabular_text.data import Packer
from models.tabular_text.features import Feature, FeatureKind, FeatureSpec, LabelKind, transformed_name
from models.tabular_text.layout import part_name
from models.tabular_text.model import text_input

Tensors = dict[str, tf.Tensor]

#: Layers that look up a vector for each category; the second is there where the model has a wide part.
CATEGORY_LAYERS = ("deep_categories", "wide_categories")

PREDICTED_CLASS = -1
"""As the class to explain: the one that the model prefers."""


@dataclasses.dataclass(frozen=True)
class Path:
    """From the baseline to the rows: vectors by the name of the input or of the layer that looked them up.

    Attributes:
      start: the baseline's, float32 [batch or 1, ...].
      end: the rows', float32 [batch, ...].
      fixed: what does not change along the way: token ids, from which the masks are made.
    """

    start: Tensors
    end: Tensors
    fixed: Tensors

    def at(self, position: tf.Tensor) -> Tensors:
        """The vectors at a position from 0 to 1."""
        return {name: self.start[name] + position * (end - self.start[name]) for name, end in self.end.items()}


class IntegratedGradients(tf.Module):
    """Attributions of a trained network's answers; shares its weights."""

    def __init__(self, network: keras.Model, packer: Packer, spec: FeatureSpec) -> None:
        """Cuts a network that `build_model` made behind its look-ups."""
        super().__init__(name="integrated_gradients")
        self.network = network
        self.upper, self._inputs = upper_network(network)
        self._spec, self._sizes = spec, packer.sizes
        self._numbers, self._categories = packer.layout.numbers, [item.name for item in packer.layout.categories]

    def explain(
        self, rows: Tensors, background: Tensors, classes: tf.Tensor, positions: tf.Tensor, weights: tf.Tensor
    ) -> Tensors:
        """The attributions of some rows.

        Args:
          rows: packed inputs of the network, [batch, ...].
          background: packed inputs of the rows whose mean is the baseline, [any, ...].
          classes: class to explain in each row, int32 [batch]; `PREDICTED_CLASS` leaves it to the model. Without
            effect for two classes and for numbers.
          positions: where the gradient is taken, in [0, 1], float32 [points].
          weights: of each position in the integral, float32 [points]; their sum is 1.

        Returns:
          `output` and `baseline_output` float32 [batch]: F(x) and F(x0). `explained_class` int32 [batch].
          `attributions` float32 [batch, features], in the order of `FeatureSpec.used`. `token_attributions_0`, …
          float32 [batch, max_tokens] for each text.
        """
        path = self._path(rows, background)
        logits = self._logits(path, 1.0)
        explained = self._explained(logits, classes)
        gradients = self._integral(path, explained, positions, weights)
        parts = {name: gradients[name] * (path.end[name] - path.start[name]) for name in gradients}
        return {
            "output": self._value(logits, explained),
            "baseline_output": self._value(self._logits(path, 0.0), explained),
            "explained_class": explained,
            **self._by_feature(parts),
        }

    def _path(self, rows: Tensors, background: Tensors) -> Path:
        end, start, fixed = self._vectors(rows), {}, {}
        mean = {name: tf.reduce_mean(values, axis=0, keepdims=True) for name, values in self._known(background).items()}
        for name in end:
            start[name] = mean[name] if name in mean else self._unknown_words(name)
        for index in range(len(self._sizes.texts)):
            fixed[text_input(index)] = rows[text_input(index)]
        return Path(start, end, fixed)

    def _known(self, inputs: Tensors) -> Tensors:
        """Numbers and the categories' vectors."""
        vectors = {"numbers": inputs["numbers"]} if "numbers" in inputs else {}
        for name in CATEGORY_LAYERS:
            if name in self._inputs:
                vectors[name] = self.network.get_layer(name)(inputs["categories"])
        return vectors

    def _vectors(self, inputs: Tensors) -> Tensors:
        vectors = self._known(inputs)
        for index in range(len(self._sizes.texts)):
            name = tokens_layer(index)
            vectors[name] = self.network.get_layer(name)(inputs[text_input(index)])
        return vectors

    def _unknown_words(self, name: str) -> tf.Tensor:
        """The mean vector of the buckets for words outside the vocabulary, [1, 1, width]."""
        table = tf.convert_to_tensor(self.network.get_layer(name).embeddings)
        return tf.reduce_mean(table[-self._spec.oov_buckets :], axis=0)[tf.newaxis, tf.newaxis]

    def _logits(self, path: Path, position: float | tf.Tensor) -> tf.Tensor:
        return self._answer(path, path.at(tf.convert_to_tensor(position, tf.float32)))

    def _answer(self, path: Path, vectors: Tensors) -> tf.Tensor:
        given = {**vectors, **path.fixed}
        logits: tf.Tensor = self.upper([given[name] for name in self._inputs], training=False)
        return logits

    def _explained(self, logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        if self._spec.label.kind is not LabelKind.MULTICLASS:
            return tf.fill([tf.shape(logits)[0]], int(self._spec.label.kind is LabelKind.BINARY))
        preferred = tf.argmax(logits, axis=1, output_type=tf.int32)
        return tf.where(tf.equal(classes, PREDICTED_CLASS), preferred, classes)

    def _value(self, logits: tf.Tensor, explained: tf.Tensor) -> tf.Tensor:
        """F of each row, [batch]."""
        if self._spec.label.kind is not LabelKind.MULTICLASS:
            return logits[:, 0]
        return tf.gather(logits, explained, axis=1, batch_dims=1) - tf.reduce_mean(logits, axis=1)

    def _integral(self, path: Path, explained: tf.Tensor, positions: tf.Tensor, weights: tf.Tensor) -> Tensors:
        """The mean gradient along the path; one position after the other, so that memory is that of one batch."""
        names = sorted(path.end)

        def add(total: list[tf.Tensor], place: tuple[tf.Tensor, tf.Tensor]) -> list[tf.Tensor]:
            position, weight = place
            vectors = path.at(position)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(vectors)
                value = self._value(self._answer(path, vectors), explained)
            found = tape.gradient(value, vectors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return [one + weight * found[name] for one, name in zip(total, names, strict=True)]

        nothing = [tf.zeros_like(path.end[name]) for name in names]
        return dict(zip(names, tf.foldl(add, (positions, weights), nothing), strict=True))

    def _by_feature(self, parts: Tensors) -> Tensors:
        """What the vectors contribute, summed into features and tokens."""
        columns: dict[str, Any] = {}
        for index, name in enumerate(self._numbers):
            columns[name] = parts["numbers"][:, index]
        for index, name in enumerate(self._categories):
            columns[name] = tf.add_n(
                [tf.reduce_sum(parts[layer][:, index], axis=-1) for layer in CATEGORY_LAYERS if layer in parts]
            )
        tokens = {}
        for index, feature in enumerate(self._spec.of_kind(FeatureKind.TEXT)):
            tokens[token_attributions(index)] = tf.reduce_sum(parts[tokens_layer(index)], axis=-1)
            columns[transformed_name(feature.name)] = tf.reduce_sum(tokens[token_attributions(index)], axis=-1)
        sums = [tf.add_n([columns[name] for name in names_of(feature)]) for feature in self._spec.used]
        return {"attributions": tf.stack(sums, axis=1), **tokens}


def upper_network(network: keras.Model) -> tuple[keras.Model, list[str]]:
    """The network from its look-ups on: a model of the same layers, and what it takes in order.

    Each input is one of the network's own, or the output of the layer of this name.
    """
    layers = {layer.name for layer in network.layers}
    own = {name: tensor for name, tensor in network.input.items() if name != "categories"}
    looked_up = [*CATEGORY_LAYERS, *(tokens_layer(index) for index in range(len(own)))]
    inputs = {**own, **{name: network.get_layer(name).output for name in looked_up if name in layers}}
    return keras.Model(list(inputs.values()), network.output, name="upper"), list(inputs)


def tokens_layer(index: int) -> str:
    """The layer that looks up the tokens of the text at this place."""
    return f"{text_input(index)}_tokens"


def tokens_name(index: int) -> str:
    """The output with the words themselves, for the text at this place."""
    return f"tokens_{index}"


def token_attributions(index: int) -> str:
    """The output with each token's attribution, for the text at this place."""
    return f"token_attributions_{index}"


def names_of(feature: Feature) -> list[str]:
    """The transformed columns that a feature became."""
    name, kind = feature.name, feature.kind
    numbers = [transformed_name(name), part_name(name, "missing")]
    if kind is FeatureKind.NUMERIC:
        return numbers
    if kind is FeatureKind.DATE:
        return [*numbers, part_name(name, "month"), part_name(name, "weekday")]
    return [transformed_name(name)]
