"""Carries a cleaning plan out: marks in the lineage store, then removes, so that a kill leaves nothing half-true."""

from pathlib import Path

from components.model_registry.local import STAGES_FOLDER
from components.model_registry.versions import STAGES
from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import LineageStore
from pipeline.retention.needs import needs
from pipeline.retention.plan import CleaningPlan, make_plan, output_folders
from pipeline.retention.removal import remove
from pipeline.run_store import RunStore

LOCK_NAME = "gc"
"""What holds the store while it is cleaned, in the place of a run's id."""


def plan_cleaning(store: RunStore, keep_last: int, push_folder: Path) -> CleaningPlan:
    """What a cleaning would do now; changes nothing.

    Raises:
      NotFound: the lineage store is not there or older than what lies beside it, so nobody knows what is needed.
    """
    graph = LineageGraph.read(LineageStore(store.metadata_uri))
    pushed = store.root / "pushed"
    folders = {push_folder, *(path for path in pushed.glob("*") if path.is_dir())}
    _refuse_if_unknown(store, graph)
    needed = needs(graph, store.runs(), keep_last, sorted(folders), registry_folders(store.root))
    return make_plan(store, graph, needed, keep_last)


def registry_folders(root: Path) -> dict[Path, str]:
    """Folders of registered versions that are not archived, with their stage; an archived one may be forgotten."""
    stages = [stage for stage in STAGES if stage != "archived"]
    return {
        folder: stage
        for stage in stages
        for folder in sorted((root / "registry").glob(f"*/{STAGES_FOLDER}/{stage}"))
        if folder.is_dir()
    }


def _refuse_if_unknown(store: RunStore, graph: LineageGraph) -> None:
    """Raises NotFound if nodes wrote outputs that the lineage store has never heard of: it was lost or restored."""
    newest = max(graph.snapshot.executions, default=0)
    unknown = [path for path in output_folders(store.root) if int(path.name) > newest]
    if unknown:
        raise NotFound(
            f"{store.metadata_uri.removeprefix('sqlite:///')} knows of {newest} executions, but there are outputs of "
            f"later ones, such as {unknown[0]}: it was lost or restored from an older copy, so what is still needed is "
            "not known. Bring the newest copy back; nothing was removed."
        )


def clean(store: RunStore, keep_last: int, push_folder: Path) -> CleaningPlan:
    """Removes what is not needed; returns what was done.

    Raises:
      StoreBusy: a run holds the store.
      OSError: something cannot be removed; what was removed before stays removed, and another call goes on.
    """
    with store.lock(LOCK_NAME, wait=False):
        plan = plan_cleaning(store, keep_last, push_folder)
        ids = [removal.artifact_id for removal in plan.removals if removal.artifact_id is not None]
        LineageStore(store.metadata_uri).mark_deleted(ids)
        for removal in plan.removals:
            remove(removal.path, store.root)
    return plan
