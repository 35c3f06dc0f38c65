"""One node of a run as reports read it: from the lineage store and the artifacts, inside the container that ran it."""

import os
from pathlib import Path

from pipeline import ir as ir_documents
from pipeline.errors import NotFound
from pipeline.fetched_runs import ReportedLineage, bring
from pipeline.launch.arguments import read_ir
from pipeline.launch.job_machine import scratch_folder
from pipeline.launch.node_report import lineage_of, record_of
from pipeline.launch.outcome import NodeOutcome
from pipeline.launch.request import LaunchRequest
from pipeline.metadata import ArtifactRecord
from pipeline.readers.elsewhere import Elsewhere
from pipeline.readers.run_view import RunView
from pipeline.run_store import RunRecord, RunStore
from pipeline.storage.errors import StorageError
from pipeline.storage.published import read_manifest
from pipeline.storage.s3 import SCHEME

MOST_BYTES = 64 * 2**20
"""Of one artifact that is read again from S3, where the node has just put it; the run's report has what is larger."""


def view_of(request: LaunchRequest, outcome: NodeOutcome) -> RunView:
    """The run with this node alone in it.

    Raises:
      RuntimeError, StatusError: the lineage store does not answer.
    """
    ir_text = read_ir(request.ir_path)
    name, node = ir_documents.pipeline_name(ir_text), record_of(outcome)
    store = shown_store(request.scratch or scratch_folder(os.environ), request.run_id, ir_text)
    record = RunRecord(
        run_id=request.run_id,
        pipeline_name=name,
        state="RUNNING",
        started_at=node.started_at or "",
        ended_at=None,
        pid=0,
        ir_digest=ir_documents.digest(ir_text),
        node_ids=ir_documents.node_ids(ir_text),
        nodes=(node,),
        upstream=ir_documents.upstream_nodes(ir_text),
    )
    lineage = ReportedLineage(lineage_of(request, name, outcome))
    return RunView(store, record, elsewhere_of(request.root or "", lineage, store.root))


def shown_store(scratch: Path, run_id: str, ir_text: str) -> RunStore:
    """A store below this folder with the compiled pipeline of one run, for pages to read."""
    store = RunStore(scratch / "shown")
    path = store.ir_path(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ir_text, encoding="utf-8")
    return store


def inputs_of(view: RunView) -> list[tuple[str, ArtifactRecord]]:
    """Key and artifact of everything that the node read, in the order of the keys."""
    known = view.lineage.snapshot()
    found = {(event.key, event.artifact_id) for event in known.events if event.kind == "input"}
    return [(key, known.artifacts[number]) for key, number in sorted(found)]


def elsewhere_of(root: str, lineage: ReportedLineage, folder: Path) -> Elsewhere:
    """How artifacts are read inside a pod; whether what was pushed and registered is still there, nobody asks."""
    return Elsewhere(
        runner="kubeflow",
        root=root,
        lineage=lineage,
        is_there=lambda _: False,
        registries=list,
        bring=lambda uri: _brought(uri, folder) if uri.startswith(SCHEME) else Path(uri),
    )


def _brought(uri: str, folder: Path) -> Path:
    try:
        manifest = read_manifest(uri)
    except StorageError as error:
        raise NotFound(str(error)) from error
    if manifest is not None and manifest.size > MOST_BYTES:
        raise NotFound(f"{uri}: {manifest.size / 1e6:,.0f} MB, more than a card reads. The run's report shows it.")
    return bring(uri, folder)
