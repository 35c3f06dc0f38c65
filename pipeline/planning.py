"""Answers what the configuration leaves open, before compiling: where the data lies, which column is used how."""

import difflib
import glob
import os
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.profile import TableProfile, profile_table
from components.arrow_example_gen.remote_files import files_at, reached_by
from components.arrow_example_gen.source_files import DATE_SPECS, resolve_input
from components.bias_evaluator.settings import problems_of as bias_problems
from components.evaluator.demands import problems_of
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.errors import BadSettings
from models.tabular_text.features import FeatureKind, FeatureSpec, LabelKind
from pipeline.config import REMOTE, Config
from pipeline.definition import Plan, read_options
from pipeline.errors import ConfigError
from pipeline.feature_planning.column_source import PlanError, nearest
from pipeline.feature_planning.planner import plan_features, plan_notes
from pipeline.input_files import digest_of
from pipeline.places import curated_schema, is_on_s3, place_problems, staged_files
from pipeline.schema_review.files import parse_schema, read_schema
from pipeline.storage.errors import NotReached
from pipeline.storage.reading import S3Files
from pipeline.storage.s3 import read_bytes


def make_plan(config: Config) -> Plan:
    """The plan for this configuration; reads the curated schema, or without one the head of the data.

    Raises:
      ConfigError: listing what the configuration says about columns that do not exist or cannot be used so, settings
        that do not fit the label, and places that the run cannot use.
      BadData: if the data is missing or cannot be read, or has more bad rows than allowed.
    """
    problems = place_problems(config) + _span_problems(config)
    if not _can_be_read(config):
        raise ConfigError(problems + _label_problems(config, config.label.kind))
    with reached_by(S3Files()):
        return _plan(config, problems)


def check_data(config: Config, plan: Plan) -> str | None:
    """Looks whether data that stay on S3 are there, which planning with a curated schema does not need to know.

    Returns:
      Why that could not be looked at, for whoever may start runs and not read data; None if they are there.

    Raises:
      BadData: nothing matches `data.path`.
    """
    if not is_on_s3(config.data.path):
        return None
    try:
        with reached_by(S3Files()):
            resolve_input(plan.input_base, plan.input_pattern, config.data.span)
    except NotReached as error:
        return f"It was not looked whether there are data: {error}"
    return None


def _can_be_read(config: Config) -> bool:
    """True if there is something to read the columns from where the run is to be."""
    places = [place for place in (config.data.path, config.schema_.path) if place is not None and REMOTE in place]
    return not places or (is_on_s3(config.pipeline.root) and all(map(is_on_s3, places)))


def _plan(config: Config, problems: list[str]) -> Plan:
    input_base, input_pattern = split_input_path(config.data.path)
    schema_path = config.schema_.path
    schema = _schema(schema_path) if schema_path else None
    profile = None if schema is not None else _profile(config, input_base, input_pattern)
    features = _features(config, schema, profile, problems)
    if problems or features is None:
        raise ConfigError(problems)
    run_base, staged = staged_files(config, input_base, input_pattern)
    return Plan(
        features=features,
        input_base=run_base,
        input_pattern=input_pattern,
        schema_digest=digest_of([(Path(schema_path).name, curated_schema(schema_path))]) if schema_path else None,
        notes=plan_notes(config, schema=schema, profile=profile),
        staged=staged,
    )


def _span_problems(config: Config) -> list[str]:
    """A span that is asked for where the path has none to choose."""
    data = config.data
    if data.span is None or any(mark in data.path for mark in ("{SPAN", *DATE_SPECS)):
        return []
    return [
        f"data.span is {data.span}, and data.path '{data.path}' has no {{SPAN}} that it could stand for; put {{SPAN}} "
        "(or {YYYY}, {MM} and {DD}) where the path differs from span to span, or take data.span out."
    ]


def _profile(config: Config, input_base: str, input_pattern: str) -> TableProfile:
    rows, span = config.features.profile_rows, config.data.span
    return profile_table(input_base, input_pattern, read_options(config), rows, span)


def _features(
    config: Config, schema: schema_pb2.Schema | None, profile: TableProfile | None, problems: list[str]
) -> FeatureSpec | None:
    """The columns' parts in the model; adds to `problems` what keeps them from it, and what does not fit them."""
    try:
        features = plan_features(config, schema=schema, profile=profile)
    except PlanError as error:
        problems += error.problems + _label_problems(config, config.label.kind)
        return None
    problems += problems_of(features, config.evaluation) + _label_problems(config, features.label.kind)
    problems += _balancing_problems(config.balancing, features) + bias_problems(config.bias, features)
    problems += _distribution_problems(config, features)
    return features


def _distribution_problems(config: Config, features: FeatureSpec) -> list[str]:
    """Columns under `distribution.features` that are not in the data."""
    known = [features.label.name, *(feature.name for feature in features.features)]
    return [
        f"distribution.features names '{name}', and the data has no such column.{nearest(name, known)}"
        for name in config.distribution.features
        if name not in known
    ]


def _label_problems(config: Config, kind: LabelKind | None) -> list[str]:
    """Settings of training and tuning that a label of this kind cannot have; none if the kind is not known."""
    if kind is None:
        return []
    problems = []
    if kind is LabelKind.REGRESSION and config.training.class_weights != "none":
        problems.append(
            f"training.class_weights is {config.training.class_weights}, and the label '{config.label.column}' is a "
            "number (regression), which has no classes to weigh; set it to none."
        )
    if kind is LabelKind.REGRESSION and config.balancing.enabled and config.balancing.by is None:
        problems.append(
            f"balancing.method is {config.balancing.method}, and the label '{config.label.column}' is a number "
            "(regression), which has no classes to balance; set it to none, or balancing.by to a categorical feature."
        )
    if config.tuner.enabled:
        try:
            config.tuner.search.check_objective(kind)
        except BadSettings as error:
            problems += error.problems
    return problems


def _balancing_problems(balancing: BalancingSettings, features: FeatureSpec) -> list[str]:
    """A column to balance by that has no categories after Transform."""
    known = [feature.name for feature in features.of_kind(FeatureKind.CATEGORICAL)]
    if not balancing.enabled or balancing.by is None or balancing.by in known:
        return []
    near = difflib.get_close_matches(balancing.by, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else f" They are: {', '.join(known) or 'none'}."
    if balancing.by == features.label.name:
        hint = " That is the label, which is balanced when balancing.by is not set."
    return [f"balancing.by is '{balancing.by}', which is no categorical feature of the model.{hint}"]


def split_input_path(path: str) -> tuple[str, str]:
    """The folder and the TFX pattern below it that `data.path` means.

    A bracket is part of a name if there is a file or folder of that name, else it begins a choice of characters.

    >>> split_input_path("/data/reviews.tsv")
    ('/data', 'reviews.tsv')
    >>> split_input_path("/data/span-{SPAN}/part-*.csv")
    ('/data', 'span-{SPAN}/part-*.csv')
    """
    parts = path.split("/")
    variable = next((index for index in range(len(parts)) if _is_variable(parts[: index + 1])), None)
    if variable is not None:
        return "/".join(parts[:variable]) or "/", "/".join(parts[variable:])
    if files_at(path).is_dir(path):
        return path.rstrip("/") or "/", "*"
    base, name = os.path.split(path)
    return base or "/", glob.escape(name)


def _is_variable(parts: list[str]) -> bool:
    """True if the last part of a path stands for more than one name."""
    last = parts[-1]
    return any(mark in last for mark in "{*?") or ("[" in last and not _is_there("/".join(parts)))


def _is_there(path: str) -> bool:
    if REMOTE not in path:
        return os.path.lexists(path)
    files = files_at(path)
    return files.is_dir(path) or bool(files.find(glob.escape(path)))


def _schema(path: str) -> schema_pb2.Schema:
    if not is_on_s3(path):
        return read_schema(Path(path))
    try:
        return parse_schema(read_bytes(path).decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text (byte {error.start}); a schema file is a text proto."]) from error
