"""The constraints of a configuration against its data, and constraints that the data keeps to: without a run."""

import contextlib
import datetime
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from components.arrow_example_gen.ingest import SplitPlan
from components.arrow_example_gen.rows import split_rows
from components.arrow_example_gen.source_files import resolve_input
from components.data_quality_gate.judgement import verdict_of
from components.data_quality_gate.measured import measured_of
from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suggestions import Suggestion, suggest
from components.data_quality_gate.suite import SuiteState, measure_here
from components.gate.verdict import Verdict, judge
from pipeline.definition import read_options
from pipeline.planning import make_plan

if TYPE_CHECKING:
    from pipeline.config import Config


def suggest_constraints(config: "Config") -> list[Suggestion]:
    """Constraints that the configured data keeps to.

    Raises:
      ConfigError: the configuration cannot be planned.
      BadData: the data cannot be read.
    """
    with _measured(config, ()) as state:
        return suggest(state.profile)


def check_quality(config: "Config", now: datetime.datetime) -> Verdict:
    """What DataQualityGate would decide on the configured data; a change against an earlier span stays undecided.

    Args:
      config: with the constraints and waivers.
      now: with zone; for freshness and waivers.

    Raises:
      ConfigError: the configuration cannot be planned.
      BadData: the data cannot be read.
    """
    with _measured(config, config.quality.constraints) as state:
        measured = measured_of(state, None, lambda: _rows(config))
        verdict = verdict_of(measured, state.rows, state.profile.columns, now)
    return judge(verdict, config.quality.waivers, now.date())


@contextlib.contextmanager
def _measured(config: "Config", constraints: Sequence[Constraint]) -> Iterator[SuiteState]:
    with tempfile.TemporaryDirectory(prefix="penstock-quality-") as folder:
        yield measure_here(_rows(config), constraints, config.quality.sample_rows, folder)


def _rows(config: "Config") -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows with their splits, as ArrowExampleGen would write them."""
    plan = make_plan(config)
    files = resolve_input(plan.input_base, plan.input_pattern, config.data.span).files
    splits = SplitPlan(dict(config.data.splits), config.data.split_by)
    return split_rows(files, read_options(config, plan), splits)
