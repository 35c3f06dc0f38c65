"""What changes between a reviewed schema and a proposed one, why, and what accepting it would let through."""

import dataclasses
import enum
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation_gate.policy import DATASET
from pipeline.errors import ConfigError
from pipeline.feature_planning.column_source import nearest
from pipeline.feature_planning.schema_rules import domain_of, is_active
from pipeline.schema_review.edits import drop_feature, find_feature, put_feature
from pipeline.schema_review.evidence import (
    Statistics,
    presence_in_words,
    range_in_words,
    type_in_words,
    value_count_in_words,
    values_in_words,
)
from pipeline.schema_review.words import (
    Interval,
    domain_words,
    feature_words,
    field_words,
    interval_words,
    one_line,
    presence_words,
    values_words,
)


class ChangeKind(enum.StrEnum):
    """The part of the contract that changes."""

    ADDED = "column added"
    REMOVED = "column removed"
    TYPE = "type"
    PRESENCE = "presence"
    VALUE_COUNT = "values per row"
    VALUES_ADDED = "values added"
    VALUES_REMOVED = "values removed"
    RANGE = "range"
    DOMAIN = "domain"
    OTHER = "other setting"


class Effect(enum.StrEnum):
    """What a change does to the contract."""

    LOOSENS = "accepts more"
    TIGHTENS = "accepts less"
    REPLACES = "accepts other data"


@dataclasses.dataclass(frozen=True)
class SchemaChange:
    """One change of one feature.

    Attributes:
      feature: its name; `(dataset)` for what holds for the whole table.
      kind: what changes.
      before: how it was, in words.
      after: how it would be.
      why: what in the run's statistics asks for it.
      effect: whether the contract accepts more or less afterwards.
    """

    feature: str
    kind: ChangeKind
    before: str
    after: str
    why: str
    effect: Effect


@dataclasses.dataclass(frozen=True)
class _Pair:
    """One feature before and after, with what its changes are explained by."""

    name: str
    old: schema_pb2.Feature
    new: schema_pb2.Feature
    old_domain: Any
    new_domain: Any
    statistics: Statistics

    def change(self, kind: ChangeKind, before: str, after: str, why: str, effect: Effect) -> SchemaChange:
        return SchemaChange(self.name, kind, before, after, why, effect)


def diff_schemas(
    reviewed: schema_pb2.Schema, proposed: schema_pb2.Schema, statistics: Statistics
) -> list[SchemaChange]:
    """Every change from the reviewed schema to the proposed one: in the order of the schema, new columns last."""
    names = dict.fromkeys(feature.name for feature in (*reviewed.feature, *proposed.feature))
    changes = [change for name in names for change in _changes_of(name, reviewed, proposed, statistics)]
    before, after = one_line(reviewed.dataset_constraints), one_line(proposed.dataset_constraints)
    if before != after:
        rows = ", ".join(f"{found.datasets[0].num_examples:,} in {split}" for split, found in statistics.items())
        changes.append(SchemaChange(DATASET, ChangeKind.OTHER, before, after, f"rows: {rows}", Effect.REPLACES))
    return changes


def apply_changes(
    reviewed: schema_pb2.Schema, proposed: schema_pb2.Schema, features: Collection[str] | None
) -> schema_pb2.Schema:
    """The reviewed schema with the proposed changes to these features, all of them if `features` is None.

    Features that are not accepted keep their meaning, also where they share a domain with one that is.

    Raises:
      ConfigError: for each name that no change is proposed for, with the nearest that there is.
    """
    if features is None:
        accepted = schema_pb2.Schema()
        accepted.CopyFrom(proposed)
        return accepted
    changed = list(dict.fromkeys(change.feature for change in diff_schemas(reviewed, proposed, {})))
    known = ", ".join(changed) or "none"
    problems = [
        f"There is no change to accept for '{name}'; there are changes for: {known}.{nearest(name, changed)}"
        for name in features
        if name not in changed
    ]
    if problems:
        raise ConfigError(problems)
    return _applied(reviewed, proposed, [name for name in changed if name in features])


def format_changes(changes: Sequence[SchemaChange]) -> list[str]:
    """The changes as plain lines for a terminal, a summary last."""
    if not changes:
        return ["No changes: this run's statistics fit the schema."]
    lines = []
    for change in changes:
        lines += [
            f"{change.feature}: {change.kind} ({change.effect})",
            f"    {change.before} → {change.after}",
            f"    {change.why}",
        ]
    counts = Counter(change.effect for change in changes)
    effects = ", ".join(f"{counts[effect]} {effect}" for effect in Effect if counts[effect])
    return [*lines, f"{len(changes)} change{'s' if len(changes) > 1 else ''}: {effects}."]


def _applied(reviewed: schema_pb2.Schema, proposed: schema_pb2.Schema, names: Sequence[str]) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(reviewed)
    for name in names:
        if name == DATASET:
            result.dataset_constraints.CopyFrom(proposed.dataset_constraints)
        elif find_feature(proposed, name) is None:
            drop_feature(result, name)
        else:
            put_feature(result, proposed, name, together=names)
    return result


def _changes_of(
    name: str, reviewed: schema_pb2.Schema, proposed: schema_pb2.Schema, statistics: Statistics
) -> list[SchemaChange]:
    old, new = find_feature(reviewed, name), find_feature(proposed, name)
    was_there = old is not None and is_active(old)
    is_there = new is not None and is_active(new)
    why = presence_in_words(statistics, name)
    if new is not None and is_there and not was_there:
        before = "not in the schema" if old is None else "no longer in use"
        return [SchemaChange(name, ChangeKind.ADDED, before, feature_words(proposed, new), why, Effect.LOOSENS)]
    if old is not None and was_there and not is_there:
        after = "not in the schema" if new is None else "deprecated"
        return [SchemaChange(name, ChangeKind.REMOVED, feature_words(reviewed, old), after, why, Effect.LOOSENS)]
    if old is None or new is None:
        return []
    pair = _Pair(name, old, new, domain_of(reviewed, old), domain_of(proposed, new), statistics)
    return [change for compare in _COMPARISONS for change in compare(pair)]


def _type_change(pair: _Pair) -> Iterator[SchemaChange]:
    before, after = (schema_pb2.FeatureType.Name(feature.type) for feature in (pair.old, pair.new))
    if before != after:
        why = type_in_words(pair.statistics, pair.name)
        yield pair.change(ChangeKind.TYPE, before, after, why, Effect.REPLACES)


def _presence_change(pair: _Pair) -> Iterator[SchemaChange]:
    before, after = (_presence(feature) for feature in (pair.old, pair.new))
    if before != after:
        falls = [new <= old for old, new in zip(before, after, strict=True)]
        rises = [new >= old for old, new in zip(before, after, strict=True)]
        effect = Effect.LOOSENS if all(falls) else Effect.TIGHTENS if all(rises) else Effect.REPLACES
        why = presence_in_words(pair.statistics, pair.name)
        yield pair.change(ChangeKind.PRESENCE, presence_words(*before), presence_words(*after), why, effect)


def _value_count_change(pair: _Pair) -> Iterator[SchemaChange]:
    before, after = (_value_counts(feature) for feature in (pair.old, pair.new))
    if before != after:
        why = value_count_in_words(pair.statistics, pair.name)
        effect = _interval_effect(before, after)
        yield pair.change(ChangeKind.VALUE_COUNT, interval_words(before), interval_words(after), why, effect)


def _values_change(pair: _Pair) -> Iterator[SchemaChange]:
    if not all(isinstance(domain, schema_pb2.StringDomain) for domain in (pair.old_domain, pair.new_domain)):
        return
    old, new = list(pair.old_domain.value), list(pair.new_domain.value)
    added = [value for value in new if value not in set(old)]
    removed = [value for value in old if value not in set(new)]
    before, after = values_words(old), values_words(new)
    if added:
        why = values_in_words(pair.statistics, pair.name, added)
        yield pair.change(ChangeKind.VALUES_ADDED, before, after, why, Effect.LOOSENS)
    if removed:
        why = values_in_words(pair.statistics, pair.name, removed)
        yield pair.change(ChangeKind.VALUES_REMOVED, before, after, why, Effect.TIGHTENS)


def _range_change(pair: _Pair) -> Iterator[SchemaChange]:
    numeric = (schema_pb2.IntDomain, schema_pb2.FloatDomain)
    if not all(isinstance(domain, numeric) for domain in (pair.old_domain, pair.new_domain)):
        return
    before, after = _limits(pair.old_domain), _limits(pair.new_domain)
    if before != after:
        why, effect = range_in_words(pair.statistics, pair.name), _interval_effect(before, after)
        yield pair.change(ChangeKind.RANGE, interval_words(before), interval_words(after), why, effect)


def _domain_change(pair: _Pair) -> Iterator[SchemaChange]:
    """A domain of another sort, or another setting of the same sort."""
    before, after = _domain_settings(pair.old_domain), _domain_settings(pair.new_domain)
    if before == after:
        return
    effect = Effect.REPLACES
    if pair.new_domain is None:
        effect = Effect.LOOSENS
    elif pair.old_domain is None:
        effect = Effect.TIGHTENS
    why = type_in_words(pair.statistics, pair.name)
    yield pair.change(ChangeKind.DOMAIN, domain_words(pair.old_domain), domain_words(pair.new_domain), why, effect)


def _other_changes(pair: _Pair) -> Iterator[SchemaChange]:
    """Fields of the feature that no other comparison looks at."""
    for field in schema_pb2.Feature.DESCRIPTOR.fields:
        if field.name in _COMPARED or (field.containing_oneof and field.containing_oneof.name == "domain_info"):
            continue
        before, after = (field_words(feature, field.name) for feature in (pair.old, pair.new))
        if before != after:
            why = presence_in_words(pair.statistics, pair.name)
            yield pair.change(ChangeKind.OTHER, before, after, why, Effect.REPLACES)


_COMPARED = frozenset({"name", "type", "presence", "value_count"})
_COMPARISONS: tuple[Callable[[_Pair], Iterator[SchemaChange]], ...] = (
    _type_change,
    _presence_change,
    _value_count_change,
    _values_change,
    _range_change,
    _domain_change,
    _other_changes,
)


def _interval_effect(before: Interval, after: Interval) -> Effect:
    """What replacing one closed interval of allowed numbers by another does."""
    if after[0] <= before[0] and after[1] >= before[1]:
        return Effect.LOOSENS
    if after[0] >= before[0] and after[1] <= before[1]:
        return Effect.TIGHTENS
    return Effect.REPLACES


def _presence(feature: schema_pb2.Feature) -> tuple[float, float]:
    """The least share of rows with a value, and the least number."""
    return feature.presence.min_fraction, float(feature.presence.min_count)


def _value_counts(feature: schema_pb2.Feature) -> Interval:
    count = feature.value_count
    return float(count.min), float(count.max) if count.HasField("max") else math.inf


def _limits(domain: Any) -> Interval:
    low = float(domain.min) if domain.HasField("min") else -math.inf
    return low, float(domain.max) if domain.HasField("max") else math.inf


def _domain_settings(domain: Any) -> str:
    """The domain as text, without what other comparisons look at and without its name."""
    if domain is None:
        return ""
    rest = type(domain)()
    rest.CopyFrom(domain)
    for field in {"name", "value", "min", "max"} & {field.name for field in rest.DESCRIPTOR.fields}:
        rest.ClearField(field)
    return f"{type(domain).__name__} {one_line(rest)}"
