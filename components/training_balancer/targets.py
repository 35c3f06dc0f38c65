"""How many training rows of each class there are to be, and what was done, in numbers. Pure."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from components.errors import BadData
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.class_weights import balanced_weights

FORMAT = 1
"""Of `Balance.to_json`."""


@dataclasses.dataclass(frozen=True)
class ClassBalance:
    """One class before and after.

    Attributes:
      name: the class.
      before: its training rows.
      after: its training rows afterwards, copies counted.
      weight: of each of its rows in the loss.
      share_before: of all training rows with a class.
      share_after: of the weight of all of them afterwards: what the model takes for the class's prior.
      correction: share_before / share_after. The model's probabilities times these, scaled to sum to 1, are those that
        hold before balancing (Saerens, Latinne, Decaestecker: Adjusting the outputs of a classifier to new a priori
        probabilities, 2002, equation 2.4). None for a class without a row.
    """

    name: str
    before: int
    after: int
    weight: float
    share_before: float
    share_after: float
    correction: float | None


@dataclasses.dataclass(frozen=True)
class Balance:
    """What was done to the training split.

    Attributes:
      settings: what was asked for.
      column: whose values are balanced.
      classes: in the order of the transformed column's ids.
      unclassed: rows without a class (no label, or a value outside the vocabulary), which stay as they are.
      warnings: what falls short of what was asked for, one sentence each.
    """

    settings: BalancingSettings
    column: str
    classes: tuple[ClassBalance, ...]
    unclassed: int
    warnings: tuple[str, ...] = ()

    @property
    def rows_before(self) -> int:
        """All training rows."""
        return sum(item.before for item in self.classes) + self.unclassed

    @property
    def rows_after(self) -> int:
        """All training rows afterwards, copies counted."""
        return sum(item.after for item in self.classes) + self.unclassed

    def to_json(self) -> dict[str, Any]:
        """The document `balance.json`."""
        return {
            "format": FORMAT,
            "split": "train",
            "settings": self.settings.to_json(),
            "column": self.column,
            "rows_before": self.rows_before,
            "rows_after": self.rows_after,
            "rows_without_class": self.unclassed,
            "classes": [dataclasses.asdict(item) for item in self.classes],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Balance":
        """The inverse of `to_json`.

        Raises:
          ValueError: of another format.
        """
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r} instead of {FORMAT}")
        return cls(
            BalancingSettings.from_json(data["settings"]),
            data["column"],
            tuple(ClassBalance(**item) for item in data["classes"]),
            data["rows_without_class"],
            tuple(data["warnings"]),
        )


def balance_of(counts: Mapping[str, int], unclassed: int, column: str, settings: BalancingSettings) -> Balance:
    """What is to be done with so many training rows of each class.

    Args:
      counts: rows by class, in the order of the ids.
      unclassed: rows without a class.
      column: whose values the classes are.
      settings: what is asked for.

    Raises:
      BadData: fewer than two classes have rows, or one is too small to cut the others down to.
    """
    present = {name: count for name, count in counts.items() if count}
    if len(present) < 2:
        raise BadData(_nothing_to_balance(present, unclassed, column))
    if settings.method == "downsample":
        _refuse_small_classes(present, column, settings)
    after = {name: _rows_after(count, list(present.values()), settings) for name, count in counts.items()}
    weights = dict.fromkeys(counts, 1.0)
    if settings.method == "class_weights":
        found = balanced_weights(list(counts.values()), settings.target, settings.max_factor)
        weights = dict(zip(counts, found, strict=True))
    classes = _classes(counts, after, weights)
    return Balance(settings, column, classes, unclassed, tuple(_warnings(classes, column, settings)))


def _rows_after(count: int, present: Sequence[int], settings: BalancingSettings) -> int:
    """Rows of a class afterwards; the rounding keeps the rarest class at the target or above it."""
    target = Fraction(str(settings.target))
    if settings.method == "downsample":
        return min(count, math.floor(min(present) / target))
    if settings.method == "upsample" and count:
        wanted = max(count, math.ceil(target * max(present)))
        return min(wanted, math.floor(count * Fraction(str(settings.max_factor))))
    return count


def _classes(
    counts: Mapping[str, int], after: Mapping[str, int], weights: Mapping[str, float]
) -> tuple[ClassBalance, ...]:
    total = sum(counts.values())
    total_weight = sum(after[name] * weights[name] for name in counts)
    found = []
    for name, count in counts.items():
        share_before, share_after = count / total, after[name] * weights[name] / total_weight
        correction = share_before / share_after if count else None
        found.append(ClassBalance(name, count, after[name], weights[name], share_before, share_after, correction))
    return tuple(found)


def _warnings(classes: Sequence[ClassBalance], column: str, settings: BalancingSettings) -> list[str]:
    """One sentence on each class that is absent, small, or short of the target."""
    most = max(item.share_after for item in classes)
    told = []
    for item in classes:
        if not item.before:
            told.append(f"'{column}' = '{item.name}' has no training row, so no balancing can bring it back.")
        elif item.before < settings.min_class_rows:
            rows = "1 training row" if item.before == 1 else f"{item.before:,} training rows"
            told.append(
                f"'{column}' = '{item.name}' has only {rows}: what the model learns of it is learnt from those alone. "
                "Collect more, or join it with another class."
            )
        if item.before and item.share_after < settings.target * most * (1 - 1e-9):
            told.append(
                f"'{column}' = '{item.name}' reaches {item.share_after / most:.3g} of the most frequent class instead "
                f"of {settings.target:g}: balancing.max_factor allows {settings.max_factor:g} times its "
                f"{item.before:,} rows. Raise it, or collect more rows."
            )
    return told


def _nothing_to_balance(present: Mapping[str, int], unclassed: int, column: str) -> str:
    seen = f"only '{next(iter(present))}'" if present else "no value"
    return (
        f"TrainingBalancer: column '{column}' has {seen} in the train split "
        f"({sum(present.values()) + unclassed:,} rows), and balancing needs two values. Check the column and how rows "
        "are split, or set balancing.method to none."
    )


def _refuse_small_classes(present: Mapping[str, int], column: str, settings: BalancingSettings) -> None:
    small = {name: count for name, count in present.items() if count < settings.min_class_rows}
    if not small:
        return
    cap = math.floor(min(present.values()) / Fraction(str(settings.target)))
    shown = ", ".join(f"'{name}' ({count:,})" for name, count in list(small.items())[:5])
    raise BadData(
        f"TrainingBalancer: downsample would cut every value of '{column}' to at most {cap:,} of "
        f"{sum(present.values()):,} training rows, because some have fewer than balancing.min_class_rows = "
        f"{settings.min_class_rows}: {shown}{', …' if len(small) > 5 else ''}. Set balancing.method to upsample or "
        "class_weights, join the rare values with others, or lower min_class_rows."
    )
