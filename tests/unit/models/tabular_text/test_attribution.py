"""Integrated gradients against arithmetic, and completeness for every text tower and kind of label."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tabular_text.attribution import PREDICTED_CLASS, IntegratedGradients, names_of, token_attributions
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from models.tabular_text.layout import layout_of
from models.tabular_text.model import InputSizes, Target, build_model
from models.tabular_text.settings import ModelSettings

AGE = Feature("age", FeatureKind.NUMERIC, DType.FLOAT32)
SHOP = Feature("shop", FeatureKind.CATEGORICAL, DType.STRING)
BODY = Feature("body", FeatureKind.TEXT, DType.STRING)
DAY = Feature("day", FeatureKind.DATE, DType.STRING)
TOKENS, WORDS = 5, 9
SMALL = ModelSettings(embedding_dim=8, hidden_units=(1,))


def spec_of(kind, *features):
    return FeatureSpec(Label("y", kind, DType.FLOAT32), features, max_tokens=TOKENS)


def sizes_of(spec):
    layout = layout_of(spec)
    return InputSizes(
        len(layout.numbers),
        tuple(column.fixed_size or 4 for column in layout.categories),
        (WORDS,) * len(layout.texts),
        TOKENS,
    )


def gradients_of(spec, network):
    return IntegratedGradients(network, SimpleNamespace(sizes=sizes_of(spec), layout=layout_of(spec)), spec)


def explained(gradients, rows, background, steps=64, classes=None):
    places, weights = np.polynomial.legendre.leggauss(steps)
    count = len(next(iter(rows.values())))
    found = tf.function(gradients.explain)(
        rows,
        background,
        tf.fill([count], PREDICTED_CLASS) if classes is None else tf.constant(classes),
        tf.constant((places + 1) / 2, tf.float32),
        tf.constant(weights / 2, tf.float32),
    )
    return {name: tensor.numpy() for name, tensor in found.items()}


def numbers(*rows):
    return {"numbers": tf.constant(rows, tf.float32)}


def test_a_linear_model_is_explained_by_its_weights():
    spec = spec_of(LabelKind.REGRESSION, AGE, Feature("price", FeatureKind.NUMERIC, DType.FLOAT32))
    network = build_model(sizes_of(spec), Target(LabelKind.REGRESSION), ModelSettings(hidden_units=(2,)))
    deep = network.get_layer("deep_output")
    deep.set_weights([np.zeros_like(weight) for weight in deep.get_weights()])
    # Columns: age, age is missing, price, price is missing.
    network.get_layer("wide_numbers").set_weights([np.array([[2.0], [7.0], [-3.0], [0.0]])])
    found = explained(gradients_of(spec, network), numbers([1, 1, 4, 0]), numbers([0, 0, 1, 0], [2, 0, 3, 1]), steps=4)
    # Mean of the background: 1, 0, 2, 0.5. Age: 2 * (1 - 1) + 7 * (1 - 0). Price: -3 * (4 - 2).
    np.testing.assert_allclose(found["attributions"], [[7.0, -6.0]], rtol=1e-5)
    np.testing.assert_allclose(found["output"], [2 + 7 - 12], rtol=1e-5)
    np.testing.assert_allclose(found["baseline_output"], [2 - 6], rtol=1e-5)


def test_a_product_is_shared_evenly_from_nothing():
    spec = spec_of(LabelKind.REGRESSION, AGE, Feature("price", FeatureKind.NUMERIC, DType.FLOAT32))
    inputs = keras.Input((4,), name="numbers")
    product = keras.layers.Lambda(lambda x: x[:, 0:1] * x[:, 2:3], output_shape=(1,))(inputs)
    network = keras.Model({"numbers": inputs}, product)
    found = explained(gradients_of(spec, network), numbers([3, 0, 5, 0]), numbers([0, 0, 0, 0]), steps=4)
    # The integral of a * (3 * 5) over a is 15 / 2 for either.
    np.testing.assert_allclose(found["attributions"], [[7.5, 7.5]], rtol=1e-5)


def test_a_square_needs_its_curve_followed_not_its_slope_at_the_end():
    spec = spec_of(LabelKind.REGRESSION, AGE)
    inputs = keras.Input((2,), name="numbers")
    square = keras.layers.Lambda(lambda x: x[:, 0:1] ** 2, output_shape=(1,))(inputs)
    found = explained(
        gradients_of(spec, keras.Model({"numbers": inputs}, square)), numbers([3, 0]), numbers([1, 0]), steps=4
    )
    np.testing.assert_allclose(found["attributions"], [[8.0]], rtol=1e-5)  # 9 - 1; the slope alone would say 12


def test_words_are_explained_one_by_one_against_unknown_ones():
    spec = spec_of(LabelKind.REGRESSION, BODY)
    network = build_model(sizes_of(spec), Target(LabelKind.REGRESSION), SMALL)
    table = np.zeros((WORDS, 8), np.float32)
    table[1, 0], table[2, 0], table[-1, 0] = 3.0, 5.0, 1.0  # the last id is the bucket of unknown words
    network.get_layer("text_0_tokens").set_weights([table])
    network.get_layer("hidden_0").set_weights([np.eye(8, 1), np.array([10.0])])  # stays above 0: no kink on the way
    network.get_layer("deep_output").set_weights([np.array([[2.0]]), np.array([0.0])])
    rows = {"text_0": tf.constant([[1, 2, 8, 0, 0], [0, 0, 0, 0, 0]], tf.int32)}
    found = explained(gradients_of(spec, network), rows, rows, steps=4)
    # 2 * (vector - unknown) / sqrt(3 words); padding and the unknown word itself say nothing.
    expected = np.array([[4.0, 8.0, 0.0, 0.0, 0.0], [0.0] * 5]) / np.sqrt(3)
    np.testing.assert_allclose(found[token_attributions(0)], expected, atol=1e-5)
    np.testing.assert_allclose(found["attributions"][:, 0], expected.sum(axis=1), atol=1e-5)


def test_of_more_than_two_classes_the_logit_less_their_mean_is_explained():
    spec = spec_of(LabelKind.MULTICLASS, AGE)
    target = Target(LabelKind.MULTICLASS, ("a", "b", "c"))
    network = build_model(sizes_of(spec), target, ModelSettings(hidden_units=(2,)))
    deep = network.get_layer("deep_output")
    deep.set_weights([np.zeros_like(weight) for weight in deep.get_weights()])
    network.get_layer("wide_numbers").set_weights([np.array([[1.0, 4.0, 7.0], [0.0, 0.0, 0.0]])])
    gradients = gradients_of(spec, network)
    found = explained(gradients, numbers([2, 0]), numbers([1, 0]))
    assert found["explained_class"].tolist() == [2]
    np.testing.assert_allclose(found["attributions"], [[3.0]], rtol=1e-5)  # (7 - 4) * (2 - 1)
    asked = explained(gradients, numbers([2, 0]), numbers([1, 0]), classes=[0])
    np.testing.assert_allclose(asked["attributions"], [[-3.0]], rtol=1e-5)
    # What all classes have in common changes no probability, and so explains nothing.
    network.get_layer("wide_numbers").set_weights([np.array([[101.0, 104.0, 107.0], [0.0, 0.0, 0.0]])])
    shifted = explained(gradients, numbers([2, 0]), numbers([1, 0]))
    np.testing.assert_allclose(shifted["attributions"], [[3.0]], rtol=1e-3)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (AGE, ["age_xf", "age__missing_xf"]),
        (SHOP, ["shop_xf"]),
        (BODY, ["body_xf"]),
        (DAY, ["day_xf", "day__missing_xf", "day__month_xf", "day__weekday_xf"]),
    ],
)
def test_a_feature_is_everything_that_it_became(feature, expected):
    assert names_of(feature) == expected


def test_all_columns_of_the_layout_belong_to_a_feature():
    spec = spec_of(LabelKind.BINARY, AGE, SHOP, BODY, DAY)
    known = [name for feature in spec.used for name in names_of(feature)]
    assert sorted(known) == sorted(set(layout_of(spec).names) - {layout_of(spec).label})


def random_network(spec, tower, kind, wide, seed):
    classes = {LabelKind.MULTICLASS: ("a", "b", "c"), LabelKind.BINARY: ("a", "b"), LabelKind.REGRESSION: ()}[kind]
    network = build_model(
        sizes_of(spec),
        Target(kind, classes, mean=3.0, deviation=2.0),
        ModelSettings(
            text_tower=tower,
            embedding_dim=8,
            categorical_embedding_dim=4,
            hidden_units=(8,),
            attention_heads=2,
            wide=wide,
        ),
    )
    random = np.random.default_rng(seed)
    for weight in network.weights:
        weight.assign(random.normal(0.0, 0.5, weight.shape) + (1.0 if weight.path.endswith("gamma") else 0.0))
    return network


def random_rows(spec, count, seed):
    random = np.random.default_rng(seed)
    sizes = sizes_of(spec)
    offsets = np.cumsum([0, *sizes.categories[:-1]])
    is_word = np.arange(TOKENS) < random.integers(0, TOKENS + 1, (count, 1))
    words = random.integers(1, WORDS, (count, TOKENS)) * is_word
    return {
        "numbers": tf.constant(random.normal(size=(count, sizes.numbers)), tf.float32),
        "categories": tf.constant(offsets + random.integers(0, 4, (count, len(sizes.categories))), tf.int32),
        "text_0": tf.constant(words, tf.int32),
    }


@pytest.mark.parametrize("tower", ["bag", "cnn", "transformer"])
@given(kind=st.sampled_from(list(LabelKind)), wide=st.booleans(), seed=st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_attributions_sum_to_the_difference_of_the_outputs(tower, kind, wide, seed):
    spec = spec_of(kind, AGE, SHOP, BODY, DAY)
    network = random_network(spec, tower, kind, wide, seed)
    rows = random_rows(spec, 8, seed)
    found = explained(gradients_of(spec, network), rows, random_rows(spec, 5, seed + 1), steps=512)
    differences = found["output"] - found["baseline_output"]
    allowed = 0.05 * np.maximum(np.abs(differences), np.std(found["output"]))
    assert (np.abs(found["attributions"].sum(axis=1) - differences) <= allowed).all()


@pytest.mark.parametrize("tower", ["bag", "cnn", "transformer"])
@pytest.mark.parametrize("kind", list(LabelKind))
def test_the_explained_output_is_the_network_s_own(tower, kind):
    spec = spec_of(kind, AGE, SHOP, BODY, DAY)
    network = random_network(spec, tower, kind, True, 3)
    rows = random_rows(spec, 6, 4)
    logits = network(rows, training=False).numpy()
    expected = logits.max(axis=1) - logits.mean(axis=1) if kind is LabelKind.MULTICLASS else logits[:, 0]
    found = explained(gradients_of(spec, network), rows, rows, steps=4)
    np.testing.assert_allclose(found["output"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tower", ["bag", "cnn", "transformer"])
def test_padding_has_no_part_in_the_answer(tower):
    spec = spec_of(LabelKind.BINARY, AGE, SHOP, BODY, DAY)
    rows = random_rows(spec, 6, 7)
    found = explained(gradients_of(spec, random_network(spec, tower, LabelKind.BINARY, True, 8)), rows, rows, steps=8)
    padding = rows["text_0"].numpy() == 0
    assert padding.any()
    assert (found[token_attributions(0)][padding] == 0).all()


def test_a_row_that_is_the_baseline_owes_nothing_to_any_feature():
    spec = spec_of(LabelKind.REGRESSION, AGE, SHOP, DAY)
    network = random_network(spec, "bag", LabelKind.REGRESSION, True, 5)
    rows = {name: values for name, values in random_rows(spec, 1, 6).items() if name != "text_0"}
    found = explained(gradients_of(spec, network), rows, rows, steps=4)
    np.testing.assert_allclose(found["attributions"], 0.0, atol=1e-6)
