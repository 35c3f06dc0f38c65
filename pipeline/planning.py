"""Answers what the configuration leaves open, before compiling: where the data lies, which column is used how."""

import hashlib
import os
from pathlib import Path

import models.tabular_text
from components.arrow_example_gen.profile import TableProfile, profile_table
from components.evaluator.demands import problems_of
from pipeline.config import Config
from pipeline.definition import Plan, read_options
from pipeline.errors import ConfigError
from pipeline.feature_planning.planner import plan_features, plan_notes
from pipeline.schema_review.files import read_schema


def make_plan(config: Config) -> Plan:
    """The plan for this configuration; reads the curated schema, or without one the head of the data.

    Raises:
      ConfigError: listing what the configuration says about columns that do not exist or cannot be used so.
      BadData: if the data is missing or cannot be read.
    """
    input_base, input_pattern = split_input_path(config.data.path)
    schema_path = config.schema_.path
    schema = read_schema(Path(schema_path)) if schema_path else None
    profile = None if schema is not None else _profile(config, input_base, input_pattern)
    features = plan_features(config, schema=schema, profile=profile)
    if problems := problems_of(features, config.evaluation):
        raise ConfigError(problems)
    return Plan(
        features=features,
        input_base=input_base,
        input_pattern=input_pattern,
        code_digest=_digest_of(sorted(Path(models.tabular_text.__path__[0]).glob("*.py"))),
        schema_digest=_digest_of([Path(schema_path)]) if schema_path else None,
        notes=plan_notes(config, schema=schema, profile=profile),
    )


def _profile(config: Config, input_base: str, input_pattern: str) -> TableProfile:
    return profile_table(input_base, input_pattern, read_options(config), config.features.profile_rows)


def split_input_path(path: str) -> tuple[str, str]:
    """The folder and the TFX pattern below it that `data.path` means.

    >>> split_input_path("/data/reviews.tsv")
    ('/data', 'reviews.tsv')
    >>> split_input_path("/data/span-{SPAN}/part-*.csv")
    ('/data', 'span-{SPAN}/part-*.csv')

    Raises:
      ConfigError: if there is nothing there.
    """
    parts = path.split("/")
    variable = next((index for index, part in enumerate(parts) if any(mark in part for mark in "{*?[")), None)
    if variable is not None:
        return "/".join(parts[:variable]) or "/", "/".join(parts[variable:])
    if "://" in path:
        base, _, name = path.rpartition("/")
        return base, name
    if os.path.isdir(path):
        return path, "*"
    base, name = os.path.split(path)
    return base or "/", name


def _digest_of(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}."]) from error
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
