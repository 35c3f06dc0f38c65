"""Publishes an earlier run's outputs in a new run, so that nodes can be run without what lies before them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import ir as ir_documents
from pipeline.caching.answers import outputs_of, why_damaged
from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import INDEX_NAME
from pipeline.errors import ConfigError
from pipeline.metadata import connection_config, metadata_path


def reuse_outputs(ir_path: str, metadata_uri: str, run_id: str, base_run_id: str, node_ids: Sequence[str]) -> None:
    """Gives each node a cached execution in `run_id` whose outputs are those of its execution in `base_run_id`.

    Does nothing for a node that has one already. TFX's own partial runs (`partial_run_utils`) work likewise, and need
    marks in the IR, which would be another document.

    Raises:
      ConfigError: naming every node that has not succeeded in the earlier run, or whose outputs are not as they were.
    """
    from pipeline.caching.metadata_lock import LockedMetadata

    ir = ir_documents.parse_ir(Path(ir_path).read_text(encoding="utf-8"))
    ir_documents.bind_parameters(ir, run_id, {})
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in ir.nodes}
    store = metadata_path(metadata_uri)
    index_path = None if store is None else store.with_name(INDEX_NAME)
    with LockedMetadata(connection_config(metadata_uri, writable=True)) as handle, FileIndex(index_path) as index:
        found = {node_id: _outputs(handle, nodes[node_id], base_run_id, index) for node_id in node_ids}
        problems = [
            f"Run '{base_run_id}' cannot give the outputs of '{node_id}': {outputs}. Start at that node or before it, "
            "or name another run with --base."
            for node_id, outputs in found.items()
            if isinstance(outputs, str)
        ]
        if problems:
            raise ConfigError(problems)
        for node_id, outputs in found.items():
            _publish(handle, nodes[node_id], outputs)


def _outputs(handle: Any, node: Any, base_run_id: str, index: FileIndex) -> Any:
    """The outputs of the node in that run by key, or a phrase that says why there are none."""
    from tfx.orchestration.portable.mlmd import execution_lib

    run = handle.store.get_context_by_type_and_name("pipeline_run", base_run_id)
    context = handle.store.get_context_by_type_and_name("node", _context_name(node, "node"))
    executions = (
        execution_lib.get_executions_associated_with_all_contexts(handle, [run, context]) if run and context else []
    )
    succeeded = [execution for execution in executions if execution_lib.is_execution_successful(execution)]
    if not succeeded:
        return "the node has not succeeded in it"
    outputs = outputs_of(handle.store, succeeded[-1].id)
    damages = [
        damage for artifacts in outputs.values() for artifact in artifacts if (damage := why_damaged(artifact, index))
    ]
    return "; ".join(damages) or outputs


def _context_name(node: Any, type_name: str) -> str:
    contexts = {context.type.name: context for context in node.contexts.contexts}
    return str(contexts[type_name].name.field_value.string_value)


def _publish(handle: Any, node: Any, outputs: Any) -> None:
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration.portable import execution_publish_utils
    from tfx.orchestration.portable.mlmd import context_lib, execution_lib

    contexts = context_lib.prepare_contexts(metadata_handle=handle, node_contexts=node.contexts)
    earlier = execution_lib.get_executions_associated_with_all_contexts(handle, contexts)
    if any(execution_lib.is_execution_successful(execution) for execution in earlier):
        return
    execution = earlier[0] if earlier else _registered(handle, node, contexts)
    execution.last_known_state = metadata_store_pb2.Execution.RUNNING
    execution_publish_utils.publish_cached_executions(
        handle, contexts=contexts, executions=[execution], output_artifacts_maps=[outputs]
    )


def _registered(handle: Any, node: Any, contexts: Any) -> Any:
    from tfx.orchestration.portable import execution_publish_utils

    return execution_publish_utils.register_execution(
        metadata_handle=handle, execution_type=node.node_info.type, contexts=contexts
    )
