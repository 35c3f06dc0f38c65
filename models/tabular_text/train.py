"""Trainer's `run_fn`: transformed examples → trained model → SavedModel."""

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from models.tabular_text.class_weights import balanced_weights
from models.tabular_text.data import Packer, Rows, Split, given_weights, read_split, target_of
from models.tabular_text.devices import number_format, strategy_for
from models.tabular_text.errors import BadSettings
from models.tabular_text.export import ServingModel, export_model
from models.tabular_text.features import FeatureSpec, LabelKind
from models.tabular_text.fitting import fit
from models.tabular_text.layout import LABEL_VOCABULARY
from models.tabular_text.model import Target, build_model, compile_model, dtype_policy
from models.tabular_text.progress import Progress
from models.tabular_text.settings import ModelSettings, TrainingSettings, apply_hyperparameters
from models.tabular_text.telling import Trial
from models.tabular_text.workers import Workers


@dataclasses.dataclass(frozen=True)
class Task:
    """Everything a training needs, read once; the tuner trains many models on one task.

    Attributes:
      spec: what each column is.
      packer: packs transformed columns.
      target: what is predicted.
      train: training rows.
      evaluation: rows for `val_` metrics.
      transform: `tft.TFTransformOutput`.
      given_weights: a weight per class that came with the training rows, or none.
    """

    spec: FeatureSpec
    packer: Packer
    target: Target
    train: Split
    evaluation: Split
    transform: Any
    given_weights: tuple[float, ...] = ()


def run_fn(fn_args: Any) -> None:
    """Trains and writes the SavedModel to `serving_model_dir`; logs, checkpoints and history to `model_run_dir`.

    `fn_args` is TFX's `FnArgs`. Its `custom_config` holds `features`, `model` and `training` as JSON of `FeatureSpec`,
    `ModelSettings` and `TrainingSettings`; `hyperparameters`, if given, is a keras-tuner configuration whose values
    take precedence. Run again with the same arguments after being killed, it goes on from the last checkpoint.

    Where TF_CONFIG names several machines, this is to run on each of them: they train one model together, which the
    first one writes, and the others write nothing.

    Raises:
      ModelError: bad settings, data that cannot teach the label, or a loss that is no number.
    """
    settings, training = read_settings(fn_args.custom_config, fn_args.hyperparameters)
    workers, strategy = Workers.of(os.environ), strategy_for(training)
    fix_randomness(training)
    task = read_task(fn_args)
    with _run_folder(fn_args, workers) as folder:
        model, _ = train_model(task, settings, training, folder, strategy=strategy)
    if not workers.is_chief:
        return
    network = build_model(task.packer.sizes, task.target, settings)
    network.set_weights(model.get_weights())
    serving = ServingModel(network, task.packer, task.spec, task.target, task.transform)
    export_model(serving, task.spec, task.target, fn_args.serving_model_dir)


@contextmanager
def _run_folder(fn_args: Any, workers: Workers) -> Iterator[Path]:
    """Where a training keeps its state: `model_run_dir`, of other machines than the first a folder of the moment."""
    if workers.is_chief:
        yield Path(fn_args.model_run_dir)
        return
    with tempfile.TemporaryDirectory(prefix="training-") as folder:
        yield Path(folder)


def read_settings(
    custom_config: Mapping[str, Any], hyperparameters: Mapping[str, Any] | None = None
) -> tuple[ModelSettings, TrainingSettings]:
    """The settings in a node's custom_config, with a keras-tuner configuration's values in place of theirs."""
    model = ModelSettings.from_json(custom_config.get("model") or {})
    training = TrainingSettings.from_json(custom_config.get("training") or {})
    return apply_hyperparameters(model, training, (hyperparameters or {}).get("values", {}))


def fix_randomness(settings: TrainingSettings) -> None:
    """Seeds Python, NumPy, Keras and TensorFlow, and makes ops deterministic if that is wanted, for the process."""
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()


def read_task(fn_args: Any) -> Task:
    """The training task that TFX's `FnArgs` describe.

    Raises:
      ModelError: the specification or the data cannot be used.
    """
    if not fn_args.custom_config or "features" not in fn_args.custom_config:
        raise BadSettings(["custom_config has no 'features'; pass FeatureSpec.to_json() under that name."])
    spec = FeatureSpec.from_json(fn_args.custom_config["features"])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    packer = Packer(spec, transform)
    columns = transform.transformed_feature_spec()
    train = read_split("train", fn_args.train_files, packer, spec, columns)
    evaluation = read_split("eval", fn_args.eval_files, packer, spec, columns)
    classes = [] if spec.label.kind is LabelKind.REGRESSION else transform.vocabulary_by_name(LABEL_VOCABULARY)
    target = target_of(spec, [name.decode("utf-8", errors="replace") for name in classes], train.labels)
    weights = given_weights(fn_args.train_files, len(target.classes))
    return Task(spec, packer, target, train, evaluation, transform, weights)


def train_model(
    task: Task,
    settings: ModelSettings,
    training: TrainingSettings,
    folder: Path,
    trial: Trial | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> tuple[keras.Model, Progress]:
    """The trained model and what happened; goes on with a training that was killed in this folder.

    Args:
      task: what to train on.
      settings: of the model.
      training: of the training.
      folder: see `fit`.
      trial: says which trial of a search this is.
      strategy: how training is spread; None = as `strategy_for` has it.
    """
    rows = Rows(task.train, task.evaluation, class_weights(task, training))
    with dtype_policy(number_format(training)):
        with (strategy or strategy_for(training)).scope():
            model = build_model(task.packer.sizes, task.target, settings)
            compile_model(model, task.target, training.learning_rate)
            model.optimizer.build(model.trainable_variables)
        # Outside the scope: what fit makes for its own use is no business of the other devices.
        progress = fit(model, rows, training, fingerprint(task, settings, training), folder, trial)
    return model, progress


def class_weights(task: Task, training: TrainingSettings) -> tuple[float, ...]:
    """A weight per class, or none.

    Raises:
      BadSettings: balanced classes are asked for where there are no classes, or where the rows are weighed already.
    """
    if training.class_weights == "none":
        return task.given_weights
    if task.given_weights:
        raise BadSettings(
            ["training: class_weights is balanced, but TrainingBalancer has weighed the classes; set it to none."]
        )
    if task.target.kind is LabelKind.REGRESSION:
        raise BadSettings(["training: class_weights is balanced, but the label is a number; set it to none."])
    counts = np.bincount(task.train.labels, minlength=len(task.target.classes))
    return tuple(balanced_weights(counts.tolist()))


def fingerprint(task: Task, settings: ModelSettings, training: TrainingSettings) -> str:
    """A hash of what decides the weights; the number of epochs is left out, so that a training can be extended."""
    decisive = {key: value for key, value in training.to_json().items() if key not in ("epochs", "checkpoint_steps")}
    parts = [settings.to_json(), decisive, task.spec.to_json(), dataclasses.asdict(task.packer.sizes)]
    digest = hashlib.sha256(json.dumps([*parts, task.target.classes], sort_keys=True).encode())
    digest.update(task.train.labels.tobytes())
    digest.update(np.array(task.given_weights, np.float64).tobytes())
    return digest.hexdigest()
