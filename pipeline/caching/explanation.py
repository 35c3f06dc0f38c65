"""What the cache does with each node, and why: the answer of `penstock explain-cache`."""

import dataclasses
from typing import Any, Literal

from pipeline.caching.history import PastExecution, differences, newest_success, node_history, past_of_run
from pipeline.caching.parts import Change

Verdict = Literal["hit", "miss", "always runs", "failed", "not run"]

ANEW = "it looks anew each time"
BEFORE_PARTS = "it last ran before this was recorded"
FIRST = "it has not succeeded before"


@dataclasses.dataclass(frozen=True)
class NodeExplanation:
    """One node.

    Attributes:
      verdict: `hit`: outputs are taken from an earlier execution; `miss`: the node is carried out.
      reasons: in words, most telling first.
      changes: the parts that differ from the newest successful execution.
      answer: the execution whose outputs are taken, for a hit.
      compared_with: the execution that `changes` refer to.
    """

    node_id: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    answer: int | None = None
    compared_with: int | None = None

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return dataclasses.asdict(self)


def explain_run(store: Any, pipeline_name: str, run_id: str, node_ids: tuple[str, ...]) -> list[NodeExplanation]:
    """What happened to each node in that run, from what was recorded then."""
    in_run = {past.execution_id for past in past_of_run(store, run_id, pipeline_name)}
    return [_explain_past(store, node_id, node_history(store, pipeline_name, node_id), in_run) for node_id in node_ids]


def _explain_past(store: Any, node_id: str, history: list[PastExecution], in_run: set[int]) -> NodeExplanation:
    past = next((past for past in history if past.execution_id in in_run), None)
    if past is None:
        return NodeExplanation(node_id, "not run")
    if past.has_no_cache:
        return NodeExplanation(node_id, "always runs", (ANEW,))
    if past.cached_from is not None:
        return NodeExplanation(
            node_id, "hit", (f"nothing changed since execution {past.cached_from}",), (), past.cached_from
        )
    if past.state == "CACHED":
        return NodeExplanation(node_id, "hit", ("its outputs were taken from an earlier run",))
    if not past.is_successful:
        return NodeExplanation(node_id, "failed", (f"execution {past.execution_id} is {past.state}",))
    if past.parts is None:
        return NodeExplanation(node_id, "miss", ("it ran before this was recorded",))
    earlier = newest_success([other for other in history if other.execution_id < past.execution_id])
    if earlier is None or earlier.parts is None:
        return NodeExplanation(node_id, "miss", (*past.miss_reasons, FIRST))
    found, words = differences(store, earlier.parts, past.parts)
    reasons = (*past.miss_reasons, *words) or (_why_again(earlier),)
    return NodeExplanation(node_id, "miss", reasons, tuple(found), compared_with=earlier.execution_id)


def _why_again(earlier: PastExecution) -> str:
    """Why equal parts did not give a hit, where nothing was noted."""
    if earlier.not_reusable:
        return f"the outputs of execution {earlier.execution_id} cannot be taken: {earlier.not_reusable}"
    return f"nothing changed since execution {earlier.execution_id}, whose outputs were not there any more"
