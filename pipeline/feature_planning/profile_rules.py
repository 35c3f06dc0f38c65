"""How columns are used when there is no curated schema: rules over a profile of the data. Pure, reads nothing.

Every rule is stated in words in `Feature.reason`, with the numbers that decided. The rules ask first what a column
cannot teach (nothing in it, one value, a number of its own in every row), then what it holds.
"""

import dataclasses
import functools
import re

from components.arrow_example_gen.profile import ColumnProfile, TableProfile
from models.tabular_text.features import DType, Feature, FeatureKind, Label, LabelKind
from pipeline.feature_planning.column_source import PlanError, type_objection

ROWS_PER_CATEGORY = 5
"""A value must come back this often, on average, before anything can be learned about it."""

IDENTIFIER_SHARE = 0.9
"""Distinct values per row with a value from which one-word strings are identifiers."""

SHORT_LIST = 50
"""Up to this many distinct values, a string column is a list of choices even if each has many words."""

WORDS_OF_TEXT = 3
"""Words per value, on average, from which a string column with many values is text."""

MAX_STRING_CLASSES = 100
"""String labels with more distinct values than this are taken for text or identifiers."""

_IDENTIFIER_WORDS = frozenset({"id", "uuid", "guid", "pk", "rowid"})
_ROW_NUMBER_WORDS = frozenset({"index", "idx", "row", "unnamed", "rownum"})
_WORDS_IN_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_LIST = "a list per row; lists are not used"

_Verdict = tuple[FeatureKind, str]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Where the user draws the lines.

    Attributes:
      vocabulary: values kept per categorical column; string identifiers have more.
      int_categories: distinct integers up to which an integer column is a code, and a label a class.
    """

    vocabulary: int = 1_000
    int_categories: int = 20


class ProfiledColumns:
    """The columns of a profiled table: a `ColumnSource`."""

    called = "the data"

    def __init__(self, profile: TableProfile, limits: Limits) -> None:
        self._profile = profile
        self._limits = limits
        self._columns = {column.name: column for column in profile.columns}

    @functools.cached_property
    def features(self) -> tuple[Feature, ...]:
        """Every column as the rules see it."""
        return tuple(feature_of(column, self._limits, self._profile.complete) for column in self._profile.columns)

    def objection(self, name: str, kind: FeatureKind) -> str | None:
        """Why the values that were seen rule this kind out, if they do."""
        column = self._columns[name]
        if kind is FeatureKind.IGNORED:
            return None
        if column.is_list:
            return f"holds {_LIST}"
        if not column.distinct:
            return f"has no value in any of {column.rows:,} rows"
        if (wrong_type := type_objection(column.dtype, kind)) is not None:
            return f"{wrong_type}; data.column_types can have it read as another type"
        if kind is FeatureKind.DATE and not column.iso_dates:
            return "holds values that are not ISO 8601 dates (such as 2024-02-29)"
        return None

    def label(self, name: str, kind: LabelKind | None) -> Label:
        """The label by the values that were seen; raises PlanError."""
        return label_of(self._columns[name], kind, self._limits)

    def problems(self) -> list[str]:
        """None of its own: a table that cannot be profiled is refused where it is read."""
        return []

    def notes(self, label: str) -> list[str]:
        """What the numbers behind the plan leave open."""
        del label
        found = []
        rows, bad = self._profile.rows, self._profile.rows_bad
        if bad:
            found.append(
                f"{bad:,} of {rows + bad:,} rows that were read cannot be used (a wrong number of fields, a value of "
                "another type, no label); ArrowExampleGen sets them aside with their reasons (data.on_bad_rows: "
                "quarantine)."
            )
        if not self._profile.complete:
            found.append(
                f"The columns were judged by the first {self._profile.rows:,} rows (features.profile_rows); a curated "
                "schema (penstock schema accept) would settle them."
            )
        return found


def feature_of(column: ColumnProfile, limits: Limits, is_complete: bool = True) -> Feature:
    """The column, used as the rules say.

    Without a schema a column counts as required only if the whole table was seen to have a value in every row.
    """
    rule = _string_rule if column.dtype is DType.STRING else _number_rule
    kind, reason = _useless_rule(column) or rule(column, limits)
    return Feature(
        name=column.name,
        kind=kind,
        dtype=column.dtype,
        required=is_complete and column.rows > 0 and column.nulls == 0,
        cardinality=column.distinct if column.distinct_is_exact and column.distinct else None,
        reason=reason,
    )


def _useless_rule(column: ColumnProfile) -> _Verdict | None:
    if column.is_list:
        return FeatureKind.IGNORED, _LIST
    if not column.distinct:
        return FeatureKind.IGNORED, f"no value in {column.rows:,} rows"
    if column.distinct == 1:
        return FeatureKind.IGNORED, f"the same value in all {_filled(column):,} rows that have one"
    return None


def _string_rule(column: ColumnProfile, limits: Limits) -> _Verdict:
    filled, seen = _filled(column), _seen(column)
    is_repeated = filled >= ROWS_PER_CATEGORY * column.distinct
    if column.iso_dates:
        return FeatureKind.DATE, f"ISO 8601 dates, {seen}"
    if _ends_in(column.name, _IDENTIFIER_WORDS) and (column.distinct > limits.vocabulary or not is_repeated):
        return FeatureKind.IGNORED, f"identifier by its name, {seen}"
    if column.mean_words >= WORDS_OF_TEXT and not (is_repeated and column.distinct <= SHORT_LIST):
        return FeatureKind.TEXT, f"{column.mean_words:.1f} words per value, {seen}"
    if is_repeated:
        kept = f"; the {limits.vocabulary:,} most frequent are kept" if column.distinct > limits.vocabulary else ""
        return FeatureKind.CATEGORICAL, f"{seen}{kept}"
    return _rare_string_rule(column, seen)


def _rare_string_rule(column: ColumnProfile, seen: str) -> _Verdict:
    """Strings of one or two words that seldom come back."""
    if column.mean_words >= 2:
        return FeatureKind.TEXT, f"{column.mean_words:.1f} words per value, {seen}"
    if column.distinct >= IDENTIFIER_SHARE * _filled(column):
        return FeatureKind.IGNORED, f"identifier: {seen}"
    if column.distinct <= SHORT_LIST:
        return FeatureKind.CATEGORICAL, seen
    return FeatureKind.IGNORED, f"too few rows per value to learn from: {seen}"


def _number_rule(column: ColumnProfile, limits: Limits) -> _Verdict:
    seen = _seen(column)
    if column.dtype is DType.FLOAT32:
        return FeatureKind.NUMERIC, f"numbers with fractions, {seen}"
    is_unique = column.distinct_is_exact and column.distinct == _filled(column)
    if _ends_in(column.name, _IDENTIFIER_WORDS) and (is_unique or column.distinct > limits.int_categories):
        return FeatureKind.IGNORED, f"identifier by its name, {seen}"
    if is_unique and _ends_in(column.name, _ROW_NUMBER_WORDS):
        return FeatureKind.IGNORED, f"row number by its name, {seen}"
    if _are_codes(column, limits):
        return FeatureKind.CATEGORICAL, f"integer code, {seen}"
    return FeatureKind.NUMERIC, f"integers, {seen}"


def label_of(column: ColumnProfile, kind: LabelKind | None, limits: Limits) -> Label:
    """The label, of the given kind or of the one that its values call for.

    Raises:
      PlanError: if there is nothing to learn in the column, or not as `kind`.
    """
    name, seen = f"The label '{column.name}'", _seen(column)
    if column.is_list:
        raise PlanError([f"{name} holds several values in a row; it has to hold one. Name another label.column."])
    if not column.distinct:
        raise PlanError([f"{name} has no value in any of {column.rows:,} rows. Name another label.column."])
    if column.distinct == 1:
        value = f" {column.values[0]!r}" if column.values else ""
        raise PlanError([f"{name} has the same value{value} in every row: there is nothing to learn."])
    if kind is None:
        return Label(column.name, _label_kind(column, limits), column.dtype, f"{seen}{_examples(column)}")
    if (problem := _label_objection(column, kind, limits)) is not None:
        raise PlanError([f"{name} cannot be {kind} (label.kind): it {problem}."])
    return Label(column.name, kind, column.dtype, f"set by label.kind; {seen}{_examples(column)}")


def _label_kind(column: ColumnProfile, limits: Limits) -> LabelKind:
    if column.dtype is DType.STRING:
        if column.distinct > MAX_STRING_CLASSES or (column.distinct > 2 and 2 * column.distinct > _filled(column)):
            raise PlanError(
                [
                    f"The label '{column.name}' holds strings with {_seen(column)}, as text or an identifier would. "
                    "Name another label.column, or set label.kind: multiclass if each value is a class."
                ]
            )
        return LabelKind.BINARY if column.distinct == 2 else LabelKind.MULTICLASS
    if column.distinct == 2 and all(float(value).is_integer() for value in column.values):
        return LabelKind.BINARY
    if column.dtype is DType.INT64 and _are_codes(column, limits):
        return LabelKind.MULTICLASS
    return LabelKind.REGRESSION


def _label_objection(column: ColumnProfile, kind: LabelKind, limits: Limits) -> str | None:
    """Why the values rule this kind of label out, as the end of a sentence; None if they do not."""
    if kind is LabelKind.REGRESSION:
        return "holds strings, which are no numbers to predict" if column.dtype is DType.STRING else None
    if kind is LabelKind.BINARY:
        return None if column.distinct == 2 else f"has {_seen(column)}, not two"
    if column.distinct > limits.vocabulary:
        return f"has {_seen(column)}; a class for each is more than {limits.vocabulary:,}"
    if column.dtype is DType.FLOAT32 and not all(float(value).is_integer() for value in column.values or ("nan",)):
        return f"holds numbers with fractions, {_seen(column)}, which are no classes"
    return None


def _are_codes(column: ColumnProfile, limits: Limits) -> bool:
    """True for integers with few values that come back often."""
    return column.distinct <= limits.int_categories and _filled(column) >= ROWS_PER_CATEGORY * column.distinct


def _filled(column: ColumnProfile) -> int:
    return column.rows - column.nulls


def _seen(column: ColumnProfile) -> str:
    at_least = "" if column.distinct_is_exact else "at least "
    missing = f" ({column.nulls:,} without one)" if column.nulls else ""
    return f"{at_least}{column.distinct:,} distinct values in {column.rows:,} rows{missing}"


def _examples(column: ColumnProfile) -> str:
    shown = ", ".join(column.values[:5])
    return f": {shown}{', …' if len(column.values) > 5 else ''}" if shown else ""


def _ends_in(name: str, words: frozenset[str]) -> bool:
    """True if the last word of a column's name is one of `words`; an underscore or a capital starts a word."""
    found = _WORDS_IN_NAME.findall(name)
    return bool(found) and found[-1].lower() in words
