"""The states of runs and nodes in words and marks, so that no page tells them by colour alone."""

import dataclasses

from markupsafe import Markup

from pipeline.report.tags import tag
from pipeline.run_store import NodeRecord, RunRecord


@dataclasses.dataclass(frozen=True)
class State:
    """How a state is shown: a mark, a word, and the tone (good, same, busy, bad, quiet) that colours follow."""

    mark: str
    word: str
    tone: str
    meaning: str


STATES = {
    "COMPLETE": State("✓", "done", "good", "ran in this run"),
    "CACHED": State("≡", "cached", "same", "nothing that it depends on changed: an earlier run's outputs stand"),
    "REUSED": State("↺", "reused", "same", "outputs taken from the run that this one continues"),
    "SKIPPED": State("–", "skipped", "quiet", "its condition said that it need not run"),  # noqa: RUF001
    "RUNNING": State("▶", "running", "busy", "at work"),
    "FAILED": State("✕", "failed", "bad", "ended with an error"),
    "AWAITING_APPROVAL": State("⧗", "awaiting approval", "busy", "a person must decide"),
    "NOT_RUN": State("○", "not run", "quiet", "did not get its turn"),
    "WAITING": State("○", "waiting", "quiet", "waits for others"),
    "INTERRUPTED": State("■", "interrupted", "bad", "was stopped before its end"),
}


def state_of(run: RunRecord, node_id: str) -> str:
    """The node's state in the run, also where the run has not reached it."""
    node = run.node(node_id)
    if node is None:
        return "WAITING" if run.state == "RUNNING" else "NOT_RUN"
    return "INTERRUPTED" if node.state == "RUNNING" and run.state != "RUNNING" else node.state


def shown_state(state: str) -> State:
    """How the state is shown; a state of a newer version by its own name."""
    return STATES.get(state, State("?", state.lower().replace("_", " "), "quiet", ""))


def badge_text(state: str) -> str:
    """The state as a mark and a word, as text."""
    shown = shown_state(state)
    return f"{shown.mark} {shown.word}"


def badge(state: str) -> Markup:
    """The state as a mark and a word."""
    shown = shown_state(state)
    return tag(
        "span", tag("span", shown.mark, aria_hidden="true"), f" {shown.word}", class_=f"pn-state pn-{shown.tone}"
    )


def node_or_empty(run: RunRecord, node_id: str) -> NodeRecord:
    """The node's record, one without numbers if the run has not reached it."""
    return run.node(node_id) or NodeRecord(node_id, state_of(run, node_id))
