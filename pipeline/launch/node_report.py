"""Leaves word at the root of a node that a job ran (pipeline/node_reports.py)."""

import datetime
import functools
import sys

from pipeline.errors import PenstockError
from pipeline.ir import digest, pipeline_name
from pipeline.launch.arguments import read_ir
from pipeline.launch.outcome import NodeOutcome
from pipeline.launch.packed_ir import PREFIX
from pipeline.launch.request import LaunchRequest
from pipeline.metadata import Snapshot, connection_config
from pipeline.metadata.node_snapshot import node_snapshot
from pipeline.node_reports import NodeReport, root_of, write_report
from pipeline.run_store import NodeRecord
from pipeline.storage.errors import StorageError
from pipeline.storage.texts import put_text


def leave_report(request: LaunchRequest, outcome: NodeOutcome) -> None:
    """Writes the report if there is a root; where that fails it is told, and the node is done all the same."""
    root = request.root or root_of(request.ir_path)
    if root is None:
        return
    from ml_metadata.errors import StatusError

    try:
        ir_text = read_ir(request.ir_path)
        name = pipeline_name(ir_text)
        lineage = lineage_of(request, name, outcome)
        write_report(root, NodeReport(name, request.run_id, _kept(request, root, ir_text), record_of(outcome), lineage))
    except (StorageError, PenstockError, StatusError, RuntimeError) as error:
        sys.stderr.write(
            f"{outcome.node_id}: what it did is in the lineage store, and could not be noted down below {root}/runs, "
            f"where penstock report reads it: {error}\n"
        )


def _kept(request: LaunchRequest, root: str, ir_text: str) -> str:
    """Where whoever reads the report finds the compiled pipeline; one that came in a word is put there."""
    if not request.ir_path.startswith(PREFIX):
        return request.ir_path
    place = f"{root}/ir/{digest(ir_text)}.json"
    put_text(place, ir_text, if_absent=True)
    return place


def record_of(outcome: NodeOutcome) -> NodeRecord:
    """The outcome of a node that has just ended."""
    ended = datetime.datetime.now(datetime.UTC)
    started = ended - datetime.timedelta(seconds=outcome.wall_s)
    return outcome.record(started.isoformat(timespec="milliseconds"), ended.isoformat(timespec="milliseconds"))


def lineage_of(request: LaunchRequest, name: str, outcome: NodeOutcome) -> Snapshot:
    """What the node did in this run of the pipeline of that name, by the lineage store.

    Raises:
      RuntimeError, StatusError: the store does not answer.
    """
    from pipeline.caching.metadata_lock import LockedMetadata

    connect = functools.partial(connection_config, request.metadata_uri, writable=True)
    with LockedMetadata(connect(), renewed=connect) as handle:
        return node_snapshot(handle.store, name, request.run_id, outcome.node_id, outcome.execution_id)
