"""Decides how every column enters the model: `plan_features`, before anything is compiled or run.

The columns come from the curated schema, or without one from a profile of the data; the configuration overrides
either. Pure: it is given what was read. No TensorFlow: the command line prints the plan.
"""

import dataclasses
from collections.abc import Sequence

from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.delimited import separator_hint
from components.arrow_example_gen.profile import TableProfile
from models.tabular_text.features import Feature, FeatureKind, FeatureSpec, Label
from pipeline.config import Config, FeaturesSection
from pipeline.feature_planning.column_source import ColumnSource, PlanError, nearest
from pipeline.feature_planning.profile_rules import Limits, ProfiledColumns
from pipeline.feature_planning.schema_rules import SchemaColumns


def plan_features(
    config: Config, *, schema: schema_pb2.Schema | None = None, profile: TableProfile | None = None
) -> FeatureSpec:
    """Every column's part in the model: by the schema if there is one, else by the profile, then as configured.

    Raises:
      PlanError: listing every column that the configuration names and nobody knows, every use that a column's
        values forbid, and what is wrong with the label.
    """
    source = _source(config, schema, profile)
    settings = config.features
    columns = {feature.name: feature for feature in source.features}
    label_name = config.label.column
    problems = [*source.problems(), *_name_problems(settings, columns, label_name, source.called)]
    if schema is None:  # a schema need not know every column of the data
        problems += _data_name_problems(config, columns)
    problems += _contradictions(settings) + _type_conflicts(config, columns, schema)
    label = _label(config, source, columns, problems)
    features = [
        _configured(feature, settings, source, problems) for name, feature in columns.items() if name != label_name
    ]
    if not problems and all(feature.kind is FeatureKind.IGNORED for feature in features):
        problems.append(_nothing_left(features, source.called))
    if problems or label is None:
        raise PlanError(problems)
    return FeatureSpec(
        label=label,
        features=tuple(features),
        max_tokens=settings.max_tokens,
        text_vocabulary_size=settings.text_vocabulary_size,
        categorical_vocabulary_size=settings.categorical_vocabulary_size,
        oov_buckets=settings.oov_buckets,
    )


def plan_notes(
    config: Config, *, schema: schema_pb2.Schema | None = None, profile: TableProfile | None = None
) -> tuple[str, ...]:
    """What the user should know about a plan that `plan_features` made of the same arguments, one sentence each."""
    return tuple(_source(config, schema, profile).notes(config.label.column))


def describe_plan(spec: FeatureSpec) -> list[tuple[str, ...]]:
    """The plan as a table of plain text: a header, the label, then the columns in their order."""
    label = (spec.label.name, str(spec.label.dtype), f"label: {spec.label.kind}", "yes", "", spec.label.reason)
    return [
        ("column", "type", "kind", "required", "distinct", "why"),
        label,
        *(
            (
                feature.name,
                str(feature.dtype),
                str(feature.kind),
                "yes" if feature.required else "no",
                "" if feature.cardinality is None else f"{feature.cardinality:,}",
                feature.reason,
            )
            for feature in spec.features
        ),
    ]


def _source(config: Config, schema: schema_pb2.Schema | None, profile: TableProfile | None) -> ColumnSource:
    vocabulary = config.features.categorical_vocabulary_size
    if schema is not None:
        return SchemaColumns(schema, vocabulary)
    if profile is None:
        raise TypeError("plan_features needs a schema or a profile")
    return ProfiledColumns(profile, Limits(vocabulary, config.features.max_int_categories))


def _name_problems(settings: FeaturesSection, columns: dict[str, Feature], label_name: str, called: str) -> list[str]:
    """Columns that the configuration names and that do not exist, or that are the label."""
    named = [
        *(("features.kinds", name) for name in settings.kinds),
        *(("features.include", name) for name in settings.include or ()),
        *(("features.exclude", name) for name in settings.exclude),
    ]
    others = [name for name in columns if name != label_name]
    unknown = [
        f"{key} names '{name}', and {called} has no such column.{nearest(name, others)}"
        for key, name in named
        if name not in columns
    ]
    return unknown + [
        f"{key} names '{name}', which is the label; take it out there or choose another label.column."
        for key, name in named
        if name == label_name and name in columns
    ]


def _data_name_problems(config: Config, columns: dict[str, Feature]) -> list[str]:
    """Columns that the data section names and that are not in the data."""
    split_by = config.data.split_by
    named = [
        *(("data.split_by", name) for name in (split_by,) if name is not None),
        *(("data.column_types", name) for name in config.data.column_types),
    ]
    return [
        f"{key} names '{name}', and the data has no such column.{nearest(name, columns)}"
        for key, name in named
        if name not in columns
    ]


def _contradictions(settings: FeaturesSection) -> list[str]:
    """Columns that the configuration both uses and leaves out."""
    wanted = {name for name, kind in settings.kinds.items() if kind is not FeatureKind.IGNORED}
    included = set(settings.include or ())
    excluded = set(settings.exclude)
    problems = [
        f"features.exclude leaves out '{name}', and features.{key} uses it; keep one of the two."
        for key, names in (("include", included), ("kinds", wanted))
        for name in sorted(names & excluded)
    ]
    if settings.include is not None:
        problems += [
            f"features.kinds uses '{name}', and features.include does not list it; add it there."
            for name in sorted(wanted - included - excluded)
        ]
    return problems


def _type_conflicts(config: Config, columns: dict[str, Feature], schema: schema_pb2.Schema | None) -> list[str]:
    if schema is None:  # the profile was read with the declared types
        return []
    return [
        f"data.column_types reads '{name}' as {dtype}, and the schema says {columns[name].dtype}; make them agree."
        for name, dtype in config.data.column_types.items()
        if name in columns and columns[name].dtype is not dtype
    ]


def _label(config: Config, source: ColumnSource, columns: dict[str, Feature], problems: list[str]) -> Label | None:
    """The label; None with the reason added to `problems` if there is none."""
    name = config.label.column
    if name not in columns:
        hint = nearest(name, columns) + separator_hint(columns)
        problems.append(f"label.column is '{name}', and {source.called} has no such column.{hint}")
        return None
    try:
        return source.label(name, config.label.kind)
    except PlanError as error:
        problems += error.problems
        return None


def _configured(feature: Feature, settings: FeaturesSection, source: ColumnSource, problems: list[str]) -> Feature:
    """The feature as the configuration has it; what makes that impossible is added to `problems`."""
    name = feature.name
    if name in settings.exclude:
        return _as(feature, FeatureKind.IGNORED, "left out by features.exclude")
    if settings.include is not None and name not in settings.include:
        return _as(feature, FeatureKind.IGNORED, "not in features.include")
    if name not in settings.kinds:
        if settings.include is not None and feature.kind is FeatureKind.IGNORED:
            problems.append(
                f"features.include asks for '{name}', which would be ignored ({feature.reason}). "
                f"Say how to use it in features.kinds, or take it out."
            )
        return feature
    kind = settings.kinds[name]
    objection = source.objection(name, kind)
    if objection is not None:
        problems.append(f"features.kinds: '{name}' cannot be {kind}: it {objection}.")
    return _as(feature, kind, f"set by features.kinds; without it {feature.kind} ({feature.reason})")


def _as(feature: Feature, kind: FeatureKind, reason: str) -> Feature:
    return dataclasses.replace(feature, kind=kind, reason=reason)


def _nothing_left(features: Sequence[Feature], called: str) -> str:
    if not features:
        return f"There is nothing to learn from: {called} has no column but the label."
    why = "; ".join(f"{feature.name}: {feature.reason}" for feature in features)
    return f"There is nothing to learn from: every column is ignored ({why}). Use one with features.kinds."
