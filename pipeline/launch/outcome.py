"""What became of a node, and the failure of one in the user's terms."""

import dataclasses
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from components.errors import BadData, ComponentError, GateRefused, WaitsForApproval
from models.tabular_text.errors import ModelError, UntrainableData
from pipeline.errors import EXIT_WAITING, DataRefused, GateRefusedRun, NodeFailed
from pipeline.provenance import PROJECT_ROOT
from pipeline.run_store import NodeRecord

NodeState = Literal["COMPLETE", "CACHED", "SKIPPED", "AWAITING_APPROVAL", "FAILED"]
FailureKind = Literal["data", "gate", "approval", "other"]

EXIT_CODES: Mapping[FailureKind, int] = {
    "data": DataRefused.exit_code,
    "gate": GateRefusedRun.exit_code,
    "approval": EXIT_WAITING,
    "other": NodeFailed.exit_code,
}


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

    def record(self, started_at: str, ended_at: str, attempt: int = 1) -> NodeRecord:
        """The same as records of runs keep it; times are ISO 8601 with zone."""
        return NodeRecord(
            node_id=self.node_id,
            state=self.state,
            execution_id=self.execution_id,
            attempt=attempt,
            started_at=started_at,
            ended_at=ended_at,
            wall_s=round(self.wall_s, 3),
            cpu_s=round(self.cpu_s, 3),
            peak_memory_bytes=self.peak_memory_bytes,
            failure=self.failure.message if self.failure else "",
        )

    @classmethod
    def died(cls, node_id: str, cause: str) -> "NodeOutcome":
        """The outcome of a node whose process ended without an answer."""
        advice = " Often the machine ran out of memory: close other programs or lower training.batch_size."
        killed = advice if "SIGKILL" in cause else ""
        return cls(node_id, "FAILED", failure=Failure("other", f"its process was {cause}.{killed}"))


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
    """The innermost frame outside installed packages and the launcher, as `file:line in function`."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename and not frame.filename.startswith((sys.base_prefix, "<"))
    ]
    launcher = Path(__file__).resolve().parent
    own = [frame for frame in frames if Path(frame.filename).resolve().parent != launcher]
    if not own:
        return ""
    frame = own[-1]
    name = (
        os.path.relpath(frame.filename, PROJECT_ROOT)
        if Path(frame.filename).is_relative_to(PROJECT_ROOT)
        else frame.filename
    )
    return f"{name}:{frame.lineno} in {frame.name}: {frame.line}"
