"""What an orchestrator's document branches on: which conditional nodes are to run, and what became of the approval.

By TFX's own resolution of inputs, so that the document's condition and the node's own skipping cannot disagree.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline import ir as ir_documents
from pipeline.errors import NodeFailed
from pipeline.launch.node import node_of

DECISION_FILE = "decision.json"

RUN, SKIP = "run", "skip"
APPROVED, WAITING, REFUSED = "approved", "waiting", "refused"


def decide(ir: Any, node_ids: Iterable[str], connection: Any) -> dict[str, str]:
    """`run` or `skip` for each of these nodes.

    Args:
      ir: the pipeline, its parameters bound.
      node_ids: what to decide about; everything that their inputs and conditions come from has ended.
      connection: to the lineage store.

    Raises:
      NodeFailed: something that a node or its condition reads was never published.
    """
    with connection as handle:
        return {node_id: _decided(node_of(ir, node_id), handle) for node_id in node_ids}


def _decided(node: Any, handle: Any) -> str:
    from tfx.orchestration.portable import inputs_utils
    from tfx.orchestration.portable.input_resolution.exceptions import InputResolutionError

    try:
        found = inputs_utils.resolve_input_artifacts(pipeline_node=node, metadata_handle=handle)
    except InputResolutionError as error:
        node_id = node.node_info.id
        text = f"--decide {node_id}: whether it runs cannot be told, because what it reads was not published ({error})."
        raise NodeFailed(text, node_id=node_id) from error
    return SKIP if isinstance(found, inputs_utils.Skip) else RUN


def behind(ir_text: str, node_id: str) -> frozenset[str]:
    """The nodes that cannot run before this one has ended."""
    found = {node_id}
    for other, upstream in ir_documents.upstream_nodes(ir_text).items():  # in topological order
        if found.intersection(upstream):
            found.add(other)
    return frozenset(found - {node_id})


def approval_of(node: Any, execution_id: int | None, connection: Any) -> str | None:
    """`approved` or `refused` by what a node that approves models published; None for any other node.

    A node that was skipped approved nothing.
    """
    from components.model_approval.artifact import ModelApproval
    from pipeline.caching.answers import outputs_of

    keys = [key for key, spec in node.outputs.outputs.items() if _type_name(spec) == ModelApproval.TYPE_NAME]
    if not keys:
        return None
    if execution_id is None:
        return REFUSED
    with connection as handle:
        outputs = outputs_of(handle.store, execution_id)
    approvals = [approval for key in keys for approval in outputs.get(key, ())]
    return APPROVED if approvals and all(approval.approved for approval in approvals) else REFUSED


def _type_name(output_spec: Any) -> str:
    return str(output_spec.artifact_spec.type.name)


def write_decisions(answers: Mapping[str, str], folder: str) -> None:
    """Writes `decision.json` into the folder, which may be `s3://…`."""
    text = json.dumps(dict(answers), sort_keys=True) + "\n"
    if "://" in folder:
        from pipeline.storage import write_text

        write_text(f"{folder.rstrip('/')}/{DECISION_FILE}", text)
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    temporary = Path(folder, f".{DECISION_FILE}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(Path(folder, DECISION_FILE))


def write_answers(answers: Mapping[str, str], paths: Mapping[str, Path]) -> None:
    """Writes what was decided about each of these nodes into its file, one word and nothing else.

    Raises:
      NodeFailed: nothing was decided about one of them.
    """
    for node_id, path in paths.items():
        if node_id not in answers:
            raise NodeFailed(f"--answer {node_id}: it approves nothing, so there is no answer.", node_id=node_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(answers[node_id], encoding="utf-8")
