"""Runs on platforms as they are seen from a machine that has credentials and nothing else.

Where a run stands the platform says; what its nodes made, the documents that its jobs left on S3 (`node_reports`).
Artifacts are brought here when a page or a table asks for them, each once, below `<pipeline.root>/aws/`.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline import ir as ir_documents
from pipeline.config import Config
from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord, Snapshot
from pipeline.node_reports import NodeReport, merged, read_reports
from pipeline.readers.elsewhere import Elsewhere
from pipeline.readers.run_view import RunView
from pipeline.run_handle import RunHandle
from pipeline.run_store import NodeRecord, RunRecord, RunStore
from pipeline.runners.remote import JobProgress, RunProgress
from pipeline.storage.download import Download, download
from pipeline.storage.errors import NotPublished, StorageError
from pipeline.storage.published import read_manifest
from pipeline.storage.s3 import Location, folders, read_text, write_text

Value = TypeVar("Value")

MOST_BYTES = 10**9
"""Of one artifact that is brought here to be looked at."""

FOLDER = "aws"
CONFIG, PROVENANCE = "config", "provenance"


@dataclasses.dataclass(frozen=True)
class ReportedLineage:
    """The lineage that jobs left on S3; of one run, or of all."""

    known: Snapshot

    def snapshot(self) -> Snapshot:
        """Everything that is known."""
        return self.known

    def outputs_of_run(self, run_id: str, pipeline_name: str | None = None) -> list[ArtifactRecord]:
        """What the run's nodes published or took from the cache, with the node and key of this run."""
        return LineageGraph(self.known).outputs_of_run(run_id, pipeline_name)


def note_submission(config: Config, ir_text: str, provenance: str) -> None:
    """Leaves the configuration and what it was compiled with beside the IR, for pages of runs of that IR.

    Raises:
      StorageError: S3 does not take it.
    """
    base = f"{config.on_aws.root}/ir/{ir_documents.digest(ir_text)}"
    texts = {CONFIG: config.model_dump_json(indent=1, by_alias=True), PROVENANCE: provenance}
    for name, text in texts.items():
        if _text_at(f"{base}.{name}.json") != text:
            write_text(f"{base}.{name}.json", text)


def _text_at(uri: str) -> str | None:
    try:
        return read_text(uri)
    except NotPublished:
        return None


def fetched_store(config: Config) -> RunStore:
    """Where copies of what runs on AWS left are kept; it can be deleted at any time."""
    return RunStore(config.root / FOLDER)


def fetched_run(config: Config, handle: RunHandle, progress: RunProgress, reports: list[NodeReport]) -> RunView:
    """The run as it stands now, for reports, tables and lineage.

    Args:
      config: whose `aws.root` the run's jobs wrote below.
      handle: the run.
      progress: where it stands.
      reports: what its jobs left (of other runs too, where those are to be in the lineage).
    """
    store, mine = fetched_store(config), [report for report in reports if report.run_id == handle.run_id]
    ir_uri = mine[-1].ir if mine else None
    ir_text = _kept(store.ir_path(handle.run_id), ir_uri)
    if ir_uri is not None:
        base = ir_uri.removesuffix(".json")
        _kept(store.config_path(handle.run_id), f"{base}.{CONFIG}.json")
        _kept(store.provenance_path(handle.run_id), f"{base}.{PROVENANCE}.json")
    record = run_record(handle, progress, mine, ir_text)
    store.write(record)
    return RunView(store, record, elsewhere_of(config, handle.runner, reports))


def elsewhere_of(config: Config, runner: str, reports: list[NodeReport]) -> Elsewhere:
    """How artifacts of runs of this configuration come here from `aws.root`."""
    root, store = config.on_aws.root, fetched_store(config)
    return Elsewhere(
        runner=runner,
        root=root,
        lineage=ReportedLineage(merged(reports)),
        is_there=lambda uri: _told(lambda: read_manifest(uri)) is not None,
        registries=lambda: [
            f"{root}/registry/{name}/registry.jsonl"
            for name in _told(lambda: folders(Location.parse(f"{root}/registry")))
        ],
        bring=lambda uri: bring(uri, store.root),
    )


def _told(ask: Callable[[], Value]) -> Value:
    """The answer of S3; what it does not answer is raised as the command line's own error."""
    try:
        return ask()
    except StorageError as error:
        raise NotFound(str(error)) from error


def reports_of(config: Config, run_id: str | None) -> list[NodeReport]:
    """What jobs left of a run of this pipeline, or of all its runs.

    Raises:
      NotFound: S3 does not answer, or a document is damaged.
    """
    return _told(lambda: read_reports(config.on_aws.root, config.pipeline.name, run_id))


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
    """The text at the URI, kept in a file of this machine; None if there is none."""
    if uri is None:
        return None
    try:
        text = read_text(uri)
    except NotPublished:
        path.unlink(missing_ok=True)
        return None
    except StorageError as error:
        raise NotFound(str(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return text
