"""What killed attempts left below a pipeline's root on S3: pieces of outputs that were never published.

An output counts once its manifest lies beside it (pipeline/storage): without one nobody reads it, and only the same
execution, started again, goes on from what is there. Published outputs are left alone, whatever run they are of: which
of them is still needed depends on runs and endpoints that this machine may not know of.
"""

import dataclasses
import datetime
import re
from collections.abc import Iterable, Iterator

from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import LineageStore
from pipeline.platform_root import PlatformRoot
from pipeline.storage.manifest import SUFFIX
from pipeline.storage.published import manifest_place, remove
from pipeline.storage.s3 import Location, StoredObject, describe, listing
from pipeline.submissions import check_reachable

QUIET = datetime.timedelta(days=1)
"""What was written to more lately may be an upload that goes on."""

_OUTPUT = re.compile(r"(?P<output>(?!inputs/)[^/.][^/]*/[^/.][^/]*/(?P<execution>[0-9]+))([/.].*)?")


@dataclasses.dataclass(frozen=True)
class Leftover:
    """Objects of an output that was not published, and why they may go or have to stay."""

    uri: str
    size_bytes: int
    why: str


@dataclasses.dataclass(frozen=True)
class RemotePlan:
    """What goes and what stays of it; of published outputs number and bytes."""

    removals: tuple[Leftover, ...]
    stays: tuple[Leftover, ...]
    published: int
    published_bytes: int


@dataclasses.dataclass
class _Output:
    execution_id: int
    written_at: datetime.datetime
    size_bytes: int = 0
    is_published: bool = False


def plan_of_jobs(root: PlatformRoot, keep_last: int) -> RemotePlan:
    """What a cleaning of a root on S3 would do now, by the lineage store that the jobs write to; changes nothing.

    Raises:
      NotFound: the store is not there, or not the one of these artifacts.
      StorageError: S3 does not answer.
      StoreUnreachable: the store does not.
    """
    name = root.config.pipeline.name
    check_reachable(root.metadata)
    graph = LineageGraph.read(LineageStore(root.metadata))
    return plan_remote(root.below("artifacts", name), name, graph, keep_last, datetime.datetime.now(datetime.UTC))


def plan_remote(
    place: str, pipeline_name: str, graph: LineageGraph, keep_last: int, now: datetime.datetime
) -> RemotePlan:
    """What a cleaning of the pipeline's artifacts on S3 would do now; changes nothing.

    Args:
      place: `s3://…` of all artifacts of the pipeline.
      pipeline_name: whose they are.
      graph: the lineage that the jobs wrote.
      keep_last: in how many of the latest runs a node that was killed may be started again.
      now: the time, with zone.

    Raises:
      NotFound: there are outputs of executions that the lineage does not know: it was lost, or is another's.
      StorageError: S3 does not answer.
    """
    root = Location.parse(place)
    found = _outputs(listing(root), f"{root.key}/")
    newest = max(graph.snapshot.executions, default=0)
    if unknown := [name for name, output in found.items() if output.execution_id > newest]:
        raise NotFound(
            f"The jobs' lineage store knows of {newest} executions, but there are outputs of later ones, such as "
            f"{root.below(unknown[0]).uri}: it was lost or restored from an older copy, or is not the one of these "
            "artifacts (`metadata` of its section), so what is still needed is not known. Nothing was removed on S3."
        )
    resumable = set(_latest_runs(graph, pipeline_name, keep_last))
    named = [artifact.uri for artifact in graph.snapshot.artifacts.values() if artifact.state != "PENDING"]
    removals: list[Leftover] = []
    stays: list[Leftover] = []
    for name, output in found.items():
        if output.is_published:
            continue
        uri = root.below(name).uri
        reason = _why_stays(uri, output, graph, resumable, named, now)
        why = reason or "no manifest; left by an attempt that was killed"
        (stays if reason else removals).append(Leftover(uri, output.size_bytes, why))
    published = [output for output in found.values() if output.is_published]
    return RemotePlan(tuple(removals), tuple(stays), len(published), sum(item.size_bytes for item in published))


def _outputs(objects: Iterable[StoredObject], prefix: str) -> dict[str, _Output]:
    """The outputs by `<node>/<key>/<execution>`; staged inputs and working files of jobs are none."""
    found: dict[str, _Output] = {}
    for item in objects:
        parts = _OUTPUT.fullmatch(item.key.removeprefix(prefix))
        if parts is None:
            continue
        output = found.setdefault(parts["output"], _Output(int(parts["execution"]), item.written_at))
        output.is_published |= item.key.endswith(SUFFIX)  # of one of several artifacts, or of a value, it lies within
        output.size_bytes += item.size
        output.written_at = max(output.written_at, item.written_at)
    return found


def _latest_runs(graph: LineageGraph, pipeline_name: str, keep_last: int) -> Iterator[str]:
    """The runs of the pipeline that began last, by their first execution."""
    runs = [run_id for run_id in graph.run_ids if graph.executions_of_run(run_id, pipeline_name)]
    yield from runs[len(runs) - min(keep_last, len(runs)) :]


def _why_stays(
    uri: str, output: _Output, graph: LineageGraph, resumable: set[str], named: list[str], now: datetime.datetime
) -> str:
    """Why an output without a manifest has to stay, "" if it may go."""
    if now - output.written_at < QUIET:
        return "written to less than a day ago"
    if any(name == uri or name.startswith(f"{uri}/") for name in named):
        return "the lineage store names it, though its manifest is gone"
    execution = graph.snapshot.executions.get(output.execution_id)
    if execution is not None and not execution.is_finished and (runs := resumable & set(execution.run_ids)):
        return f"its node in run {min(runs)}, started again, goes on from it"
    return ""


def clean_remote(plan: RemotePlan) -> None:
    """Removes what the plan removes; what was published since it was made stays.

    Raises:
      StorageError: S3 does not let it be removed; what was removed before stays removed.
    """
    for leftover in plan.removals:
        place = Location.parse(leftover.uri)
        is_published = describe(manifest_place(place)) is not None
        if not is_published and not any(item.key.endswith(SUFFIX) for item in listing(place)):
            remove(leftover.uri)
