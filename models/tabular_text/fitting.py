"""Fits a compiled model epoch by epoch, with checkpoints from which a killed training goes on as if nothing happened.

Why not Keras's BackupAndRestore: it forgets early stopping's state, starts an interrupted epoch again, and cannot
give the resumed epochs the shuffling they would have had.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from models.tabular_text.data import Rows
from models.tabular_text.devices import device_names
from models.tabular_text.progress import Progress, check_finite, epoch_line
from models.tabular_text.settings import TrainingSettings
from models.tabular_text.telling import StepTeller, Trial, tell_training, with_speed
from models.tabular_text.together import Together


class Checkpoints:
    """The latest state of a training, and the weights of its best epoch, in a folder; each replaced atomically."""

    def __init__(self, model: keras.Model, folder: Path) -> None:
        """Prepares to save into the folder, which is made when needed."""
        model.optimizer.build(model.trainable_variables)
        self._state = tf.Variable("", trainable=False)
        # As lists, because Keras's own tracking leaves out the state of dropout's random numbers.
        network = [variable.value for variable in model.variables]
        optimizer = [variable.value for variable in model.optimizer.variables]
        everything = tf.train.Checkpoint(network=network, optimizer=optimizer, progress=self._state)
        self._latest = tf.train.CheckpointManager(everything, str(folder / "latest"), max_to_keep=1)
        self._best = tf.train.CheckpointManager(
            tf.train.Checkpoint(network=network), str(folder / "best"), max_to_keep=1
        )

    def resume(self, fresh: Progress) -> Progress:
        """The saved progress, with the model and optimizer as they were; `fresh` if there is none that fits it."""
        path = self._latest.latest_checkpoint
        if path is None:
            return fresh
        saved = Progress.from_json(tf.train.load_variable(path, "progress/.ATTRIBUTES/VARIABLE_VALUE").decode())
        if saved.fingerprint != fresh.fingerprint:
            _say("The checkpoint here is of other settings or data; training starts anew.")
            return fresh
        self._latest.checkpoint.restore(path).assert_consumed()
        _say(f"Training goes on after epoch {saved.epoch}, step {saved.step} of the next.")
        return saved

    def save(self, progress: Progress) -> None:
        """Saves where training is; also the best weights if the last epoch was the best."""
        if progress.step == 0 and progress.best_epoch == progress.epoch:
            self._best.save(checkpoint_number=progress.epoch)
        self._state.assign(progress.to_json())
        self._latest.save()

    def restore_best(self) -> None:
        """Gives the model the weights of its best epoch."""
        self._best.checkpoint.restore(self._best.latest_checkpoint).assert_consumed()


class _SaveWithinEpoch(keras.callbacks.Callback):
    """Saves every so many steps, for epochs that take long."""

    def __init__(self, checkpoints: Checkpoints, progress: Progress, every: int) -> None:
        super().__init__()
        self.checkpoints, self.progress, self.every = checkpoints, progress, every

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves, unless the loss is no number any more."""
        step = self.progress.step + batch + 1
        if step % self.every == 0:
            check_finite(self.progress.epoch + 1, {name: float(value) for name, value in (logs or {}).items()})
            self.checkpoints.save(self.progress.after_steps(step))


def fit(
    model: keras.Model,
    rows: Rows,
    settings: TrainingSettings,
    fingerprint: str,
    folder: Path,
    trial: Trial | None = None,
) -> Progress:
    """Trains the compiled model in place and returns what happened.

    Afterwards the model has the weights of the best epoch if early stopping is on, else of the last.

    Args:
      model: compiled.
      rows: to fit to, and to measure on after each epoch.
      settings: epochs, batch size, seed, patience and checkpoint interval are read.
      fingerprint: see `Progress`.
      folder: gets `checkpoints/`, `history.json` and TensorBoard's `logs/`; a training found there goes on. Of several
        machines each has one of its own, and what is in the first one's counts.
      trial: of a search that this training is; for telling how far the search is.

    Raises:
      TrainingDiverged: the loss is not finite.
    """
    checkpoints, together = Checkpoints(model, folder / "checkpoints"), Together.of(model)
    progress = checkpoints.resume(Progress(fingerprint))
    if together is not None:
        progress = Progress.of(together.follow_chief(progress.to_data()))
    if progress.epoch or progress.step:
        message = f"goes on after epoch {progress.epoch}/{settings.epochs}, step {progress.step} of the next"
        tell_training(logging.INFO, message, progress.epoch, settings.epochs, {}, trial)
    board = {name: tf.summary.create_file_writer(str(folder / "logs" / name)) for name in ("train", "validation")}
    while not progress.is_over(settings.epochs, settings.early_stopping_patience):
        saver = _SaveWithinEpoch(checkpoints, progress, settings.checkpoint_steps)
        number, size = progress.epoch + 1, rows.train.labels.size
        teller = StepTeller(number, settings.epochs, progress.step, settings.batch_size, size, trial)
        metrics = _run_epoch(together or model, rows, settings, progress, [saver, teller])
        progress = progress.after_epoch(metrics)
        told = with_speed(metrics, teller.examples_per_s)
        tell_training(logging.INFO, f"epoch {number}/{settings.epochs}", number, settings.epochs, told, trial)
        checkpoints.save(progress)
        write_history(progress, folder / "history.json")
        _write_board(board, progress)
        _say(epoch_line(progress.history[-1], settings.epochs))
    if settings.early_stopping_patience and (together is None or together.workers.is_chief):
        checkpoints.restore_best()
        _say(f"Kept the weights of epoch {progress.best_epoch} (val_loss {progress.best_loss:.4g}).")
    return progress


def write_history(progress: Progress, path: Path) -> None:
    """Writes the training so far, whole or not at all.

    `{"epochs": [{"epoch": 1, "loss": …, "val_loss": …, "seconds": …}, …], "best_epoch": n, "devices": ["CPU"]}`
    """
    data = {"epochs": list(progress.history), "best_epoch": progress.best_epoch, "devices": device_names()}
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(data, indent=2), encoding="utf-8")
    temporary.replace(path)


def _run_epoch(
    model: keras.Model | Together,
    rows: Rows,
    settings: TrainingSettings,
    progress: Progress,
    callbacks: list[keras.callbacks.Callback],
) -> dict[str, float]:
    """The metrics of one epoch, from where progress is; after a resume those of training cover the rest of it only."""
    start = time.monotonic()
    batches = rows.train.epoch(settings.seed + progress.epoch, settings.batch_size, progress.step, rows.class_weights)
    if isinstance(model, Together):
        metrics = model.train(batches, callbacks)
        _say(f"machine {model.workers.index + 1} of {model.workers.count} learnt from {model.rows_seen} rows")
        measured = model.evaluate(rows.evaluation.once())
    else:
        fitted = model.fit(batches, epochs=1, verbose=0, callbacks=callbacks, shuffle=False)
        metrics = {name: float(values[-1]) for name, values in fitted.history.items()}
        measured = model.evaluate(rows.evaluation.once(), verbose=0, return_dict=True)
    metrics |= {f"val_{name}": float(value) for name, value in measured.items()}
    metrics["seconds"] = time.monotonic() - start
    # All have to stop after the same epoch, whatever a last bit may say.
    return model.data_of_chief(metrics) if isinstance(model, Together) else metrics


def _write_board(board: dict[str, Any], progress: Progress) -> None:
    """TensorBoard scalars of the last epoch, under the names that Keras's own callback uses."""
    for name, value in progress.history[-1].items():
        if name in ("epoch", "seconds"):
            continue
        writer = board["validation" if name.startswith("val_") else "train"]
        with writer.as_default(step=progress.epoch):
            tf.summary.scalar(f"epoch_{name.removeprefix('val_')}", value)
        writer.flush()


def _say(line: str) -> None:
    """One line on the node's standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
