"""Runs one node: TFX's launcher with our cache, and what became of it as an outcome."""

import fcntl
import functools
import os
import resource
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.errors import WaitsForApproval
from models.tabular_text.workers import VARIABLE
from pipeline import ir as ir_documents
from pipeline.errors import ConfigError, PenstockError
from pipeline.launch.arguments import no_such_node, read_ir
from pipeline.launch.beam_batches import batch_by_bytes
from pipeline.launch.job_machine import scratch_folder
from pipeline.launch.outcome import NodeOutcome, describe_failure
from pipeline.launch.request import LaunchRequest
from pipeline.launch.turns import turn_at_server
from pipeline.metadata import connection_config, metadata_path
from pipeline.progress_file import progress_written_to
from pipeline.run_store import NODES_LOCK
from pipeline.storage import Sharing

SYSTEM_NODES = (".Resolver", ".Importer")
"""How the types end of nodes that TFX runs without an executor."""

SHARED_NODES = (".Trainer",)
"""How the types end of nodes whose work several machines can share."""


def run_node(request: LaunchRequest, node_id: str, sharing: Sharing | None = None) -> NodeOutcome:
    """Runs one node to its end; a failure of the node is an outcome, not an exception.

    Args:
      request: of the job.
      node_id: the node.
      sharing: has other machines train too, where there are any and the node is a Trainer.
    """
    os.environ.pop(VARIABLE, None)  # whoever reads it waits for other machines; what is shared is told of them
    started, cpu_before = time.monotonic(), _cpu_s()
    failure, state, execution_id = None, "FAILED", None
    try:
        progress_path = Path(request.progress_path) if request.progress_path else None
        with _turn(request, node_id), progress_written_to(progress_path):
            state, execution_id = _launch(request, node_id, sharing)
    except Exception as error:
        if isinstance(error, PenstockError):  # the request makes no sense: not this node's failure
            raise
        if not isinstance(error, WaitsForApproval):
            traceback.print_exc()
        failure = describe_failure(error)
        state = "AWAITING_APPROVAL" if failure.kind == "approval" else "FAILED"
    return NodeOutcome(
        node_id=node_id,
        state=state,  # type: ignore[arg-type]
        execution_id=execution_id,
        wall_s=time.monotonic() - started,
        cpu_s=_cpu_s() - cpu_before,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        failure=failure,
    )


@contextmanager
def _turn(request: LaunchRequest, node_id: str) -> Iterator[None]:
    """Lets the next run see that a node still runs, even if the command that started it was killed.

    Where the store is a server, another job of the same node is waited for: the orchestrator knows which jobs run, and
    may have been started twice.
    """
    store = metadata_path(request.metadata_uri)
    if store is None:
        with turn_at_server(request.metadata_uri, request.run_id, node_id):
            yield
        return
    path = store.with_name(NODES_LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def bound_ir(request: LaunchRequest) -> Any:
    """The pipeline with this run's id and parameters in it; makes s3:// readable for TFX if anything is there.

    Raises:
      ConfigError: the pipeline cannot be read, or a parameter makes no sense.
    """
    text = read_ir(request.ir_path)
    if _uses_storage(text):
        from pipeline.storage import register

        register()
    ir = ir_documents.parse_ir(text)
    ir_documents.bind_parameters(ir, request.run_id, request.parameters)
    return ir


def _uses_storage(ir_text: str) -> bool:
    """True if the pipeline names anything that is not a file of this machine."""
    return "s3://" in ir_text


def _launch(request: LaunchRequest, node_id: str, sharing: Sharing | None) -> tuple[str, int | None]:
    """State and execution id of the node after TFX's launcher ran it."""
    from pipeline.caching.launcher import Caching, make_launcher
    from pipeline.caching.metadata_lock import LockedMetadata

    batch_by_bytes()
    ir = bound_ir(request)
    node = node_of(ir, node_id)
    connect = functools.partial(connection_config, request.metadata_uri, writable=True)
    connection = LockedMetadata(connect(), renewed=connect)
    if (finished := _finished_system_node(connection, node)) is not None:
        return finished
    caching = Caching(request.caching.of(node_id), request.index_path)
    info = make_launcher(ir, node, connection, caching, _executor_operators(request, node, sharing)).launch()
    if info is None or not info.execution_id:
        return "SKIPPED", None
    return _published_state(connection, info.execution_id, node), info.execution_id


def _executor_operators(request: LaunchRequest, node: Any, sharing: Sharing | None) -> Any:
    """What shows executors files of this machine where the pipeline's artifacts are elsewhere, and other machines what
    to run; None where there is no need of either."""
    if not node.node_info.type.name.endswith(SHARED_NODES):
        sharing = None
    if sharing is None and not _uses_storage(read_ir(request.ir_path)):
        return None
    from pipeline.storage import executor_operators

    scratch = request.scratch or scratch_folder(os.environ)
    scratch.mkdir(parents=True, exist_ok=True)
    return executor_operators(scratch, sharing)


def _finished_system_node(connection: Any, node: Any) -> tuple[str, int] | None:
    """State and execution id of a Resolver or Importer that has finished in this run, None for any other node.

    TFX runs these anew at every start, so that a job that is started again could go on with other artifacts than the
    ones that it began with.
    """
    if not node.node_info.type.name.endswith(SYSTEM_NODES):
        return None
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration.portable.mlmd import context_lib, execution_lib

    with connection as handle:
        contexts = context_lib.prepare_contexts(metadata_handle=handle, node_contexts=node.contexts)
        executions = execution_lib.get_executions_associated_with_all_contexts(handle, contexts)
    succeeded = [execution for execution in executions if execution_lib.is_execution_successful(execution)]
    if not succeeded:
        return None
    newest = max(succeeded, key=lambda execution: execution.id)
    return metadata_store_pb2.Execution.State.Name(newest.last_known_state), newest.id


def _published_state(connection: Any, execution_id: int, node: Any) -> str:
    """The execution's state in the store: the launcher returns normally also when inputs could not be resolved."""
    from ml_metadata.proto import metadata_store_pb2

    with connection as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
    state: str = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
    if state in ("COMPLETE", "CACHED"):
        return state
    if node.node_info.type.name.endswith(".Resolver"):
        return "SKIPPED"  # A resolver that finds nothing is published as failed, and does not fail a run.
    raise RuntimeError(
        f"The inputs of node '{node.node_info.id}' could not be resolved (execution {execution_id} is {state}): "
        "a node that it depends on has published nothing."
    )


def node_of(ir: Any, node_id: str) -> Any:
    """The node of that id in a parsed pipeline.

    Raises:
      ConfigError: there is none.
    """
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in ir.nodes}
    if node_id not in nodes:
        raise ConfigError([no_such_node(node_id, nodes)])
    return nodes[node_id]


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
