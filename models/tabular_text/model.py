"""The wide-and-deep Keras model (Cheng et al. 2016, arXiv:1606.07792): packed inputs → logits, or a number.

The wide part is linear in the numbers and in one weight per category; the deep part sees the numbers, embeddings of
the categories and the vectors of the text towers. Their outputs are added.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

from models.tabular_text.features import LabelKind
from models.tabular_text.settings import ModelSettings
from models.tabular_text.text_towers import text_tower


@dataclasses.dataclass(frozen=True)
class InputSizes:
    """What the data decides about the model's inputs.

    Attributes:
      numbers: float columns.
      categories: ids per categorical column; the columns share one table, each from its own offset on.
      texts: ids per text column.
      max_tokens: tokens per text.
    """

    numbers: int
    categories: tuple[int, ...]
    texts: tuple[int, ...]
    max_tokens: int


@dataclasses.dataclass(frozen=True)
class Target:
    """What the model predicts.

    Attributes:
      kind: of the label.
      classes: class names in the order of their index; empty for regression.
      mean: of the training labels, regression only.
      deviation: standard deviation of the training labels, above 0, regression only.
    """

    kind: LabelKind
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def units(self) -> int:
        """Outputs of the model: one logit per class, one logit for two classes, one number."""
        return len(self.classes) if self.kind is LabelKind.MULTICLASS else 1


def text_input(index: int) -> str:
    """The name of the model's input for the text column at this place."""
    return f"text_{index}"


def build_model(sizes: InputSizes, target: Target, settings: ModelSettings) -> keras.Model:
    """The untrained model.

    Inputs, a dictionary without the groups that have no column: `numbers` float32 [batch, n], `categories` int32
    [batch, n] with offsets added, `text_0`, … int32 [batch, max_tokens]. Output: float32 [batch, units], logits for
    classes, for regression a number in the label's unit.
    """
    inputs: dict[str, Any] = {}
    wide: list[Any] = []
    deep: list[Any] = []
    if sizes.numbers:
        inputs["numbers"] = keras.Input((sizes.numbers,), dtype="float32", name="numbers")
        wide.append(layers.Dense(target.units, use_bias=False, kernel_initializer="zeros", name="wide_numbers"))
        wide[-1] = wide[-1](inputs["numbers"])
        deep.append(inputs["numbers"])
    if sizes.categories:
        inputs["categories"] = keras.Input((len(sizes.categories),), dtype="int32", name="categories")
        wide.append(_wide_categories(inputs["categories"], sizes, target))
        deep.append(_deep_categories(inputs["categories"], sizes, settings))
    for index, size in enumerate(sizes.texts):
        name = text_input(index)
        inputs[name] = keras.Input((sizes.max_tokens,), dtype="int32", name=name)
        deep.append(text_tower(inputs[name], size, settings, name))
    outputs = [_deep(deep, target, settings), *(wide if settings.wide else [])]
    total = layers.Add(name="total", dtype="float32")(outputs) if len(outputs) > 1 else outputs[0]
    if target.kind is LabelKind.REGRESSION:
        total = layers.Rescaling(target.deviation, target.mean, name="in_label_units", dtype="float32")(total)
    return keras.Model(inputs, total, name="tabular_text")


def compile_model(model: keras.Model, target: Target, learning_rate: float) -> None:
    """Gives the model its optimizer, loss and metrics (`accuracy`, `auc`; `mae`, `rmse` in the label's unit)."""
    loss: Any
    metrics: list[Any]
    if target.kind is LabelKind.MULTICLASS:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    elif target.kind is LabelKind.BINARY:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        metrics = [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)]
        metrics.append(keras.metrics.AUC(name="auc", from_logits=True))
    else:
        loss = StandardSquaredError(target.deviation)
        metrics = [keras.metrics.MeanAbsoluteError(name="mae"), keras.metrics.RootMeanSquaredError(name="rmse")]
    # Not jit_compile: XLA on a CPU spends more on compiling these small graphs than it saves.
    model.compile(keras.optimizers.Adam(learning_rate), loss=loss, metrics=metrics, jit_compile=False)


class StandardSquaredError(keras.losses.Loss):
    """Squared error in standard deviations of the label, so that its unit does not change how training goes."""

    def __init__(self, deviation: float) -> None:
        super().__init__(name="standard_squared_error")
        self.deviation = deviation

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """float32 [batch], from [batch, 1]."""
        return ops.mean(ops.square((ops.cast(y_true, y_pred.dtype) - y_pred) / self.deviation), axis=-1)


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers built inside compute in this policy; the previous one is put back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _wide_categories(ids: Any, sizes: InputSizes, target: Target) -> Any:
    """One weight per category and output, summed over the columns; zero at first, so an unseen value adds nothing."""
    weights = layers.Embedding(
        sum(sizes.categories), target.units, embeddings_initializer="zeros", name="wide_categories"
    )(ids)
    return layers.Lambda(lambda x: ops.sum(x, axis=1), output_shape=(target.units,), name="wide_categories_sum")(
        weights
    )


def _deep_categories(ids: Any, sizes: InputSizes, settings: ModelSettings) -> Any:
    """The columns' embeddings side by side."""
    width = settings.categorical_embedding_dim
    return layers.Flatten(name="categories_flat")(
        layers.Embedding(sum(sizes.categories), width, name="deep_categories")(ids)
    )


def _deep(parts: list[Any], target: Target, settings: ModelSettings) -> Any:
    """The dense layers over all parts, float32 [batch, units]."""
    hidden = layers.Concatenate(name="deep_inputs")(parts) if len(parts) > 1 else parts[0]
    hidden = layers.Dropout(settings.dropout, name="deep_inputs_dropout")(hidden)
    for index, units in enumerate(settings.hidden_units):
        hidden = layers.Dense(units, activation="relu", name=f"hidden_{index}")(hidden)
        hidden = layers.Dropout(settings.dropout, name=f"hidden_{index}_dropout")(hidden)
    # float32 also under mixed precision: losses and probabilities need the range.
    return layers.Dense(target.units, dtype="float32", name="deep_output")(hidden)
