"""Which executions a run has, by ML Metadata's contexts."""

from typing import Any


def executions_of_run(store: Any, run_id: str, pipeline_name: str | None) -> list[Any]:
    """ML Metadata's executions of that run of that pipeline; without a name, of the runs of any with that id."""
    found = _executions(store, "pipeline_run", run_id)
    if pipeline_name is None or not found:
        return found
    of_pipeline = {execution.id for execution in _executions(store, "pipeline", pipeline_name)}
    return [execution for execution in found if execution.id in of_pipeline]


def _executions(store: Any, type_name: str, name: str) -> list[Any]:
    context = store.get_context_by_type_and_name(type_name, name)
    return [] if context is None else list(store.get_executions_by_context(context.id))
