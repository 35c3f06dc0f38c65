"""Carries a cleaning plan out: marks in the lineage store, then removes, so that a kill leaves nothing half-true."""

from pathlib import Path

from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import LineageStore
from pipeline.retention.needs import needs
from pipeline.retention.plan import CleaningPlan, make_plan
from pipeline.retention.removal import remove
from pipeline.run_store import RunStore

LOCK_NAME = "gc"
"""What holds the store while it is cleaned, in the place of a run's id."""


def plan_cleaning(store: RunStore, keep_last: int, push_folder: Path) -> CleaningPlan:
    """What a cleaning would do now; changes nothing."""
    graph = LineageGraph.read(LineageStore(store.metadata_uri))
    pushed = store.root / "pushed"
    folders = {push_folder, *(path for path in pushed.glob("*") if path.is_dir())}
    needed = needs(graph, store.runs(), keep_last, sorted(folders))
    return make_plan(store, graph, needed, keep_last)


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
