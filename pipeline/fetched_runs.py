"""Runs on platforms as they are seen from a machine that reaches their root and nothing else.

Where a run stands the platform says; what its nodes made, the documents that its jobs left there (`node_reports`).
Artifacts on S3 are brought here when a page or a table asks for them, each once, below `PlatformRoot.kept`; those on a
volume are read where they are.
"""

import dataclasses
import os
from pathlib import Path

from pipeline import ir as ir_documents
from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord, Snapshot
from pipeline.node_reports import NodeReport, merged, read_reports
from pipeline.platform_root import PlatformRoot, told
from pipeline.readers.elsewhere import Elsewhere
from pipeline.readers.run_view import RunView
from pipeline.run_handle import RunHandle
from pipeline.run_store import NodeRecord, RunRecord, RunStore
from pipeline.runners.remote import JobProgress, RunProgress
from pipeline.storage.download import Download, download
from pipeline.storage.errors import StorageError
from pipeline.storage.published import read_manifest
from pipeline.storage.s3 import Location
from pipeline.storage.texts import folders_below, put_text, text_at

MOST_BYTES = 10**9
"""Of one artifact that is brought here to be looked at."""

CONFIG, PROVENANCE = "config", "provenance"


@dataclasses.dataclass(frozen=True)
class ReportedLineage:
    """The lineage that jobs left at the root; of one run, or of all."""

    known: Snapshot

    def snapshot(self) -> Snapshot:
        """Everything that is known."""
        return self.known

    def outputs_of_run(self, run_id: str, pipeline_name: str | None = None) -> list[ArtifactRecord]:
        """What the run's nodes published or took from the cache, with the node and key of this run."""
        return LineageGraph(self.known).outputs_of_run(run_id, pipeline_name)


def note_submission(root: PlatformRoot, ir_text: str, config: str, provenance: str) -> None:
    """Leaves the configuration and what it was compiled with beside the IR, for pages of runs of that IR.

    Args:
      root: of the run's platform.
      ir_text: what was compiled.
      config: the configuration that it was compiled from, as JSON.
      provenance: with what, as JSON.

    Raises:
      StorageError: the root does not take it.
    """
    base = root.below("ir", ir_documents.digest(ir_text))
    for name, text in ((CONFIG, config), (PROVENANCE, provenance)):
        if text_at(f"{base}.{name}.json") != text:
            put_text(f"{base}.{name}.json", text)


class _Copies(RunStore):
    """Records as they were brought here: whether a run goes on, its platform says, and no lock of this machine."""

    def _is_held_by(self, record: RunRecord) -> bool:
        del record
        return True


def fetched_store(root: PlatformRoot) -> RunStore:
    """Where copies of what runs on the platform left are kept; it can be deleted at any time."""
    return _Copies(root.kept)


def fetched_run(root: PlatformRoot, handle: RunHandle, progress: RunProgress, reports: list[NodeReport]) -> RunView:
    """The run as it stands now, for reports, tables and lineage.

    Args:
      root: that the run's jobs wrote below.
      handle: the run.
      progress: where it stands.
      reports: what its jobs left (of other runs too, where those are to be in the lineage).
    """
    store, mine = fetched_store(root), [report for report in reports if report.run_id == handle.run_id]
    ir_uri = mine[-1].ir if mine else None
    ir_text = _kept(store.ir_path(handle.run_id), ir_uri)
    if ir_uri is not None:
        base = ir_uri.removesuffix(".json")
        _kept(store.config_path(handle.run_id), f"{base}.{CONFIG}.json")
        _kept(store.provenance_path(handle.run_id), f"{base}.{PROVENANCE}.json")
    record = run_record(handle, progress, mine, ir_text)
    store.write(record)
    return RunView(store, record, elsewhere_of(root, reports))


def elsewhere_of(root: PlatformRoot, reports: list[NodeReport]) -> Elsewhere:
    """How artifacts of runs on that platform are reached from here."""
    return Elsewhere(
        runner=root.runner,
        root=root.place,
        lineage=ReportedLineage(merged(reports)),
        is_there=lambda uri: told(lambda: read_manifest(uri)) is not None,
        registries=lambda: [
            root.below("registry", name, "registry.jsonl")
            for name in told(lambda: folders_below(root.below("registry")))
        ],
        bring=(lambda uri: bring(uri, root.kept)) if root.is_on_s3 else Path,
    )


def reports_of(root: PlatformRoot, run_id: str | None) -> list[NodeReport]:
    """What jobs left of a run of this pipeline, or of all its runs.

    Raises:
      NotFound: the root cannot be read, or a document is damaged.
    """
    return told(lambda: read_reports(root.place, root.config.pipeline.name, run_id))


def run_record(handle: RunHandle, progress: RunProgress, reports: list[NodeReport], ir_text: str | None) -> RunRecord:
    """The record of a run on a platform, as that of a run here: the platform's states, the jobs' own measures."""
    reported = {report.node.node_id: report.node for report in reports}
    states = {node_id: job for job in progress.jobs for node_id in job.node_ids}
    upstream = ir_documents.upstream_nodes(ir_text) if ir_text else {}
    node_ids = ir_documents.node_ids(ir_text) if ir_text else tuple(dict.fromkeys([*states, *reported]))
    nodes = [
        _node(node_id, states.get(node_id), reported.get(node_id))
        for node_id in node_ids
        if node_id in states or node_id in reported
    ]
    ends = [job.ended_at for job in progress.jobs if job.ended_at]
    starts = [job.started_at for job in progress.jobs if job.started_at]
    return RunRecord(
        run_id=handle.run_id,
        pipeline_name=handle.pipeline_name,
        state=progress.state,
        started_at=handle.submitted_at or min(starts, default=""),
        ended_at=max(ends, default=None) if progress.is_over else None,
        pid=0,
        ir_digest=ir_documents.digest(ir_text) if ir_text else "",
        node_ids=node_ids,
        nodes=tuple(nodes),
        upstream=upstream,
    )


def _node(node_id: str, job: JobProgress | None, reported: NodeRecord | None) -> NodeRecord:
    """What the job left of the node, unless the platform knows of something later."""
    if job is None:
        assert reported is not None
        return reported
    if reported is not None and job.state in ("COMPLETE", "AWAITING_APPROVAL"):
        return reported
    state, failure = job.state, job.failure or (reported.failure if reported else "")
    if reported is not None and job.state == "FAILED" and reported.succeeded:
        state, failure = reported.state, ""  # another node of the same job failed
    base = reported or NodeRecord(node_id, state)
    times = {"started_at": job.started_at or None, "ended_at": job.ended_at or None} if reported is None else {}
    return dataclasses.replace(base, state=state, failure=failure, **times)  # type: ignore[arg-type]


def bring(uri: str, root: Path) -> Path:
    """A folder of this machine with the artifact's files, each compared with its SHA-256.

    Raises:
      NotFound: it is not there, damaged, or too large to be looked at here.
    """
    place = Location.parse(uri)
    target = root / place.bucket / place.key
    try:
        manifest = read_manifest(uri)
        if manifest is None:
            raise NotFound(f"{uri}: nothing complete is there any more.")
        if manifest.size > MOST_BYTES:
            raise NotFound(
                f"{uri}: {manifest.size / 1e9:.1f} GB, more than is brought here to be looked at. Copy it with: aws s3 "
                f"cp --recursive {uri} FOLDER"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        download([Download(uri, target)])
    except StorageError as error:
        raise NotFound(str(error)) from error
    return target


def _kept(path: Path, uri: str | None) -> str | None:
    """The text there, kept in a file of this machine; None if there is none."""
    if uri is None:
        return None
    text = told(lambda: text_at(uri))
    if text is None:
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return text
