"""The network ignores padding, copes with empty texts, and speaks in the label's terms."""

import keras
import numpy as np
import pytest

from models.tabular_text.features import LabelKind
from models.tabular_text.model import InputSizes, StandardSquaredError, Target, build_model, dtype_policy
from models.tabular_text.settings import TEXT_TOWERS, ModelSettings

SIZES = InputSizes(numbers=2, categories=(3, 4), texts=(11,), max_tokens=6)
CLASSES = Target(LabelKind.MULTICLASS, ("a", "b", "c"))


def small(tower: str = "bag", target: Target = CLASSES, sizes: InputSizes = SIZES) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model(sizes, target, ModelSettings(tower, 8, 4, (5,), attention_heads=2))


def rows(*texts: list[int]) -> dict[str, np.ndarray]:
    count = len(texts)
    padded = [text + [0] * (SIZES.max_tokens - len(text)) for text in texts]
    return {
        "numbers": np.ones((count, 2), np.float32),
        "categories": np.tile(np.array([[1, 5]], np.int32), (count, 1)),
        "text_0": np.array(padded, np.int32),
    }


@pytest.mark.parametrize("tower", TEXT_TOWERS)
def test_padding_says_nothing(tower: str) -> None:
    model = small(tower)
    inputs = rows([3, 7], [])
    before = np.array(model(inputs, training=False))
    table = model.get_layer("text_0_tokens")
    weights = table.get_weights()[0]
    weights[0] = 1e3
    table.set_weights([weights])
    np.testing.assert_array_equal(np.array(model(inputs, training=False)), before)
    assert np.isfinite(before).all()


@pytest.mark.parametrize("tower", TEXT_TOWERS)
def test_words_matter(tower: str) -> None:
    outputs = np.array(small(tower)(rows([3, 7], [4, 7]), training=False))
    assert not np.allclose(outputs[0], outputs[1])


def test_the_bag_adds_its_words_and_divides_by_the_root_of_their_number() -> None:
    model = small()
    table = model.get_layer("text_0_tokens").get_weights()[0]
    tower = keras.Model(model.inputs, model.get_layer("text_0_sum").output)
    vector = np.array(tower(rows([3, 7, 7]), training=False))[0]
    np.testing.assert_allclose(vector, (table[3] + 2 * table[7]) / np.sqrt(3), rtol=1e-5)


def test_there_is_one_output_per_class_but_one_for_two() -> None:
    assert small().output_shape == (None, 3)
    assert small(target=Target(LabelKind.BINARY, ("no", "yes"))).output_shape == (None, 1)
    assert small(target=Target(LabelKind.REGRESSION)).output_shape == (None, 1)


def test_regression_answers_in_the_unit_of_the_label() -> None:
    target = Target(LabelKind.REGRESSION, mean=5000.0, deviation=100.0)
    scaled, plain = small(target=target), small(target=Target(LabelKind.REGRESSION))
    plain.set_weights(scaled.get_weights())
    inputs = rows([3, 7])
    np.testing.assert_allclose(
        np.array(scaled(inputs, training=False)), 5000 + 100 * np.array(plain(inputs, training=False)), rtol=1e-6
    )


def test_the_regression_loss_counts_deviations() -> None:
    loss = StandardSquaredError(deviation=10.0)
    assert float(loss(np.array([[1.0], [5.0]]), np.array([[21.0], [5.0]]))) == pytest.approx((2**2 + 0) / 2)


def test_groups_without_columns_are_left_out() -> None:
    model = small(sizes=InputSizes(numbers=0, categories=(), texts=(11,), max_tokens=6))
    assert sorted(model.input) == ["text_0"]


def test_logits_are_float32_under_mixed_precision_and_the_policy_is_put_back() -> None:
    with dtype_policy("mixed_bfloat16"):
        model = small()
    assert model.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"
