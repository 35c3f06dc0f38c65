"""What the store knows of earlier executions of a node: their parts, keys, and why they ran or did not."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pipeline.caching.answers import CACHE_KEY, CACHE_PARTS, CACHED_FROM, MISS_REASONS, NOT_REUSABLE
from pipeline.caching.lock_file import LOCK_NAME, changed_packages, read_lock, stored_packages
from pipeline.caching.parts import Change, Parts, changes, parse_parts
from pipeline.caching.words import sentences
from pipeline.metadata.executions import executions_of_run

SYSTEM_NODES = (".Resolver", ".Importer")
"""How the types of nodes end that TFX carries out itself, without a cache."""

_SUCCESSFUL = ("COMPLETE", "CACHED")


@dataclasses.dataclass(frozen=True)
class PastExecution:
    """One execution of a node.

    Attributes:
      state: COMPLETE, CACHED, FAILED, …
      ended_ms: of its last change, milliseconds since 1970.
      parts_text: its parts as they are stored, "" for one of a time before parts were kept.
      cached_from: the execution whose outputs it took.
      miss_reasons: why it did not take those of an execution with its key.
      has_no_cache: true for resolvers and importers.
      not_reusable: why nobody may take its outputs, "" if they may be taken.
    """

    execution_id: int
    state: str
    ended_ms: int
    key: str | None
    parts_text: str
    cached_from: int | None
    miss_reasons: tuple[str, ...]
    not_reusable: str
    has_no_cache: bool

    @cached_property
    def parts(self) -> Parts | None:
        """What its answer depended on, None if that was not kept."""
        return parse_parts(self.parts_text)

    @property
    def node_id(self) -> str:
        """The node, "" if its parts were not kept."""
        return str((self.parts or {}).get("node", {}).get("id", ""))

    @property
    def is_successful(self) -> bool:
        """True if it has outputs, its own or taken ones."""
        return self.state in _SUCCESSFUL


def node_history(store: Any, pipeline_name: str, node_id: str) -> list[PastExecution]:
    """Every execution of the node, newest first."""
    context = store.get_context_by_type_and_name("node", f"{pipeline_name}.{node_id}")
    executions = store.get_executions_by_context(context.id) if context is not None else []
    return sorted((_past(execution) for execution in executions), key=lambda past: -past.execution_id)


def past_of_run(store: Any, run_id: str, pipeline_name: str) -> list[PastExecution]:
    """The executions of a run of that pipeline."""
    return [_past(execution) for execution in executions_of_run(store, run_id, pipeline_name)]


def execution_with_id(store: Any, execution_id: int) -> PastExecution | None:
    """The execution, None if there is none."""
    found = store.get_executions_by_id([execution_id])
    return _past(found[0]) if found else None


def _past(execution: Any) -> PastExecution:
    from ml_metadata.proto import metadata_store_pb2

    properties = execution.custom_properties
    texts = {name: properties[name].string_value for name in properties}
    return PastExecution(
        execution_id=execution.id,
        state=metadata_store_pb2.Execution.State.Name(execution.last_known_state),
        ended_ms=execution.last_update_time_since_epoch,
        key=texts.get(CACHE_KEY) or None,
        parts_text=texts.get(CACHE_PARTS, ""),
        cached_from=properties[CACHED_FROM].int_value if CACHED_FROM in properties else None,
        miss_reasons=_phrases(texts.get(MISS_REASONS, "")),
        not_reusable=texts.get(NOT_REUSABLE, ""),
        has_no_cache=execution.type.endswith(SYSTEM_NODES),
    )


def _phrases(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def newest_success(history: Sequence[PastExecution]) -> PastExecution | None:
    """The newest successful execution with known parts, None if there is none."""
    return next((past for past in history if past.is_successful and past.parts is not None), None)


def differences(store: Any, old: Parts, new: Parts) -> tuple[list[Change], list[str]]:
    """What differs, and the same in words."""
    found = changes(old, new)
    return found, sentences(found, _package_changes(store, found))


def _package_changes(store: Any, found: Sequence[Change]) -> list[str]:
    """Which packages a changed lock changes; empty if the lock is the same, or one of the two is not known."""
    lock = next((change for change in found if change.name == LOCK_NAME and change.kind == "changed"), None)
    if lock is None:
        return []
    old, new = _packages(store, str(lock.old)), _packages(store, str(lock.new))
    return [] if old is None or new is None else changed_packages(old, new)


def _packages(store: Any, digest: str) -> Mapping[str, str] | None:
    lock = read_lock()
    return lock.packages if digest == lock.digest else stored_packages(store, digest)
