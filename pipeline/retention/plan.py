"""What would go and what stays under one root: the needs (see `needs`) held against what is on the disk."""

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord
from pipeline.retention.needs import Needs
from pipeline.retention.removal import leftovers, refusal, size_bytes
from pipeline.run_store import RunRecord, RunStore

_NUMBER = re.compile(r"[0-9]+")


@dataclasses.dataclass(frozen=True)
class Removal:
    """Something that goes: where it is, how large, and why it may.

    Attributes:
      artifact_id: the artifact that is marked as deleted first, None if no artifact is concerned.
    """

    path: Path
    size_bytes: int
    why: str
    artifact_id: int | None = None


@dataclasses.dataclass(frozen=True)
class Stay:
    """Something that stays, and why."""

    path: Path
    size_bytes: int
    why: str


@dataclasses.dataclass(frozen=True)
class CleaningPlan:
    """Everything under a root, divided; `notes` name what is left alone because it is not understood or not ours."""

    removals: tuple[Removal, ...]
    stays: tuple[Stay, ...]
    notes: tuple[str, ...]

    @property
    def freed_bytes(self) -> int:
        """What the removals make free."""
        return sum(removal.size_bytes for removal in self.removals)


def make_plan(store: RunStore, graph: LineageGraph, needed: Needs, keep_last: int) -> CleaningPlan:
    """The plan for this root; changes nothing."""
    found = [
        *_artifacts(graph, needed),
        *_unpublished(store.root, graph, needed),
        *_system_folders(store.root, graph, needed),
        *_staged_schemas(store.root, graph, needed),
        *_run_folders(store, needed),
        *_scratch(store.root / "tries", keep_last, "try"),
        *_scratch(store.root / "reproductions", keep_last, "reproduction"),
        *(Removal(path, size_bytes(path), "an earlier gc was killed here") for path in leftovers(store.root)),
    ]
    removals = [item for item in found if isinstance(item, Removal)]
    refused = {item.path: problem for item in removals if (problem := refusal(item.path, store.root))}
    notes = _refusal_notes({path: why for path, why in refused.items() if os.path.lexists(path)})
    notes += [f"{path} is not the record of a run; it is left alone" for path in store.damaged()]
    return CleaningPlan(
        removals=tuple(item for item in removals if item.path not in refused),
        stays=tuple(item for item in found if isinstance(item, Stay)),
        notes=tuple(notes),
    )


def _refusal_notes(refused: Mapping[Path, str]) -> list[str]:
    """One note for all that may not be touched: a store that was copied names thousands of places elsewhere."""
    if not refused:
        return []
    path, why = next(iter(refused.items()))
    others = f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""
    return [f"{path} {why}{others}; left alone"]


def _artifacts(graph: LineageGraph, needed: Needs) -> Iterator[Removal | Stay]:
    """Artifacts on this machine; one that is marked as deleted already and still there goes too."""
    artifacts = graph.snapshot.artifacts
    kept = [Path(artifacts[number].uri) for number in needed.artifacts if artifacts[number].uri]
    around_kept = {place for path in kept for place in (path, *path.parents)}
    for artifact in artifacts.values():
        if not artifact.uri or "://" in artifact.uri or artifact.state == "PENDING":
            continue
        path = Path(artifact.uri)
        is_there = os.path.lexists(path)
        if artifact.artifact_id in needed.artifacts:
            if is_there:
                yield Stay(path, size_bytes(path), needed.artifacts[artifact.artifact_id])
        elif (is_there or artifact.is_live) and path not in around_kept:
            why = _why_artifact(artifact, graph) if is_there else "its bytes are gone already"
            yield Removal(path, size_bytes(path), why, artifact.artifact_id)


def _why_artifact(artifact: ArtifactRecord, graph: LineageGraph) -> str:
    if artifact.state == "DELETED":
        return "marked as deleted by an earlier gc"
    runs = graph.runs_of(artifact.artifact_id)
    more = f" and {len(runs) - 2} more" if len(runs) > 2 else ""
    return f"only of old runs: {', '.join(runs[:2])}{more}"


def _unpublished(root: Path, graph: LineageGraph, needed: Needs) -> Iterator[Removal | Stay]:
    """Folders of outputs that no artifact refers to: what killed attempts left."""
    # By the last names only: a root that was moved or is reached by a link is named otherwise in the store.
    published = (artifact for artifact in graph.snapshot.artifacts.values() if artifact.state != "PENDING")
    known = {_tail(Path(artifact.uri)) for artifact in published}
    for path in output_folders(root):
        if _tail(path) in known:
            continue
        execution = graph.snapshot.executions.get(int(path.name))
        resumable = [run for run in execution.run_ids if run in needed.runs] if execution else []
        if execution is not None and resumable and not execution.is_finished:
            yield Stay(path, size_bytes(path), f"--resume of run {resumable[0]} goes on from it")
        else:
            yield Removal(path, size_bytes(path), "no published artifact; left by an attempt that was killed")


def output_folders(root: Path) -> Iterator[Path]:
    """Every `artifacts/<pipeline>/<node>/<key>/<execution>` that is there, published or not."""
    return _numbered(root / "artifacts", depth=4)


def _tail(path: Path) -> tuple[str, ...]:
    """`<pipeline>, <node>, <key>, <execution>` of an output's folder."""
    return path.parts[-4:]


def _numbered(folder: Path, depth: int) -> Iterator[Path]:
    """Folders named by a number, this far below `folder`; no link is followed on the way."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_dir() or path.name.startswith("."):
            continue
        if depth > 1:
            yield from _numbered(path, depth - 1)
        elif _NUMBER.fullmatch(path.name):
            yield path


def _system_folders(root: Path, graph: LineageGraph, needed: Needs) -> Iterator[Removal | Stay]:
    """TFX's own working folders: temporary files by execution, and the state of nodes that go on, by run."""
    for path in sorted((root / "artifacts").glob("*/*/.system/executor_execution/*")):
        execution = graph.snapshot.executions.get(int(path.name)) if _NUMBER.fullmatch(path.name) else None
        if execution is None or execution.is_finished or not set(execution.run_ids) & set(needed.runs):
            yield Removal(path, size_bytes(path), "temporary files of an attempt that has ended")
        else:
            yield Stay(path, size_bytes(path), f"--resume of run {execution.run_ids[0]} may need it")
    for path in sorted((root / "artifacts").glob("*/*/.system/stateful_working_dir/*")):
        if path.name in needed.runs:
            yield Stay(path, size_bytes(path), needed.runs[path.name])
        else:
            yield Removal(path, size_bytes(path), f"working files of run {path.name}, which is old")


def _staged_schemas(root: Path, graph: LineageGraph, needed: Needs) -> Iterator[Removal | Stay]:
    """Copies of curated schemas, named by digest."""
    used = {
        Path(str(producer.properties["schema_file"])).parent.name
        for artifact_id in needed.artifacts
        if (producer := graph.producer(artifact_id)) and producer.properties.get("schema_file")
    }
    for path in sorted((root / "artifacts").glob("*/inputs/schema/*")):
        if path.name in used:
            yield Stay(path, size_bytes(path), "a schema that stays was copied from it")
        else:
            yield Removal(path, size_bytes(path), "no schema that stays was copied from it")


def _run_folders(store: RunStore, needed: Needs) -> Iterator[Removal | Stay]:
    for record in store.runs():
        path = store.run_folder(record.run_id)
        if record.run_id in needed.runs:
            yield Stay(path, size_bytes(path), needed.runs[record.run_id])
        else:
            yield Removal(path, size_bytes(path), _why_run(record))


def _why_run(record: RunRecord) -> str:
    return f"{record.state.lower()} run of {record.pipeline_name}, an old one that no model needs"


def _scratch(folder: Path, keep_last: int, what: str) -> Iterator[Removal | Stay]:
    """Folders that stand alone (each has a store of its own), all but the newest by name, and those in use."""
    if not folder.is_dir():
        return
    paths = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), reverse=True)
    for position, path in enumerate(paths):
        if _is_held(path):
            yield Stay(path, size_bytes(path), f"this {what} is under way")
        elif position < keep_last:
            yield Stay(path, size_bytes(path), f"of the last {keep_last}")
        else:
            yield Removal(path, size_bytes(path), f"an old {what}")


def _is_held(path: Path) -> bool:
    from pipeline.errors import StoreBusy

    try:
        RunStore(path).check_free()
    except StoreBusy:
        return True
    return False
