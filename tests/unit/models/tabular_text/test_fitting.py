"""A training that was killed ends where it would have ended."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.tabular_text import fitting
from models.tabular_text.data import Rows, Split
from models.tabular_text.errors import TrainingDiverged
from models.tabular_text.features import LabelKind
from models.tabular_text.model import InputSizes, Target, build_model, compile_model, dtype_policy
from models.tabular_text.progress import Progress
from models.tabular_text.settings import ModelSettings, TrainingSettings

SETTINGS = TrainingSettings(epochs=3, batch_size=8, learning_rate=0.01, early_stopping_patience=0, checkpoint_steps=3)
BINARY = Target(LabelKind.BINARY, ("no", "yes"))


class Killed(BaseException):
    """Stands for SIGKILL: nothing gets to clean up after it in the code under test."""


class KillAt(keras.callbacks.Callback):
    """Ends the process, so to speak, when it has seen so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def rows(scale: float = 1.0) -> Rows:
    numbers = np.random.default_rng(5).normal(size=(64, 3)).astype(np.float32) * scale
    labels = (numbers.sum(axis=1, keepdims=True) > 0).astype(np.int64)
    blocks = tf.data.Dataset.from_tensor_slices(({"numbers": numbers}, labels)).batch(64)
    split = Split(blocks, labels[:, 0], 1)
    return Rows(split, split)


def model() -> keras.Model:
    keras.utils.set_random_seed(SETTINGS.seed)
    built = build_model(InputSizes(3, (), (), 0), BINARY, ModelSettings(hidden_units=(4,), dropout=0.5))
    compile_model(built, BINARY, SETTINGS.learning_rate)
    return built


def trained(folder: Path, settings: TrainingSettings = SETTINGS, mark: str = "mark") -> tuple[keras.Model, Progress]:
    built = model()
    return built, fitting.fit(built, rows(), settings, mark, folder)


def same(first: keras.Model, second: keras.Model) -> bool:
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Progress]:
    return trained(tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("steps", [2, 5, 13], ids=["before any checkpoint", "within epoch 1", "within epoch 2"])
def test_a_killed_training_ends_with_the_same_weights(
    steps: int, reference: tuple[keras.Model, Progress], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = KillAt(steps)
    with monkeypatch.context() as patch:
        original = keras.Model.fit
        patch.setattr(
            keras.Model, "fit", lambda self, *args, callbacks, **named: original(
                self, *args, callbacks=[*callbacks, killer], **named
            )
        )  # fmt: skip
        with pytest.raises(Killed):
            trained(tmp_path)
    resumed, progress = trained(tmp_path)
    assert same(resumed, reference[0])
    for metrics, expected in zip(progress.history, reference[1].history, strict=True):
        assert metrics["val_loss"] == expected["val_loss"]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_resumes(policy: str, tmp_path: Path) -> None:
    with dtype_policy(policy):
        built, _ = trained(tmp_path)
        again, progress = trained(tmp_path)
    assert same(built, again)
    assert progress.history[-1]["val_loss"] < progress.history[0]["val_loss"]
    assert all(weights.dtype == np.float32 for weights in built.get_weights())


def test_a_finished_training_is_not_repeated(
    reference: tuple[keras.Model, Progress], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path)
    capsys.readouterr()
    again, progress = trained(tmp_path)
    assert progress.epoch == SETTINGS.epochs
    assert "epoch 1/" not in capsys.readouterr().out
    assert same(again, reference[0])


def test_a_checkpoint_of_other_settings_is_not_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path)
    trained(tmp_path, mark="another")
    assert "starts anew" in capsys.readouterr().out


def test_early_stopping_keeps_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    # Measured on labels turned round, every epoch of learning makes it worse: the first is the best.
    train = rows().train
    turned = train.blocks.map(lambda inputs, label: (inputs, 1 - label))
    data = Rows(train, Split(turned, 1 - train.labels, 1))
    built = model()
    progress = fitting.fit(built, data, TrainingSettings(epochs=9, batch_size=8), "mark", tmp_path)
    assert (progress.best_epoch, progress.epoch) == (1, 3)
    measured = built.evaluate(data.evaluation.once(), verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(progress.history[0]["val_loss"], rel=1e-6)


def test_a_loss_that_is_no_number_stops_training_and_is_never_saved(tmp_path: Path) -> None:
    built = model()
    with pytest.raises(TrainingDiverged, match="learning_rate"):
        fitting.fit(built, rows(scale=np.nan), SETTINGS, "mark", tmp_path)
    assert not list(tmp_path.glob("checkpoints/latest/*.index"))


def test_tensorboard_logs_are_written(tmp_path: Path) -> None:
    trained(tmp_path)
    assert {path.parent.name for path in tmp_path.glob("logs/*/events*")} == {"train", "validation"}


def test_every_epoch_is_told_with_its_losses_and_the_speed_of_training(tmp_path, caplog):
    caplog.set_level("INFO", logger="penstock.progress")
    _, progress = trained(tmp_path)
    told = [record.progress for record in caplog.records if record.name == "penstock.progress"]
    assert [(item["done"], item["total"], item["unit"]) for item in told] == [(n, 3, "epochs") for n in (1, 2, 3)]
    for item, epoch in zip(told, progress.history, strict=True):
        metrics = item["metrics"]
        assert (metrics["loss"], metrics["val_loss"]) == (epoch["loss"], epoch["val_loss"])
        # All 64 rows in at most the seconds of the epoch, which include the measuring.
        assert metrics["examples_per_s"] >= 64 / epoch["seconds"]


def test_a_training_that_goes_on_says_from_where(tmp_path, caplog):
    caplog.set_level("INFO", logger="penstock.progress")
    trained(tmp_path, TrainingSettings(**{**SETTINGS.to_json(), "epochs": 1}))
    caplog.clear()
    trained(tmp_path)
    told = [(record.getMessage(), record.progress["done"]) for record in caplog.records]
    assert told == [("goes on after epoch 1/3, step 0 of the next", 1), ("epoch 2/3", 2), ("epoch 3/3", 3)]
