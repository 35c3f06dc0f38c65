"""Which rows are positive, and which are in a facet: columns of Arrow into yes, no, or nothing. pyarrow only."""

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from components.bias_evaluator.settings import BiasSettings, Facet, Value
from models.tabular_text.features import Label, LabelKind


@dataclasses.dataclass(frozen=True)
class Positive:
    """What counts as a positive label.

    Attributes:
      values: one of these; numbers are compared as numbers, all else as text.
      above: a greater number.
    """

    values: tuple[Value, ...] = ()
    above: float | None = None

    def words(self) -> str:
        """Such as `4 or 5`, `above 10`."""
        return f"above {self.above:g}" if self.above is not None else " or ".join(map(str, self.values))

    def of(self, column: pa.Array) -> pa.Array:
        """True, False, or null where the column is."""
        if self.above is not None:
            return pc.greater(column.cast(pa.float64()), self.above)
        return is_one_of(column, self.values)


def positive_of(settings: BiasSettings, label: Label, classes: tuple[str, ...]) -> Positive:
    """The rule for this label; without `positive_values` the second of two classes is positive.

    Raises:
      ValueError: a positive value is no class of the model, or the model does not say its classes.
    """
    if label.kind is LabelKind.REGRESSION:
        return Positive(above=settings.positive_above)
    if settings.positive_values:
        unknown = [value for value in settings.positive_values if not _names(classes, value)]
        if unknown:
            raise ValueError(
                f"bias.positive_values: the model knows no class {', '.join(map(repr, unknown))}. Its classes are "
                f"{', '.join(classes) or 'not said'}."
            )
        return Positive(settings.positive_values)
    if len(classes) != 2:
        raise ValueError(f"bias.positive_values is empty and the model has {len(classes)} classes: list the positive.")
    return Positive((classes[1],))


def predicted_positive(scores: pa.ChunkedArray, positive: Positive, classes: tuple[str, ...]) -> pa.Array:
    """Whether each row's likeliest class, or predicted number, is positive.

    Args:
      scores: as in `PREDICTIONS_SCHEMA`: one score a class, the probability of class 1 of 2, or a number.
      positive: the rule.
      classes: the model's, in the order of the scores; empty for a regression.
    """
    column = scores.combine_chunks()
    values = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    if positive.above is not None:
        return pa.array(values[:, 0] > positive.above)
    chosen = (values[:, 0] > 0.5).astype(int) if values.shape[1] == 1 else values.argmax(axis=1)
    return is_one_of(pa.array(classes, pa.string()).take(pa.array(chosen)), positive.values)


def facet_of(column: pa.Array, facet: Facet) -> pa.Array:
    """Facet d's rows as `d`, others as `a`, null where the column is; each value as text if the facet is of each."""
    if facet.above is not None:
        inside = pc.greater(column.cast(pa.float64()), facet.above)
    elif facet.values:
        inside = is_one_of(column, facet.values)
    else:
        return as_text(column)
    return pc.if_else(inside, "d", "a")


def as_text(column: pa.Array) -> pa.Array:
    """The values as texts; bytes that are no UTF-8 become backslash escapes."""
    if pa.types.is_large_binary(column.type) or pa.types.is_binary(column.type):
        texts = [None if item is None else item.decode("utf-8", "backslashreplace") for item in column.to_pylist()]
        return pa.array(texts, pa.string())
    return column.cast(pa.string())


def is_one_of(column: pa.Array, values: tuple[Value, ...]) -> pa.Array:
    """True where the column has one of the values, null where it is null."""
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.bool_())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = [number for number in map(_number, values) if number is not None]
        wide = column.cast(pa.float64())
        # Numbers of float32 columns are not those that the configuration writes: 0.1 there is 0.1 here.
        known = pa.array(numbers, pa.float64())
        if pa.types.is_float32(column.type):
            known = known.cast(pa.float32()).cast(pa.float64())
        found = pc.is_in(wide, known)
    else:
        texts = as_text(column)
        kept = texts.unique().to_pylist()
        found = pc.is_in(
            texts, pa.array([item for item in kept if item is not None and _is(item, values)], pa.string())
        )
    return pc.if_else(column.is_valid(), found, pa.scalar(None, pa.bool_()))


def _names(classes: tuple[str, ...], value: Value) -> bool:
    return any(_is(name, (value,)) for name in classes)


def _is(text: str, values: tuple[Value, ...]) -> bool:
    """True if the text is one of the values, or the same number."""
    number = _number(text)
    return any(text == str(value) or (number is not None and number == _number(value)) for value in values)


def _number(value: Value) -> float | None:
    """The number, None if it is none."""
    try:
        return float(value)
    except ValueError:
        return None
