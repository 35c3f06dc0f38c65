"""The one launcher: runs nodes of a compiled pipeline, on every orchestrator.

    python -m pipeline.launch --ir FILE --nodes A[,B] --run-id ID --metadata sqlite:////path/to/file [--param k=v …]

Driver, executor and publisher are TFX's own (`orchestration.portable.launcher.Launcher`), the cache is ours
(`pipeline.caching.launcher`). Idempotent: killed and started again with the same arguments it finishes the same
execution; once finished it exits 0 at once.
"""

import argparse
import dataclasses
import fcntl
import logging
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from components.errors import BadData, ComponentError, GateRefused, WaitsForApproval
from models.tabular_text.errors import ModelError, UntrainableData
from pipeline import ir as ir_documents
from pipeline.cache_policy import CachePolicy
from pipeline.caching.fingerprints import INDEX_NAME
from pipeline.errors import EXIT_WAITING, ConfigError, DataRefused, GateRefusedRun, NodeFailed, PenstockError
from pipeline.input_files import read_input
from pipeline.metadata import connection_config, metadata_path, metadata_problem
from pipeline.progress_file import progress_written_to
from pipeline.provenance import PROJECT_ROOT
from pipeline.run_store import NODES_LOCK

NodeState = Literal["COMPLETE", "CACHED", "SKIPPED", "AWAITING_APPROVAL", "FAILED"]
FailureKind = Literal["data", "gate", "approval", "other"]

_EXIT_CODES: Mapping[FailureKind, int] = {
    "data": DataRefused.exit_code,
    "gate": GateRefusedRun.exit_code,
    "approval": EXIT_WAITING,
    "other": NodeFailed.exit_code,
}


@dataclasses.dataclass(frozen=True)
class LaunchRequest:
    """Which nodes of which pipeline to run.

    Attributes:
      ir_path: the compiled pipeline.
      node_ids: nodes to run one after the other.
      run_id: the run that the executions belong to.
      metadata_uri: the ML Metadata store, `sqlite:////absolute/path`.
      parameters: values of runtime parameters.
      progress_path: gets what the node says of its progress, one JSON object a line; None for nowhere.
      caching: when nodes may take earlier answers, where the pipeline's own `enable_cache` lets them.
    """

    ir_path: str
    node_ids: tuple[str, ...]
    run_id: str
    metadata_uri: str
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    progress_path: str | None = None
    caching: CachePolicy = dataclasses.field(default_factory=CachePolicy)

    @property
    def index_path(self) -> Path:
        """The memory of files' fingerprints, beside the store."""
        return metadata_path(self.metadata_uri).with_name(INDEX_NAME)


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a node failed: the message, and the innermost line of our or the user's code."""

    kind: FailureKind
    message: str
    where: str = ""


@dataclasses.dataclass(frozen=True)
class NodeOutcome:
    """What became of a node.

    Attributes:
      wall_s: seconds from start to end.
      cpu_s: seconds of processor time, child processes included.
      peak_memory_bytes: largest resident set of the process so far.
    """

    node_id: str
    state: NodeState
    execution_id: int | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    failure: Failure | None = None

    @classmethod
    def died(cls, node_id: str, cause: str) -> "NodeOutcome":
        """The outcome of a node whose process ended without an answer."""
        advice = " Often the machine ran out of memory: close other programs or lower training.batch_size."
        killed = advice if "SIGKILL" in cause else ""
        return cls(node_id, "FAILED", failure=Failure("other", f"its process was {cause}.{killed}"))


def run_node(request: LaunchRequest, node_id: str) -> NodeOutcome:
    """Runs one node to its end; a failure of the node is an outcome, not an exception."""
    started, cpu_before = time.monotonic(), _cpu_s()
    failure, state, execution_id = None, "FAILED", None
    try:
        progress_path = Path(request.progress_path) if request.progress_path else None
        with _nodes_lock(request), progress_written_to(progress_path):
            state, execution_id = _launch(request, node_id)
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
def _nodes_lock(request: LaunchRequest) -> Iterator[None]:
    """Lets the next run see that a node still runs, even if the command that started it was killed."""
    path = metadata_path(request.metadata_uri).with_name(NODES_LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _launch(request: LaunchRequest, node_id: str) -> tuple[str, int | None]:
    """State and execution id of the node after TFX's launcher ran it."""
    from pipeline.caching.launcher import Caching, make_launcher
    from pipeline.caching.metadata_lock import LockedMetadata

    ir = ir_documents.parse_ir(Path(request.ir_path).read_text(encoding="utf-8"))
    ir_documents.bind_parameters(ir, request.run_id, request.parameters)
    node = _node(ir, node_id)
    connection = LockedMetadata(connection_config(request.metadata_uri, writable=True))
    caching = Caching(request.caching.of(node_id), request.index_path)
    info = make_launcher(ir, node, connection, caching).launch()
    if info is None or not info.execution_id:
        return "SKIPPED", None
    return _published_state(connection, info.execution_id, node), info.execution_id


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


def _node(ir: Any, node_id: str) -> Any:
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in ir.nodes}
    if node_id not in nodes:
        raise ConfigError([_no_such_node(node_id, nodes)])
    return nodes[node_id]


def _no_such_node(node_id: str, known: Iterable[str], option: str = "--nodes") -> str:
    return f"{option} {node_id}: the pipeline has no such node; it has {', '.join(known)}."


def describe_failure(error: BaseException) -> Failure:
    """The failure in the user's terms: our own errors by their message, others with type and place."""
    own = _own_error(error)
    if isinstance(own, BadData | UntrainableData):
        return Failure("data", str(own))
    if isinstance(own, GateRefused):
        return Failure("gate", str(own))
    if isinstance(own, WaitsForApproval):
        return Failure("approval", str(own))
    message = str(own) if own is not None else f"{type(error).__name__}: {error}"
    return Failure("other", message, _own_frame(error))


def _own_error(error: BaseException | None) -> ComponentError | ModelError | None:
    while error is not None:
        if isinstance(error, ComponentError | ModelError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _own_frame(error: BaseException) -> str:
    """The innermost frame outside installed packages, as `file:line in function`."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename and not frame.filename.startswith((sys.base_prefix, "<"))
    ]
    own = [frame for frame in frames if Path(frame.filename).resolve() != Path(__file__).resolve()]
    if not own:
        return ""
    frame = own[-1]
    name = (
        os.path.relpath(frame.filename, PROJECT_ROOT)
        if Path(frame.filename).is_relative_to(PROJECT_ROOT)
        else frame.filename
    )
    return f"{name}:{frame.lineno} in {frame.name}: {frame.line}"


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the nodes named on the command line; returns the exit code (0, or a failed node's as in pipeline/errors.py).

    Raises:
      ConfigError: listing every argument that makes no sense, before any node runs.
    """
    request = _parse(argv)
    del sys.argv[1:]  # TFX hands sys.argv[1:] to executors as extra flags
    logging.basicConfig(stream=sys.stdout, level=logging.INFO)
    for node_id in request.node_ids:
        outcome = run_node(request, node_id)
        sys.stdout.write(f"NODE {node_id} {outcome.state} execution {outcome.execution_id}\n")
        if outcome.failure is not None:
            sys.stderr.write(f"{outcome.failure.message}\n")
            return _EXIT_CODES[outcome.failure.kind]
    return 0


def _parse(argv: Sequence[str] | None) -> LaunchRequest:
    parser = argparse.ArgumentParser(prog="python -m pipeline.launch", description="Run nodes of a compiled pipeline.")
    parser.add_argument("--ir", required=True, help="the compiled pipeline (JSON)")
    parser.add_argument("--nodes", required=True, help="node ids, separated by commas, run in this order")
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--metadata", required=True, help="the lineage store, sqlite:////absolute/path")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--caching", default="{}", help='JSON: node id → {"cache": true, "cache_ttl_hours": null}')
    args = parser.parse_args(argv)
    chosen, known = tuple(args.nodes.split(",")), ir_documents.node_ids(read_input(Path(args.ir)).decode())
    problems = [_no_such_node(node_id, known) for node_id in chosen if node_id not in known]
    problems += [f"--param {item}: expected NAME=VALUE." for item in args.param if "=" not in item]
    if problem := metadata_problem(args.metadata):
        problems.append(problem)
    caching = _policy(args.caching, known, problems)
    if problems:
        raise ConfigError(problems)
    parameters = dict(item.partition("=")[::2] for item in args.param)
    return LaunchRequest(args.ir, chosen, args.run_id, args.metadata, parameters, caching=caching)


def _policy(text: str, known: Sequence[str], problems: list[str]) -> CachePolicy:
    """The policies of `--caching`; adds to `problems` what makes no sense."""
    try:
        policy = CachePolicy.from_json(text)
    except ValueError as error:
        problems.append(f"--caching {text}: {error}.")
        return CachePolicy()
    problems += [_no_such_node(node_id, known, "--caching") for node_id in policy.nodes if node_id not in known]
    return policy


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PenstockError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
