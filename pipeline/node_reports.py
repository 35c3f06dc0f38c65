"""What a job on a platform leaves of every node it ran, at the root beside the artifacts, on S3 or on a volume:

    <root>/runs/<pipeline>/<run_id>/<node_id>.json

The lineage store holds the same and more, but its database lies in a private network. From these documents anybody who
may read the root sees a run's nodes, artifacts and lineage: `penstock report RUN --runner …`.
"""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from pipeline.metadata import ArtifactRecord, EventRecord, ExecutionRecord, Snapshot
from pipeline.run_store import NodeRecord
from pipeline.storage.errors import Damaged
from pipeline.storage.s3 import SCHEME
from pipeline.storage.texts import put_text, texts_below

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class NodeReport:
    """One node of one run, as its last job left it.

    Attributes:
      pipeline_name: whose run it is.
      ir: the place of the compiled pipeline.
      node: what became of it.
      lineage: its executions in this run, and what they read and wrote.
    """

    pipeline_name: str
    run_id: str
    ir: str
    node: NodeRecord
    lineage: Snapshot

    def to_json(self) -> str:
        """One document."""
        lineage = self.lineage
        document = {
            "format": _FORMAT,
            "pipeline_name": self.pipeline_name,
            "run_id": self.run_id,
            "ir": self.ir,
            "node": dataclasses.asdict(self.node),
            "artifacts": [dataclasses.asdict(item) for item in lineage.artifacts.values()],
            "executions": [dataclasses.asdict(item) for item in lineage.executions.values()],
            "events": [dataclasses.asdict(item) for item in lineage.events],
        }
        return json.dumps(document)

    @classmethod
    def from_json(cls, text: str, uri: str) -> "NodeReport":
        """The inverse of `to_json`, for the document at `uri`.

        Raises:
          Damaged: it is none.
        """
        try:
            return cls._of(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged(
                f"{uri}: not what a job leaves of a node ({error}). Delete it; the run stays what it is."
            ) from error

    @classmethod
    def _of(cls, document: Any) -> "NodeReport":
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}, this program reads {_FORMAT}")
        artifacts = [ArtifactRecord(**item) for item in document["artifacts"]]
        executions = [ExecutionRecord(**{**item, "run_ids": tuple(item["run_ids"])}) for item in document["executions"]]
        snapshot = Snapshot(
            {item.artifact_id: item for item in artifacts},
            {item.execution_id: item for item in executions},
            tuple(EventRecord(**item) for item in document["events"]),
        )
        pipeline_name, run_id, ir = (str(document[key]) for key in ("pipeline_name", "run_id", "ir"))
        return cls(pipeline_name, run_id, ir, NodeRecord(**document["node"]), snapshot)


def root_of(ir: str) -> str | None:
    """The root that a compiled pipeline belongs to, by its place; None for a file of this machine.

    >>> root_of("s3://bucket/prefix/ir/0123.json")
    's3://bucket/prefix'
    """
    root, found, _ = ir.rpartition("/ir/")
    return root if found and ir.startswith(SCHEME) else None


def write_report(root: str, report: NodeReport) -> None:
    """Leaves the report below the root; one of an earlier attempt is replaced.

    Raises:
      StorageError: the root does not take it.
    """
    put_text(f"{root}/runs/{report.pipeline_name}/{report.run_id}/{report.node.node_id}.json", report.to_json())


def read_reports(root: str, pipeline_name: str, run_id: str | None = None) -> list[NodeReport]:
    """What jobs left of a run's nodes, or of those of all runs of the pipeline.

    Raises:
      Damaged: naming a document that is none.
      StorageError: the root cannot be read.
    """
    place = f"{root}/runs/{pipeline_name}" if run_id is None else f"{root}/runs/{pipeline_name}/{run_id}"
    return [NodeReport.from_json(text, uri) for uri, text in texts_below(place, ".json").items()]


def merged(reports: Iterable[NodeReport]) -> Snapshot:
    """Everything that the reports hold; an artifact's node and key are those of the execution that wrote it first."""
    artifacts: dict[int, ArtifactRecord] = {}
    executions: dict[int, ExecutionRecord] = {}
    events: dict[EventRecord, None] = {}
    written: dict[int, int] = {}
    for report in reports:
        executions.update(report.lineage.executions)
        events.update(dict.fromkeys(report.lineage.events))
        writers = {e.artifact_id: e.execution_id for e in report.lineage.events if e.kind == "output"}
        for number, artifact in report.lineage.artifacts.items():
            writer = writers.get(number)
            if number not in artifacts or (writer is not None and writer <= written.get(number, writer)):
                artifacts[number] = artifact
                written.update({number: writer} if writer is not None else {})
    ordered = sorted(events, key=lambda event: (event.execution_id, event.artifact_id))
    return Snapshot(dict(sorted(artifacts.items())), dict(sorted(executions.items())), tuple(ordered))
