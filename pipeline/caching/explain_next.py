"""What the cache would do in the next run: goes through the compiled pipeline without running anything.

Needs TFX: drivers and resolvers are asked as in a run. A node behind one that will run has inputs that nobody knows
yet; of such a node only its own parts are compared.
"""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import ir as ir_documents
from pipeline.cache_policy import CachePolicy
from pipeline.caching.answers import find_answers, why_not
from pipeline.caching.explanation import ANEW, BEFORE_PARTS, FIRST, NodeExplanation
from pipeline.caching.file_index import FileIndex
from pipeline.caching.history import SYSTEM_NODES, differences, newest_success, node_history
from pipeline.caching.parts import Parts, cache_key
from pipeline.metadata import connection_config, is_there

Outputs = Mapping[str, Sequence[Any]]

_RUN_ID = "explain-cache"
_NOT_OWN = ("inputs", "day")
"""Sections that are not known before the nodes before it have run."""


@dataclasses.dataclass(frozen=True)
class NextRun:
    """What the next run is asked to do.

    Attributes:
      ir_text: the compiled pipeline.
      metadata_uri: the store, which need not be there yet.
      policy: when nodes may take earlier answers.
      now: the time, with zone.
      parameters: values of runtime parameters.
    """

    ir_text: str
    metadata_uri: str
    policy: CachePolicy
    now: datetime.datetime
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)


def explain_next_run(request: NextRun, index_path: Path) -> list[NodeExplanation]:
    """What the cache would do with each node, in topological order.

    Raises:
      BadData: no file matches the input pattern.
    """
    from tfx.orchestration.metadata import Metadata

    ir = ir_documents.parse_ir(request.ir_text)
    ir_documents.bind_parameters(ir, _RUN_ID, request.parameters)
    nodes = [node.pipeline_node for node in ir.nodes]
    if not is_there(request.metadata_uri):
        return [NodeExplanation(node.node_info.id, "miss", (FIRST,)) for node in nodes]
    connection = Metadata(connection_config(request.metadata_uri, writable=False))
    with connection, FileIndex(index_path) as index:
        explainer = _Explainer(ir, connection, request, index)
        return [explainer.explain(node) for node in nodes]


class _Explainer:
    """Goes through the nodes, and keeps the outputs of those whose outputs are known."""

    def __init__(self, ir: Any, connection: Any, request: NextRun, index: FileIndex) -> None:
        self._ir = ir
        self._connection = connection
        self._request = request
        self._index = index
        self._known: dict[str, Outputs] = {}

    def explain(self, node: Any) -> NodeExplanation:
        if node.node_info.type.name.endswith(SYSTEM_NODES):
            self._known[node.node_info.id] = self._resolved(node)
            return NodeExplanation(node.node_info.id, "always runs", (ANEW,))
        unknown = [name for name in _producers(node) if name not in self._known]
        launcher = self._launcher(node)
        if unknown:
            return self._behind(node, launcher.preview({}, self._index).parts, unknown)
        return self._in_full(node, launcher.preview(self._inputs(node), self._index).parts)

    def _in_full(self, node: Any, parts: Parts) -> NodeExplanation:
        """The explanation of a node whose inputs are known."""
        node_id, now_ms = node.node_info.id, int(self._request.now.timestamp() * 1000)
        policy, reasons = self._request.policy.of(node_id), self._switched_off(node)
        for answer in [] if reasons else find_answers(self._connection.store, cache_key(parts)):
            found = why_not(answer, policy, now_ms, self._index)
            if not found:
                self._known[node_id] = answer.outputs
                same = f"nothing changed since execution {answer.execution_id}"
                return NodeExplanation(node_id, "hit", (same,), answer=answer.execution_id)
            reasons += [reason for reason in found if reason not in reasons]
        return self._compared(node_id, parts, reasons)

    def _behind(self, node: Any, parts: Parts, unknown: list[str]) -> NodeExplanation:
        """The explanation of a node whose inputs are still to be made."""
        reasons = self._switched_off(node)
        for name in unknown:
            reasons.append(f"depends on {name}, which will run")
        return self._compared(node.node_info.id, parts, reasons, left_out=_NOT_OWN)

    def _compared(
        self, node_id: str, parts: Parts, reasons: list[str], left_out: tuple[str, ...] = ()
    ) -> NodeExplanation:
        """A miss, for these reasons and for what differs from the newest successful execution."""
        history = node_history(self._connection.store, self._ir.pipeline_info.id, node_id)
        past = newest_success(history)
        if past is None or past.parts is None:
            ran_before = any(other.is_successful for other in history)
            return NodeExplanation(node_id, "miss", (*reasons, BEFORE_PARTS if ran_before else FIRST))
        old, new = ({k: v for k, v in side.items() if k not in left_out} for side in (past.parts, parts))
        found, words = differences(self._connection.store, old, new)
        if not words and not reasons:
            words = [past.not_reusable or f"the outputs of execution {past.execution_id} are not to be found"]
        return NodeExplanation(node_id, "miss", (*reasons, *words), tuple(found), compared_with=past.execution_id)

    def _switched_off(self, node: Any) -> list[str]:
        node_id = node.node_info.id
        if not node.execution_options.caching_options.enable_cache:
            return ["switched off by pipeline.cache: false"]
        return [] if self._request.policy.of(node_id).cache else [f"switched off by nodes.{node_id}.cache: false"]

    def _launcher(self, node: Any) -> Any:
        from pipeline.caching.launcher import Caching, make_launcher

        return make_launcher(self._ir, node, self._connection, Caching(clock=lambda: self._request.now))

    def _inputs(self, node: Any) -> dict[str, list[Any]]:
        """The artifacts that the node would read, from the outputs of the nodes before it."""
        found: dict[str, list[Any]] = {}
        for key, spec in node.inputs.inputs.items():
            for channel in () if spec.hidden else spec.channels:
                outputs = self._known.get(channel.producer_node_query.id, {})
                found.setdefault(key, []).extend(outputs.get(channel.output_key, []))
        return found

    def _resolved(self, node: Any) -> Outputs:
        """What a resolver finds now; nothing where it finds nothing."""
        from tfx.orchestration.portable import inputs_utils
        from tfx.orchestration.portable.input_resolution.exceptions import InputResolutionError

        try:
            found = inputs_utils.resolve_input_artifacts(pipeline_node=node, metadata_handle=self._connection)
        except InputResolutionError:
            return {}
        return {} if isinstance(found, inputs_utils.Skip) or not found else found[0]


def _producers(node: Any) -> list[str]:
    """The nodes whose outputs it reads."""
    names = [channel.producer_node_query.id for spec in node.inputs.inputs.values() for channel in spec.channels]
    return list(dict.fromkeys(name for name in names if name))
