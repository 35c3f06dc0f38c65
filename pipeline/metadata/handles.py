"""Run handles in the lineage store: which run of which pipeline was submitted where, and how to find it there again.

Each is an ML Metadata context of its own type, so that nothing else in the store changes and every user of the store
finds every run.
"""

import dataclasses
from typing import Any

from pipeline.errors import NotFound
from pipeline.metadata.store import LineageStore
from pipeline.run_handle import RunHandle

_CONTEXT_TYPE = "penstock_run"
_FIELDS = tuple(field.name for field in dataclasses.fields(RunHandle))
_LATEST_SHOWN = 3


def record_handle(lineage: LineageStore, handle: RunHandle) -> None:
    """Keeps the handle; one of the same pipeline and run is replaced (a run that was submitted again)."""
    from ml_metadata import errors

    store = lineage.writable()
    try:
        store.put_contexts([_context(store, handle)])
    except errors.AlreadyExistsError:  # another process was faster
        store.put_contexts([_context(store, handle)])


def handles(lineage: LineageStore, pipeline_name: str | None = None) -> list[RunHandle]:
    """The handles of a pipeline's runs (of every pipeline's without a name), newest first; empty without a store."""
    store = lineage.ml_metadata
    if store is None:
        return []
    found = [_handle(context) for context in store.get_contexts_by_type(_CONTEXT_TYPE)]
    mine = [handle for handle in found if pipeline_name in (None, handle.pipeline_name)]
    return sorted(mine, key=lambda handle: (handle.submitted_at, handle.run_id), reverse=True)


def find_handle(lineage: LineageStore, run_id: str, pipeline_name: str | None = None) -> RunHandle:
    """The handle of the run (the newest, if several pipelines have a run of that id and no pipeline is named).

    Raises:
      NotFound: if there is none, naming the latest runs.
    """
    known = handles(lineage, pipeline_name)
    found = next((handle for handle in known if handle.run_id == run_id), None)
    if found is not None:
        return found
    latest = ", ".join(handle.run_id for handle in known[:_LATEST_SHOWN])
    whose = f" of pipeline '{pipeline_name}'" if pipeline_name else ""
    hint = f"Latest runs: {latest}." if latest else "None was submitted yet."
    raise NotFound(f"The lineage store knows no submitted run '{run_id}'{whose}. {hint}")


def _context(store: Any, handle: RunHandle) -> Any:
    """ML Metadata's message, with the id of the one that it replaces."""
    from ml_metadata.proto import metadata_store_pb2

    name = f"{handle.pipeline_name}.{handle.run_id}"
    context = store.get_context_by_type_and_name(_CONTEXT_TYPE, name)
    if context is None:
        type_id = store.put_context_type(metadata_store_pb2.ContextType(name=_CONTEXT_TYPE))
        context = metadata_store_pb2.Context(type_id=type_id, name=name)
    for field in _FIELDS:
        context.custom_properties[field].string_value = getattr(handle, field)
    return context


def _handle(context: Any) -> RunHandle:
    return RunHandle(**{field: context.custom_properties[field].string_value for field in _FIELDS})
