"""Tuner's `tuner_fn`: a search over the settings that the config opens, each trial a training like Trainer's own.

A search that was killed goes on when it is started again with the same directory: finished trials are read back, the
one under way continues from its last checkpoint.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from tfx.components.tuner.component import TunerFnResult

from models.tabular_text.settings import (
    OBJECTIVES,
    ModelSettings,
    SearchDimension,
    TrainingSettings,
    TunerSettings,
    apply_hyperparameters,
    encode_choice,
    is_whole,
)
from models.tabular_text.telling import Trial, tell_search
from models.tabular_text.train import Task, fingerprint, fix_randomness, read_settings, read_task, train_model


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """The tuner, ready to search, for TFX's Tuner.

    `fn_args` is TFX's `FnArgs`; its `custom_config` holds `features`, `model`, `training` and `tuner` as JSON. Trials
    are kept in its `working_dir`.

    Raises:
      ModelError: bad settings, or data that cannot teach the label.
    """
    config = fn_args.custom_config or {}
    search = TunerSettings.from_json(config.get("tuner") or {})
    model, training = read_settings(config)
    task = read_task(fn_args)
    search.check_objective(task.target.kind)
    fix_randomness(training)
    training = dataclasses.replace(training, epochs=search.epochs)
    tuner = SettingsTuner(task, model, training, search, Path(fn_args.working_dir))
    return TunerFnResult(tuner=tuner, fit_kwargs={})


class SettingsTuner(keras_tuner.Tuner):
    """Tries settings; a trial's score is the objective at the trial's best epoch."""

    def __init__(
        self, task: Task, model: ModelSettings, training: TrainingSettings, search: TunerSettings, directory: Path
    ) -> None:
        """Prepares the search in the directory, or takes up the same search where it was."""
        self._task, self._model, self._training, self._objective = task, model, training, search.objective
        # Hyperband decides on its way how many trials it makes.
        self._max_trials = None if search.algorithm == "hyperband" else search.max_trials
        super().__init__(
            oracle=oracle_for(search, training.seed),
            directory=str(directory),
            # Another search never reads this one's trials.
            project_name=f"search-{_search_id(task, model, training, search)}",
            overwrite=False,
        )

    def run_trial(self, trial: Any, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """The objective of one trial."""
        values = trial.hyperparameters.values
        model, training = apply_hyperparameters(self._model, self._training, values)
        # Hyperband says how long each trial may run; it is trained anew rather than from an earlier one's weights.
        training = dataclasses.replace(training, epochs=int(values.get("tuner/epochs", training.epochs)))
        folder = Path(self.get_trial_dir(trial.trial_id)) / "training"
        keras.utils.clear_session()
        # Again for every trial, so that its outcome does not depend on the trials before it.
        keras.utils.set_random_seed(training.seed)
        _, progress = train_model(self._task, model, training, folder, self._place())
        shutil.rmtree(folder / "checkpoints")
        score = self._better(metrics[self._objective] for metrics in progress.history)
        self._tell_end(score)
        return {self._objective: score}

    def _better(self, scores: Iterable[float]) -> float:
        return {"min": min, "max": max}[OBJECTIVES[self._objective]](scores)

    def _place(self) -> Trial:
        """Which trial of how many is under way, for those who watch."""
        scores = self._scores()
        best = {self._objective: self._better(scores)} if scores else {}
        return Trial(len(scores) + 1, self._max_trials, best)

    def _tell_end(self, score: float) -> None:
        scores = [*self._scores(), score]
        message = f"trial {len(scores)} ended with {self._objective} {score:.4g}"
        tell_search(message, len(scores), self._max_trials, {self._objective: self._better(scores)})

    def _scores(self) -> list[float]:
        """The objective of every trial that has ended."""
        return [trial.score for trial in self.oracle.trials.values() if trial.score is not None]


def oracle_for(search: TunerSettings, seed: int) -> Any:
    """The keras-tuner oracle that proposes the settings."""
    shared = {
        "objective": keras_tuner.Objective(search.objective, OBJECTIVES[search.objective]),
        "hyperparameters": search_space(search.search_space),
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": seed,
    }
    if search.algorithm == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(max_epochs=search.epochs, **shared)
    kinds = {
        "random": keras_tuner.oracles.RandomSearchOracle,
        "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    }
    return kinds[search.algorithm](max_trials=search.max_trials, **shared)


def search_space(dimensions: Mapping[str, SearchDimension]) -> keras_tuner.HyperParameters:
    """The search space as keras-tuner describes it."""
    space = keras_tuner.HyperParameters()
    for name, dimension in dimensions.items():
        if dimension.values:
            space.Choice(name, [encode_choice(value) for value in dimension.values])
        elif is_whole(name):
            step = None if dimension.step is None else int(dimension.step)
            space.Int(name, int(dimension.min or 0), int(dimension.max or 0), step=step, sampling=dimension.sampling)
        else:
            space.Float(name, dimension.min, dimension.max, step=dimension.step, sampling=dimension.sampling)
    return space


def _search_id(task: Task, model: ModelSettings, training: TrainingSettings, search: TunerSettings) -> str:
    """Changes with everything that decides the trials, except how many there are."""
    searched = {key: value for key, value in search.to_json().items() if key != "max_trials"}
    text = json.dumps([fingerprint(task, model, training), searched], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
