"""Settings reject what cannot work, all at once and by name, and survive the trip through JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabular_text.errors import BadSettings
from models.tabular_text.features import LabelKind
from models.tabular_text.settings import (
    OBJECTIVES,
    OBJECTIVES_OF,
    TEXT_TOWERS,
    ModelSettings,
    SearchDimension,
    TrainingSettings,
    TunerSettings,
    apply_hyperparameters,
    encode_choice,
    tunable_names,
)

widths = st.integers(1, 4096)


@given(
    st.builds(
        ModelSettings,
        text_tower=st.sampled_from(["bag", "cnn"]),
        embedding_dim=widths,
        hidden_units=st.lists(widths, max_size=4).map(tuple),
        dropout=st.floats(0, 0.99),
        wide=st.booleans(),
    )
)
def test_model_settings_survive_json(settings: ModelSettings) -> None:
    assert ModelSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_training_settings_survive_json() -> None:
    settings = TrainingSettings(epochs=3, class_weights="balanced", mixed_precision="off", strategy="mirrored")
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_the_largest_seed_is_the_largest_that_keras_takes() -> None:
    # numpy.random.seed, which Keras calls: "must be between 0 and 2**32 - 1".
    assert TrainingSettings(seed=2**32 - 1).seed == 4_294_967_295


def test_tuner_settings_survive_json() -> None:
    space = {
        "hidden_units": SearchDimension(values=((64,), (128, 64))),
        "learning_rate": SearchDimension(min=1e-4, max=1e-2, sampling="log"),
        "batch_size": SearchDimension(min=64, max=256, step=64),
    }
    settings = TunerSettings(algorithm="bayesian", objective="val_accuracy", search_space=space)
    assert TunerSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_settings_left_out_keep_their_defaults() -> None:
    assert TunerSettings.from_json({"max_trials": 9}) == TunerSettings(max_trials=9)
    assert ModelSettings.from_json({}) == ModelSettings()


def test_what_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(BadSettings, match="deterministic: must be true or false, got 'off'"):
        TrainingSettings.from_json({"deterministic": "off"})


def test_every_bad_value_is_reported_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        TrainingSettings(epochs=0, batch_size=-1, learning_rate=float("nan"), class_weights="balance")
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for word in ("epochs", "batch_size", "learning_rate", "did you mean 'balanced'"):
        assert word in text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ModelSettings(text_tower="cn"), ["text_tower", "'cnn'"]),
        (lambda: ModelSettings(dropout=1.0), ["dropout", "below 1"]),
        (lambda: ModelSettings(hidden_units=(64, 0)), ["hidden_units", "0"]),
        (lambda: ModelSettings(text_tower="transformer", embedding_dim=30), ["attention_heads", "30"]),
        (lambda: TrainingSettings(epochs=True), ["epochs", "True"]),
        (lambda: TrainingSettings(seed=2**32), ["seed", "at most 4294967295", "4294967296"]),
        (lambda: ModelSettings.from_json({"embeding_dim": 3}), ["embeding_dim", "'embedding_dim'"]),
        (lambda: TunerSettings(search_space={}), ["search_space", "empty"]),
        (lambda: TunerSettings(search_space={"learning_rat": SearchDimension(values=(1.0,))}), ["'learning_rate'"]),
        (lambda: TunerSettings(search_space={"epochs": SearchDimension(values=(1,))}), ["'epochs'"]),
        (lambda: TunerSettings(search_space={"dropout": SearchDimension(min=0.5, max=0.1)}), ["dropout", "below max"]),
        (lambda: TunerSettings(search_space={"dropout": SearchDimension(min=0.0, max=1.5)}), ["dropout", "1.5"]),
        (lambda: TunerSettings(search_space={"dropout": SearchDimension(values=(0.1, 2.0))}), ["dropout", "2.0"]),
        (lambda: TunerSettings(search_space={"wide": SearchDimension(min=0, max=1)}), ["wide", "values"]),
        (lambda: TunerSettings(search_space={"learning_rate": SearchDimension(min=0, max=1, sampling="log")}), ["log"]),
        (lambda: TunerSettings.from_json({"search_space": {"dropout": {"vals": [0.1]}}}), ["'values'", "dropout"]),
        (lambda: apply_hyperparameters(ModelSettings(), TrainingSettings(), {"drop_out": 0.1}), ["'dropout'"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_remedy(make: object, words: list[str]) -> None:
    with pytest.raises(BadSettings) as caught:
        make()  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


def test_hyperparameters_reach_the_settings_they_name() -> None:
    values = {"dropout": 0.3, "batch_size": 32, "hidden_units": encode_choice((7, 5)), "tuner/epochs": 9}
    model, training = apply_hyperparameters(ModelSettings(), TrainingSettings(), values)
    assert model == ModelSettings(dropout=0.3, hidden_units=(7, 5))
    assert training == TrainingSettings(batch_size=32)


def test_an_objective_that_the_label_lacks_is_refused() -> None:
    TunerSettings(objective="val_auc").check_objective(LabelKind.BINARY)
    with pytest.raises(BadSettings, match="val_rmse"):
        TunerSettings(objective="val_auc").check_objective(LabelKind.REGRESSION)


def test_every_objective_belongs_to_some_label_kind() -> None:
    assert {name for names in OBJECTIVES_OF.values() for name in names} == set(OBJECTIVES)


def test_the_search_never_changes_what_it_controls_itself() -> None:
    assert {"epochs", "seed"}.isdisjoint(tunable_names())
    assert {"text_tower", "learning_rate", "batch_size"} <= set(tunable_names())
    assert set(TEXT_TOWERS) == {"bag", "cnn", "transformer"}
