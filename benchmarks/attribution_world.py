"""A made-up world to train small models in, for AttributionDrift in false_alarms.py.

Each seed draws its own rows, trains its own wide-and-deep model on them and explains it on other rows. A text decides
most, a category and a number decide something, and three columns decide nothing; in the changed world text and number
have changed roles.
"""

import functools
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.attribution_drift.judgement import Evidence
from components.attribution_drift.settings import AttributionDriftSettings
from components.explainer.document import Explanation
from components.explainer.importance import completeness, importances
from components.explainer.settings import ExplanationSettings
from models.tabular_text.attribution import PREDICTED_CLASS, IntegratedGradients
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from models.tabular_text.layout import layout_of
from models.tabular_text.model import InputSizes, Target, build_model, compile_model
from models.tabular_text.settings import ModelSettings

SPEC = FeatureSpec(
    Label("liked", LabelKind.BINARY, DType.INT64),
    (
        Feature("text", FeatureKind.TEXT, DType.STRING),
        Feature("shop", FeatureKind.CATEGORICAL, DType.STRING),
        Feature("age", FeatureKind.NUMERIC, DType.FLOAT32),
        Feature("noise_1", FeatureKind.NUMERIC, DType.FLOAT32),
        Feature("noise_2", FeatureKind.NUMERIC, DType.FLOAT32),
        Feature("noise_3", FeatureKind.CATEGORICAL, DType.STRING),
    ),
    max_tokens=12,
)
SIZES = InputSizes(numbers=6, categories=(6, 6), texts=(60,), max_tokens=12)
TARGET = Target(LabelKind.BINARY, ("no", "yes"))
MODEL = ModelSettings(embedding_dim=16, categorical_embedding_dim=4, hidden_units=(16,))
EXPLANATION, DRIFT = ExplanationSettings(), AttributionDriftSettings()
TRAIN_ROWS = 3000
EPOCHS = 4

Rows = tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.float32]]


def draw(random: np.random.Generator, count: int, *, changed: bool) -> Rows:
    """Packed inputs and labels; words 1 to 10 speak for a yes, 11 to 20 against it, the others say nothing."""
    lengths = random.integers(1, 13, (count, 1))
    words = np.where(np.arange(12) < lengths, random.integers(1, 59, (count, 12)), 0)
    mood = ((words >= 1) & (words <= 10)).sum(axis=1) - ((words > 10) & (words <= 20)).sum(axis=1)
    shops = random.integers(1, 5, (count, 2))
    numbers = random.normal(size=(count, 3))
    text_weight, age_weight = (0.1, 2.0) if changed else (1.0, 0.5)
    logit = text_weight * mood + 0.6 * (shops[:, 0] == 1) - 0.6 * (shops[:, 0] == 2) + age_weight * numbers[:, 0]
    labels = (random.uniform(size=count) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    packed = np.zeros((count, 6), np.float32)
    packed[:, ::2] = numbers  # every other column says whether the number is missing; none is
    inputs = {
        "numbers": packed,
        "categories": (shops + np.array([0, 6])).astype(np.int32),
        "text_0": words.astype(np.int32),
    }
    return inputs, labels


@functools.cache
def _machinery() -> tuple[keras.Model, Any]:
    """The network and how it is explained, traced once: tracing would cost more than training."""
    network = build_model(SIZES, TARGET, MODEL)
    compile_model(network, TARGET, learning_rate=0.01)
    packer: Any = SimpleNamespace(sizes=SIZES, layout=layout_of(SPEC))
    return network, tf.function(IntegratedGradients(network, packer, SPEC).explain)


def evidence(seed: int, *, changed: bool = False) -> Evidence:
    """The explanation of a model of this seed's rows, on other rows of the same world."""
    network, explain = _machinery()
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    network.set_weights(build_model(SIZES, TARGET, MODEL).get_weights())
    for variable in network.optimizer.variables:
        if variable is not network.optimizer._learning_rate:
            variable.assign(tf.zeros_like(variable))
    inputs, labels = draw(random, TRAIN_ROWS, changed=changed)
    network.fit(inputs, labels[:, np.newaxis], batch_size=128, epochs=EPOCHS, verbose=0)
    rows, _ = draw(random, EXPLANATION.rows, changed=changed)
    places, weights = np.polynomial.legendre.leggauss(EXPLANATION.steps)
    packed = {name: tf.constant(values) for name, values in rows.items()}
    how = (tf.constant((places + 1) / 2, tf.float32), tf.constant(weights / 2, tf.float32))
    found = explain(packed, packed, tf.fill([EXPLANATION.rows], PREDICTED_CLASS), *how)
    return _evidence({name: tensor.numpy().astype(np.float64) for name, tensor in found.items()})


def _evidence(found: dict[str, npt.NDArray[np.float64]]) -> Evidence:
    names = tuple(feature.name for feature in SPEC.used)
    sums = found["attributions"].sum(axis=1)
    checked = completeness(
        sums, found["output"], found["baseline_output"], EXPLANATION.tolerance, EXPLANATION.min_completeness
    )
    explanation = Explanation(
        label="liked", kind="binary", classes=("no", "yes"), split="test", evaluated_rows=len(sums), rows=len(sums),
        method="integrated_gradients", explains="", baseline="", steps=EXPLANATION.steps, completeness=checked,
        features=importances(found["attributions"], names, 0), cross_check=None, classes_explained=(), slices=(),
        words=(), examples=(),
    )  # fmt: skip
    return Evidence(explanation, names, found["attributions"])
