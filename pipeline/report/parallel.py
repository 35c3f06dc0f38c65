"""Trials of a search as parallel coordinates: one axis a hyperparameter, one line a trial, the objective last."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

from markupsafe import Markup

from pipeline.report.scales import Linear, extent
from pipeline.report.tags import drawing, join, label, mark, path, tag
from pipeline.report.text import middle, number

_STEP, _HEIGHT, _TOP, _FLOOR = 118.0, 250.0, 40.0, 226.0
_SIDE = 54.0

Value = float | int | str | bool | None


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial: its values by hyperparameter, and what it reached (None if it failed)."""

    name: str
    values: Mapping[str, Value]
    objective: float | None


def parallel_coordinates(
    trials: Sequence[Trial], *, objective: str, larger_is_better: bool, logarithmic: Collection[str] = ()
) -> Markup:
    """The trials over the hyperparameters that they differ in; better ones are darker, the best is drawn thick.

    Axes named in `logarithmic` are drawn so, if all their values are above zero.
    """
    names = [name for name in _names(trials) if len({_key(trial.values.get(name)) for trial in trials}) > 1]
    axes = [
        _Axis(
            name, [trial.values.get(name) for trial in trials], _SIDE + index * _STEP, logarithmic=name in logarithmic
        )
        for index, name in enumerate(names)
    ]
    axes.append(_Axis(objective, [trial.objective for trial in trials], _SIDE + len(names) * _STEP))
    ranked = sorted(
        (trial for trial in trials if _finite(trial.objective) is not None),
        key=lambda trial: trial.objective or 0.0,
        reverse=not larger_is_better,
    )
    lines = [_line(trial, axes, rank, len(ranked)) for rank, trial in enumerate(ranked)]
    return drawing(
        *(mark("line", x1=axis.x, x2=axis.x, y1=_TOP, y2=_FLOOR, class_="pn-axis") for axis in axes),
        *lines,
        *(axis.words_beside() for axis in axes[:-1]),
        axes[-1].words_beside(at_right=True, best=ranked[-1].objective if ranked else None),
        width=2 * _SIDE + len(names) * _STEP,
        height=_HEIGHT,
        title=f"{len(trials)} trials by {objective}",
        description=_in_words(ranked, objective),
    )


class _Axis:
    """One vertical axis: numbers on a scale, anything else at places of its own."""

    def __init__(self, name: str, values: Sequence[Value], x: float, *, logarithmic: bool = False) -> None:
        self.name, self.x = name, x
        self.is_numeric = all(_is_number(value) or value is None for value in values)
        self.ends = extent([_finite(value) for value in values]) or (0.0, 1.0)
        self.is_logarithmic = logarithmic and self.ends[0] > 0
        self.scale = Linear(self._along(self.ends[0]), self._along(self.ends[1]), _FLOOR, _TOP)
        self.words = sorted({_key(value) for value in values})

    def place(self, value: Value) -> float | None:
        """Where the value is, None if it has no place on this axis."""
        if not self.is_numeric:
            return self._word_place(_key(value))
        finite = _finite(value)
        return None if finite is None else self.scale(self._along(finite))

    def words_beside(self, *, at_right: bool = False, best: float | None = None) -> Markup:
        """Its name above, and values at its side; the best one is named."""
        ends = sorted(set(self.ends)) if self.is_numeric else []
        told = [(f"{number(end)}{' (best)' if end == best else ''}", self.scale(self._along(end))) for end in ends]
        told += [] if self.is_numeric else [(middle(word, 12), self._word_place(word)) for word in self.words]
        name = tag("title", self.name), middle(self.name, 18)
        head = tag("text", *name, x=self.x, y=18, text_anchor="middle", class_="pn-label")
        kind = label("logarithmic", self.x, 31, anchor="middle", class_="pn-tick") if self.is_logarithmic else None
        beside, anchor = (self.x + 8, "start") if at_right else (self.x - 6, "end")
        return join([head, kind, *(label(text, beside, y + 4, anchor=anchor, class_="pn-tick") for text, y in told)])

    def _along(self, value: float) -> float:
        return math.log10(value) if self.is_logarithmic else value

    def _word_place(self, word: str) -> float:
        return Linear(0, max(len(self.words) - 1, 1), _FLOOR, _TOP)(self.words.index(word))


def _line(trial: Trial, axes: Sequence[_Axis], rank: int, trials: int) -> Markup:
    values = [trial.values.get(axis.name) for axis in axes[:-1]]
    places = [(axis.x, axis.place(value)) for axis, value in zip(axes, [*values, trial.objective], strict=True)]
    points = [(x, y) for x, y in places if y is not None]
    is_best = rank == trials - 1
    said = f"{trial.name}: {axes[-1].name} {number(trial.objective)}{' (best)' if is_best else ''}"
    strength = 0.25 + 0.6 * rank / max(trials - 1, 1)
    shape = tag("path", tag("title", said), d=path(points), class_=f"pn-trial{' pn-best' if is_best else ''}")
    return tag("g", shape, opacity=1.0 if is_best else strength)


def _names(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(name for trial in trials for name in trial.values))


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: Value) -> float | None:
    """The number, None if it is none or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _key(value: Value) -> str:
    return "none" if value is None else str(value)


def _in_words(ranked: Sequence[Trial], objective: str) -> str:
    if not ranked:
        return "No trial reached an objective"
    best = ranked[-1]
    values = ", ".join(f"{name} {value}" for name, value in best.values.items())
    return f"The best, {best.name}, reached {objective} {number(best.objective)} with {values}"
