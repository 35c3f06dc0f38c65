"""Settings of the model, its training and its tuning: what the config file says, as frozen dataclasses.

Pure data, no TensorFlow: the command line reads it too. Each class travels as JSON in the nodes' `custom_config`;
construction checks every value and reports all findings at once.
"""

import dataclasses
import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

from models.tabular_text.errors import BadSettings
from models.tabular_text.features import LabelKind

TEXT_TOWERS = ("bag", "cnn", "transformer")
CLASS_WEIGHTS = ("none", "balanced")
MIXED_PRECISION = ("auto", "on", "off")
STRATEGIES = ("auto", "none", "mirrored")
ALGORITHMS = ("random", "bayesian", "hyperband")
SAMPLINGS = ("linear", "log")
MAX_SEED = 2**32 - 1

#: What a tuner can optimise on the eval split → the direction that is better.
OBJECTIVES = {"val_loss": "min", "val_accuracy": "max", "val_auc": "max", "val_mae": "min", "val_rmse": "min"}
#: The objectives that exist for each kind of label.
OBJECTIVES_OF = {
    LabelKind.BINARY: ("val_loss", "val_accuracy", "val_auc"),
    LabelKind.MULTICLASS: ("val_loss", "val_accuracy"),
    LabelKind.REGRESSION: ("val_loss", "val_mae", "val_rmse"),
}


class _Settings:
    """JSON round trip of a frozen dataclass whose tuples are lists in JSON."""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; keys that are left out keep their defaults.

        Raises:
          BadSettings: unknown names or bad values, all of them.
        """
        known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        problems = [_unknown_name(cls.__name__, name, known) for name in data if name not in known]
        if problems:
            raise BadSettings(problems)
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})


@dataclasses.dataclass(frozen=True)
class ModelSettings(_Settings):
    """Sizes and shape of the wide-and-deep model.

    Attributes:
      text_tower: `bag` (sum of token embeddings; fastest), `cnn` (one convolution, max over the text) or
        `transformer` (self-attention blocks); all trained from scratch.
      embedding_dim: width of a token's embedding.
      categorical_embedding_dim: width of a category's embedding.
      hidden_units: widths of the dense layers, first to last; may be empty.
      dropout: share of units dropped in training, 0 ≤ dropout < 1.
      text_layers: self-attention blocks (`transformer` only).
      attention_heads: heads per block; must divide embedding_dim (`transformer` only).
      kernel_size: tokens a convolution sees (`cnn` only).
      wide: whether a linear model is added beside the deep one.
    """

    text_tower: str = "bag"
    embedding_dim: int = 64
    categorical_embedding_dim: int = 16
    hidden_units: tuple[int, ...] = (128, 64)
    dropout: float = 0.1
    text_layers: int = 1
    attention_heads: int = 4
    kernel_size: int = 5
    wide: bool = True

    def __post_init__(self) -> None:
        problems = [
            *_choice("text_tower", self.text_tower, TEXT_TOWERS),
            *_whole("embedding_dim", self.embedding_dim, 1),
            *_whole("categorical_embedding_dim", self.categorical_embedding_dim, 1),
            *(finding for units in self.hidden_units for finding in _whole("hidden_units", units, 1)),
            *_real("dropout", self.dropout, 0.0, below=1.0),
            *_whole("text_layers", self.text_layers, 1),
            *_whole("attention_heads", self.attention_heads, 1),
            *_whole("kernel_size", self.kernel_size, 1),
        ]
        if not problems and self.text_tower == "transformer" and self.embedding_dim % self.attention_heads:
            problems = [
                f"attention_heads: {self.attention_heads} does not divide embedding_dim {self.embedding_dim}; "
                "choose a divisor."
            ]
        _raise_all("model", problems)


@dataclasses.dataclass(frozen=True)
class TrainingSettings(_Settings):
    """How the model is fitted.

    Attributes:
      epochs: passes over the training rows, at most (early stopping may end sooner).
      batch_size: rows per step, over all devices together.
      learning_rate: Adam's step size.
      early_stopping_patience: epochs without a better eval loss before training stops; the best epoch's weights
        are then kept. 0 = off: all epochs run and the last weights are kept.
      class_weights: `balanced` weighs each row by rows / (classes * rows of its class).
      seed: of initial weights, shuffling and dropout; 0 to 2^32 - 1, as NumPy takes it.
      mixed_precision: `auto` = on GPUs of compute capability ≥ 7; `on`, `off`.
      strategy: `auto` = MirroredStrategy over two or more visible GPUs; `mirrored`, `none`.
      checkpoint_steps: steps between checkpoints within an epoch (one is always written at its end).
      deterministic: whether the same training on the same kind of device gives the same weights, bit for bit. On a
        GPU that costs more than the training itself where texts are embedded (docs/scaling.md).
    """

    epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 1e-3
    early_stopping_patience: int = 2
    class_weights: str = "none"
    seed: int = 42
    mixed_precision: str = "auto"
    strategy: str = "auto"
    checkpoint_steps: int = 1000
    deterministic: bool = True

    def __post_init__(self) -> None:
        problems = [
            *_whole("epochs", self.epochs, 1),
            *_whole("batch_size", self.batch_size, 1),
            *_real("learning_rate", self.learning_rate, 0.0, open_low=True),
            *_whole("early_stopping_patience", self.early_stopping_patience, 0),
            *_choice("class_weights", self.class_weights, CLASS_WEIGHTS),
            *_whole("seed", self.seed, 0, MAX_SEED),
            *_choice("mixed_precision", self.mixed_precision, MIXED_PRECISION),
            *_choice("strategy", self.strategy, STRATEGIES),
            *_whole("checkpoint_steps", self.checkpoint_steps, 1),
            *_switch("deterministic", self.deterministic),
        ]
        _raise_all("training", problems)


@dataclasses.dataclass(frozen=True)
class SearchDimension:
    """The values one setting may take in a search: either a list or a range.

    Attributes:
      values: the choices, if not a range; all of the setting's own type (a list of widths for `hidden_units`).
      min: smallest value of a range.
      max: largest value of a range.
      sampling: `linear` or `log` (even spread over orders of magnitude).
      step: distance between tried values; for `log` the factor between them; None = continuous.
    """

    values: tuple[Any, ...] = ()
    min: float | None = None
    max: float | None = None
    sampling: str = "linear"
    step: float | None = None

    @classmethod
    def from_json(cls, name: str, data: Mapping[str, Any]) -> "SearchDimension":
        """The inverse of `to_json`, named for its messages.

        Raises:
          BadSettings: unknown keys.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        problems = [_unknown_name(f"search_space.{name}", key, known) for key in data if key not in known]
        if problems:
            raise BadSettings(problems)
        values = tuple(tuple(item) if isinstance(item, list) else item for item in data.get("values", ()))
        return cls(**{**data, "values": values})

    def to_json(self) -> dict[str, Any]:
        """Only the keys that say something: `{"values": …}` or `{"min": …, "max": …, …}`."""
        if self.values:
            return {"values": [list(item) if isinstance(item, tuple) else item for item in self.values]}
        data: dict[str, Any] = {"min": self.min, "max": self.max, "sampling": self.sampling}
        return data if self.step is None else {**data, "step": self.step}

    def problems(self, name: str) -> list[str]:
        """What is wrong with this dimension of the setting `name`, in sentences."""
        if self.values:
            return [] if self.min is self.max is None else [f"search_space.{name}: give either values or min and max."]
        if self.min is None or self.max is None:
            return [f"search_space.{name}: give values: [...], or min and max."]
        if self.min >= self.max:
            return [f"search_space.{name}: min {self.min} is not below max {self.max}."]
        found = _choice(f"search_space.{name}.sampling", self.sampling, SAMPLINGS)
        if self.sampling == "log" and self.min <= 0:
            found.append(f"search_space.{name}: log sampling needs min above 0, got {self.min}.")
        if self.step is not None and self.step <= (1 if self.sampling == "log" else 0):
            found.append(f"search_space.{name}: step {self.step} is too small (log needs a factor above 1).")
        return found


DEFAULT_SEARCH_SPACE = {
    "learning_rate": SearchDimension(min=3e-4, max=1e-2, sampling="log"),
    "dropout": SearchDimension(min=0.0, max=0.4, step=0.1),
    "embedding_dim": SearchDimension(values=(32, 64, 128)),
}


@dataclasses.dataclass(frozen=True)
class TunerSettings:
    """How the best settings are searched.

    Attributes:
      algorithm: `random`, `bayesian` or `hyperband`.
      max_trials: settings tried (`hyperband` plans its own number from `epochs`).
      epochs: epochs per trial, at most.
      objective: measured on the eval split; one of `OBJECTIVES`, as far as the label kind has it.
      search_space: name of a field of `ModelSettings` or `TrainingSettings` → the values to try.
    """

    algorithm: str = "random"
    max_trials: int = 5
    epochs: int = 2
    objective: str = "val_loss"
    search_space: Mapping[str, SearchDimension] = dataclasses.field(default_factory=lambda: dict(DEFAULT_SEARCH_SPACE))

    def __post_init__(self) -> None:
        problems = [
            *_choice("algorithm", self.algorithm, ALGORITHMS),
            *_whole("max_trials", self.max_trials, 1),
            *_whole("epochs", self.epochs, 1),
            *_choice("objective", self.objective, OBJECTIVES),
        ]
        if not self.search_space:
            problems.append("search_space: empty, there is nothing to search; name at least one setting.")
        for name, dimension in self.search_space.items():
            problems += _dimension_problems(name, dimension)
        _raise_all("tuner", problems)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**own, "search_space": {name: item.to_json() for name, item in self.search_space.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TunerSettings":
        """The inverse of `to_json`; keys that are left out keep their defaults.

        Raises:
          BadSettings: unknown names or bad values.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        problems = [_unknown_name("tuner", name, known) for name in data if name not in known]
        if problems:
            raise BadSettings(problems)
        space = data.get("search_space")
        if space is None:
            return cls(**{key: value for key, value in data.items() if key != "search_space"})
        return cls(
            **{**data, "search_space": {key: SearchDimension.from_json(key, item) for key, item in space.items()}}
        )

    def check_objective(self, kind: LabelKind) -> None:
        """Raises BadSettings if a label of this kind has no such objective."""
        if self.objective not in OBJECTIVES_OF[kind]:
            choices = ", ".join(OBJECTIVES_OF[kind])
            raise BadSettings([f"tuner: objective {self.objective} does not exist for a {kind} label; use: {choices}."])


def tunable_names() -> list[str]:
    """The names a search space may use: every setting except those fixed by the search itself."""
    fields = [*dataclasses.fields(ModelSettings), *dataclasses.fields(TrainingSettings)]
    fixed = {"epochs", "seed", "mixed_precision", "strategy", "checkpoint_steps", "deterministic"}
    return [field.name for field in fields if field.name not in fixed]


def encode_choice(value: Any) -> Any:
    """A choice as keras-tuner can hold it: widths become their JSON text, `(128, 64)` → `"[128, 64]"`."""
    return json.dumps(list(value)) if isinstance(value, (list, tuple)) else value


def apply_hyperparameters(
    model: ModelSettings, training: TrainingSettings, values: Mapping[str, Any]
) -> tuple[ModelSettings, TrainingSettings]:
    """Both settings with the search's values in place of their own.

    Names that start with `tuner/` are keras-tuner's own book-keeping and are passed over.

    Raises:
      BadSettings: a name that is no setting, or a bad value.
    """
    wanted = {name: value for name, value in values.items() if not name.startswith("tuner/")}
    problems = [
        _unknown_name("hyperparameters", name, tunable_names()) for name in wanted if name not in tunable_names()
    ]
    if problems:
        raise BadSettings(problems)
    if isinstance(wanted.get("hidden_units"), str):
        wanted["hidden_units"] = tuple(json.loads(wanted["hidden_units"]))
    of_model = {field.name for field in dataclasses.fields(ModelSettings)}
    return (
        dataclasses.replace(model, **{name: value for name, value in wanted.items() if name in of_model}),
        dataclasses.replace(training, **{name: value for name, value in wanted.items() if name not in of_model}),
    )


def _dimension_problems(name: str, dimension: SearchDimension) -> list[str]:
    """What is wrong with a search dimension, its name and the values it leads to."""
    if name not in tunable_names():
        return [_unknown_name("search_space", name, tunable_names())]
    found = dimension.problems(name)
    if found:
        return found
    if not dimension.values and name in ("hidden_units", "text_tower", "class_weights", "wide"):
        return [f"search_space.{name}: a range makes no sense here; give values: [...]."]
    ends = dimension.values or (dimension.min, dimension.max)
    for value in ends:
        try:
            as_set = int(value) if is_whole(name) and value == int(value) else value
            apply_hyperparameters(ModelSettings(), TrainingSettings(), {name: as_set})
        except BadSettings as error:
            found += [f"search_space.{name}: {problem}" for problem in error.problems]
    return found


def is_whole(name: str) -> bool:
    """True if the setting's values are whole numbers."""
    fields = [*dataclasses.fields(ModelSettings), *dataclasses.fields(TrainingSettings)]
    return any(field.type is int for field in fields if field.name == name)


def _unknown_name(where: str, name: str, known: Iterable[str]) -> str:
    """A sentence on a name nobody knows, with the nearest one."""
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}."
    return f"{where}: unknown name {name!r}; {hint}"


def _choice(name: str, value: Any, choices: Iterable[str]) -> list[str]:
    """A finding if the value is none of the choices."""
    choices = list(choices)
    if value in choices:
        return []
    near = difflib.get_close_matches(str(value), choices, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return [f"{name}: must be one of {', '.join(choices)}; got {value!r}{hint}."]


def _switch(name: str, value: Any) -> list[str]:
    """A finding if the value is neither true nor false."""
    return [] if isinstance(value, bool) else [f"{name}: must be true or false, got {value!r}."]


def _whole(name: str, value: Any, least: int, most: int | None = None) -> list[str]:
    """A finding if the value is no whole number, below `least` or above `most`."""
    is_whole_number = isinstance(value, int) and not isinstance(value, bool)
    if is_whole_number and value >= least and (most is None or value <= most):
        return []
    upper = "" if most is None else f" and at most {most}"
    return [f"{name}: must be a whole number, at least {least}{upper}; got {value!r}."]


def _real(name: str, value: Any, low: float, *, below: float = math.inf, open_low: bool = False) -> list[str]:
    """A finding if the value is no finite number in [low, below), or (low, below) if `open_low`."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if is_number and low <= value < below and not (open_low and value == low):
        return []
    bound = f"above {low:g}" if open_low else f"at least {low:g}"
    upper = "" if below == math.inf else f" and below {below:g}"
    return [f"{name}: must be a number {bound}{upper}; got {value!r}."]


def _raise_all(where: str, problems: list[str]) -> None:
    """Raises BadSettings if there is any finding."""
    if problems:
        raise BadSettings([f"{where}: {problem}" for problem in problems])
