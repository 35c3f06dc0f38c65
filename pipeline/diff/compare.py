"""The difference of two runs from all that they left."""

from pipeline.diff.document import RunDiff, RunIdentity
from pipeline.diff.drift import compare_statistics
from pipeline.diff.metrics import compare_metrics
from pipeline.diff.parts import (
    compare_configuration,
    compare_data,
    compare_environment,
    compare_outcome,
    compare_schema,
    compare_training,
)
from pipeline.readers.run_view import RunView


def compare(before: RunView, after: RunView) -> RunDiff:
    """What differs from the first run to the second; a part that a run does not have says so and is empty."""
    return RunDiff(
        before=_identity(before),
        after=_identity(after),
        outcome=compare_outcome(before, after),
        configuration=compare_configuration(before, after),
        data=compare_data(before, after),
        schema=compare_schema(before, after),
        statistics=compare_statistics(before.statistics, after.statistics),
        training=compare_training(before, after),
        metrics=compare_metrics(before.evaluation, after.evaluation, before.predictions, after.predictions),
        environment=compare_environment(before, after),
    )


def _identity(run: RunView) -> RunIdentity:
    record = run.record
    return RunIdentity(record.run_id, record.pipeline_name, record.state, record.started_at)
