"""The trials of a search and what it chose, from the files of TFX's Tuner."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import NotFound
from pipeline.readers.documents import read_json, read_object

RESULTS_FILE = "tuner_results.json"
BEST_FILE = "best_hyperparameters.txt"

Value = str | int | float | bool | None


@dataclasses.dataclass(frozen=True)
class Trial:
    """One finished trial.

    Attributes:
      trial_id: keras-tuner's.
      score: the objective's value, None if it was not finite.
      values: the hyperparameters that were tried.
    """

    trial_id: str
    score: float | None
    values: Mapping[str, Value]


@dataclasses.dataclass(frozen=True)
class Dimension:
    """One hyperparameter of the search.

    Attributes:
      kind: keras-tuner's class: Choice, Int, Float, Boolean or Fixed.
      values: what could be chosen, for Choice.
      low, high: the range, for Int and Float.
      is_logarithmic: True if the range was searched by its logarithm.
    """

    name: str
    kind: str
    values: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    is_logarithmic: bool = False


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """What a search chose, and where it looked."""

    values: Mapping[str, Value]
    space: tuple[Dimension, ...]


@dataclasses.dataclass(frozen=True)
class Tuning:
    """One search: trials, the best first.

    Attributes:
      best: what was chosen, None if that artifact is not there.
      objective: the metric that trials were compared by, empty if it is not known.
    """

    trials: tuple[Trial, ...]
    best: Hyperparameters | None = None
    objective: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters of any trial; keras-tuner's own bookkeeping (`tuner/…`) is left out."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.values)
        return tuple(name for name in names if not name.startswith("tuner/"))


def read_tuning(results: Path, best: Path | None = None, objective: str = "") -> Tuning:
    """The search in a TunerResults artifact, with the choice in a HyperParameters artifact.

    Raises:
      NotFound: the results are not there, or one of the two cannot be read.
    """
    path = results / RESULTS_FILE
    found = read_json(path)
    try:
        trials = tuple(_trial(item) for item in found)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotFound(f"{path}: not the trials of a search ({error!r}).") from error
    return Tuning(trials, None if best is None else read_hyperparameters(best), objective)


def _trial(item: Mapping[str, Any]) -> Trial:
    values = {name: value for name, value in item.items() if name not in ("trial_id", "score")}
    return Trial(str(item["trial_id"]), item["score"], values)


def read_hyperparameters(folder: Path) -> Hyperparameters:
    """What a HyperParameters artifact holds.

    Raises:
      NotFound: it is not there, or cannot be read.
    """
    path = folder / BEST_FILE
    data = read_object(path)
    try:
        space = tuple(_dimension(item["class_name"], item["config"]) for item in data.get("space", ()))
        return Hyperparameters(dict(data["values"]), space)
    except (KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{path}: not keras-tuner's hyperparameters ({error!r}).") from error


def _dimension(kind: str, config: Mapping[str, Any]) -> Dimension:
    return Dimension(
        name=config["name"],
        kind=kind,
        values=tuple(config.get("values", ())),
        low=config.get("min_value"),
        high=config.get("max_value"),
        is_logarithmic=config.get("sampling") in ("log", "reverse_log"),
    )
