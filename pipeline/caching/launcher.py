"""TFX's launcher with our cache in place of its own."""

import dataclasses
import datetime
import json
import logging
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attr
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import data_types_utils
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import execution_publish_utils, inputs_utils, outputs_utils
from tfx.orchestration.portable.launcher import Launcher
from tfx.orchestration.portable.mlmd import context_lib, execution_lib
from tfx.proto.orchestration import execution_result_pb2

from components.errors import GateRefused
from pipeline.cache_policy import NodePolicy
from pipeline.caching.answers import (
    CACHE_CONTEXT,
    CACHE_KEY,
    CACHE_PARTS,
    CACHED_FROM,
    MISS_REASONS,
    NOT_REUSABLE,
    Answer,
    find_answers,
    record_fingerprints,
    why_not,
)
from pipeline.caching.file_index import FileIndex
from pipeline.caching.loaded_code import LoadedCode
from pipeline.caching.lock_file import read_lock, store_lock_packages
from pipeline.caching.node_parts import NodeCall, NodeKey, node_key
from pipeline.caching.parts import cache_key, canonical
from pipeline.counting import counting
from pipeline.storage.errors import StorageError
from pipeline.storage.published import remove
from pipeline.storage.s3 import is_remote
from pipeline.storage.workspace import CONTINUED_OUTPUTS

_log = logging.getLogger(__name__)


def utc_now() -> datetime.datetime:
    """The time, with zone."""
    return datetime.datetime.now(datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Caching:
    """What the launcher needs to know besides TFX's arguments.

    Attributes:
      policy: of this node.
      index_path: see `FileIndex`.
      clock: gives the time with zone.
    """

    policy: NodePolicy = dataclasses.field(default_factory=NodePolicy)
    index_path: Path | None = None
    clock: Callable[[], datetime.datetime] = utc_now


class CachingLauncher(Launcher):
    """Runs a node, or takes the outputs of an earlier execution with the same parts if their bytes are still there.

    TFX's own cache goes by artifact numbers and paths: it does not see edits of local modules, and does not look at
    the bytes it answers with. Everything else is TFX's. Of TFX 1.21 (pinned) these private methods are overridden:

      `_prepare_execution`             has resolved inputs, parameters (driver included) and outputs when it returns:
                                       here the key is computed and an earlier answer looked for. TFX's own lookup is
                                       switched off in the node.
      `_publish_successful_execution`  the last moment before outputs become visible: here they are fingerprinted and
                                       the key is put on the execution.
      `_run_executor`                  a gate that refuses leaves its evidence: what it wrote is not removed.
      `_publish_failed_execution`      and the store is told where that is, as ABANDONED artifacts, which neither the
                                       cache nor a resolver nor a node's input takes.
    """

    def __init__(self, *, caching: Caching, pipeline_node: Any, **arguments: Any) -> None:
        """As TFX's, for a copy of the node; what the IR says about caching holds together with the policy."""
        node = type(pipeline_node)()
        node.CopyFrom(pipeline_node)
        options = node.execution_options.caching_options
        self._takes_answers = bool(options.enable_cache) and caching.policy.cache
        options.enable_cache = False
        self._code = LoadedCode()  # before TFX's loads the executor
        super().__init__(pipeline_node=node, **arguments)
        self._caching = caching
        self._driver_spec = arguments.get("custom_driver_spec")
        self._key: NodeKey | None = None
        self._miss_reasons: list[str] = []
        self._evidence: Any = None

    def _prepare_execution(self) -> Any:
        prepared = super()._prepare_execution()
        if not prepared.is_execution_needed:
            return prepared
        with FileIndex(self._caching.index_path) as index:
            self._key = self._key_of(prepared.execution_info, index)
            answer = self._use_context(prepared, index)
        if answer is None:
            _remove_leftovers(prepared)
            return prepared
        self._publish_cached(prepared, answer)
        _remove_everything(prepared.execution_info)
        return attr.evolve(prepared, is_execution_needed=False)

    def _publish_successful_execution(
        self, execution_id: int, contexts: Any, output_dict: Any, executor_output: Any
    ) -> None:
        executor_output = executor_output or execution_result_pb2.ExecutorOutput()
        self._fingerprint(output_dict, executor_output)
        assert self._key is not None
        properties = executor_output.execution_properties
        properties[CACHE_PARTS].string_value = canonical(self._key.parts)
        properties[MISS_REASONS].string_value = json.dumps(self._miss_reasons)
        edited = self._code.edited(module.path for module in self._key.modules)
        if edited:
            names = ", ".join(sorted(path.name for path in edited))
            properties[NOT_REUSABLE].string_value = f"{names} changed while this process ran, so what ran is not known"
            contexts = contexts[:-1]  # without the cache's
        else:
            properties[CACHE_KEY].string_value = cache_key(self._key.parts)
        super()._publish_successful_execution(execution_id, contexts, output_dict, executor_output)

    def _run_executor(self, execution_info: Any) -> Any:
        outputs_utils.make_output_dirs(_on_this_machine(execution_info.output_dict))
        try:
            output = self._executor_operator.run_executor(execution_info)
            if output.execution_result.code:
                raise RuntimeError(f"failed with code {output.execution_result.code}: {output.execution_result}")
        except GateRefused:
            self._evidence = execution_info.output_dict
            raise
        except Exception:
            with _failures_logged():
                _remove_outputs(execution_info, frozenset())
            raise
        return output

    def _publish_failed_execution(self, execution_id: int, contexts: Any, executor_output: Any = None) -> None:
        if self._key is not None:
            contexts = contexts[:-1]  # without the cache's: the execution may be tried again with another key
        super()._publish_failed_execution(execution_id, contexts, executor_output)
        if not self._evidence:
            return
        for artifact in (artifact for artifacts in self._evidence.values() for artifact in artifacts):
            artifact.mlmd_artifact.state = metadata_store_pb2.Artifact.ABANDONED
        with self._mlmd_connection as connection:
            (execution,) = connection.store.get_executions_by_id([execution_id])
            execution_lib.put_execution(connection, execution, contexts, output_artifacts=self._evidence)

    def preview(self, inputs: Mapping[str, Sequence[Any]], index: FileIndex) -> NodeKey:
        """The key that the node would have with these inputs; runs the driver, and writes nothing."""
        parameters = inputs_utils.resolve_parameters_with_schema(node_parameters=self._pipeline_node.parameters)
        exec_properties = data_types_utils.build_parsed_value_dict(parameters)
        outputs = self._output_resolver.generate_output_artifacts(0)
        arguments = {"input_dict": inputs, "output_dict": outputs, "exec_properties": exec_properties}
        if self._driver_operator:
            answer = self._driver_operator.run_driver(self._build_execution_info(**arguments))
            self._update_with_driver_output(answer, exec_properties, outputs)
        return self._key_of(self._build_execution_info(**arguments), index)

    def _key_of(self, info: Any, index: FileIndex) -> NodeKey:
        call = NodeCall(
            node=self._pipeline_node,
            pipeline_name=self._pipeline_info.id,
            executor_spec=self._executor_spec,
            driver_spec=self._driver_spec,
            inputs=info.input_dict,
            outputs=info.output_dict,
            exec_properties=info.exec_properties,
        )
        today = self._caching.clock().astimezone(datetime.UTC).date()
        return node_key(call, index, today, read_lock().digest)

    def _use_context(self, prepared: Any, index: FileIndex) -> Answer | None:
        """Puts our cache context in the place of TFX's, and returns an answer that may be taken, if there is one."""
        assert self._key is not None
        key = cache_key(self._key.parts)
        with self._mlmd_connection as connection:
            store_lock_packages(connection.store, read_lock())
            prepared.contexts[-1] = context_lib.register_context_if_not_exists(connection, CACHE_CONTEXT, key)
            answers = find_answers(connection.store, key)
        if not self._takes_answers:
            self._miss_reasons = ["the cache is switched off for this node"]
            return None
        return next((answer for answer in answers if self._may_take(answer, index)), None)

    def _may_take(self, answer: Answer, index: FileIndex) -> bool:
        now_ms = int(self._caching.clock().timestamp() * 1000)
        reasons = why_not(answer, self._caching.policy, now_ms, index)
        self._miss_reasons += [reason for reason in reasons if reason not in self._miss_reasons]
        for reason in reasons:
            _log.info("Not taking the outputs of execution %d: %s.", answer.execution_id, reason)
        return not reasons

    def _publish_cached(self, prepared: Any, answer: Answer) -> None:
        assert self._key is not None
        execution = prepared.execution_metadata
        execution.custom_properties[CACHE_KEY].string_value = cache_key(self._key.parts)
        execution.custom_properties[CACHE_PARTS].string_value = canonical(self._key.parts)
        execution.custom_properties[CACHED_FROM].int_value = answer.execution_id
        with self._mlmd_connection as connection:
            execution_publish_utils.publish_cached_executions(
                metadata_handle=connection,
                contexts=prepared.contexts,
                executions=[execution],
                output_artifacts_maps=[answer.outputs],
            )
        _log.info("Taking the outputs of execution %d.", answer.execution_id)

    def _fingerprint(self, output_dict: Any, executor_output: Any) -> None:
        """Records each output's bytes; of a key that the executor answered about, its own words are published."""
        with FileIndex(self._caching.index_path) as index:
            for key, artifacts in output_dict.items():
                if key in executor_output.output_artifacts:
                    protos = executor_output.output_artifacts[key].artifacts
                else:
                    protos = [artifact.mlmd_artifact for artifact in artifacts]
                for proto in protos:
                    record_fingerprints(proto, index)


def make_launcher(
    ir: Any, node: Any, connection: Any, caching: Caching, executor_operators: Mapping[Any, Any] | None = None
) -> CachingLauncher:
    """The launcher of one node of a pipeline whose parameters are bound.

    Args:
      ir: the pipeline.
      node: of the pipeline.
      connection: to the ML Metadata store.
      caching: see `Caching`.
      executor_operators: who runs executors in place of TFX's own, by the type of their spec; see
        `pipeline.storage.executor_operators`.
    """
    deployment, node_id = runner_utils.extract_local_deployment_config(ir), node.node_info.id
    return CachingLauncher(
        caching=caching,
        pipeline_node=node,
        mlmd_connection=connection,
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=counting(runner_utils.extract_executor_spec(deployment, node_id)),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
        custom_executor_operators=dict(executor_operators or {}),
    )


@contextmanager
def _failures_logged() -> Iterator[None]:
    """Lets a failure to clean up on S3 pass with a line in the log: why the node failed is what has to be told."""
    try:
        yield
    except StorageError as error:
        _log.warning("What the node left is still there: %s", error)


def _on_this_machine(outputs: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Without those on S3, which has no folders to make."""
    return {key: [item for item in items if not is_remote(item.uri)] for key, items in outputs.items()}


def _remove_leftovers(prepared: Any) -> None:
    """Removes what is already where the node will write: the work of an attempt that was killed.

    An execution that was stored before this start is being taken up again, and goes on from some of its outputs.
    Anything where a new execution will write is of a store that is gone.
    """
    is_taken_up_again = prepared.execution_metadata.HasField("create_time_since_epoch")
    kept = CONTINUED_OUTPUTS if is_taken_up_again else frozenset()
    _remove_outputs(prepared.execution_info, kept)
    tmp_dir = prepared.execution_info.tmp_dir
    if not is_remote(tmp_dir):  # on S3 nothing is written there
        _remove(tmp_dir)
        os.makedirs(tmp_dir)


def _remove_everything(info: Any) -> None:
    """Removes the folders that were made for an execution that took an earlier answer."""
    _remove_outputs(info, frozenset())
    _remove(os.path.dirname(info.execution_output_uri))
    _remove(info.stateful_working_dir)


def _remove_outputs(info: Any, kept: Collection[str]) -> None:
    for key, artifacts in info.output_dict.items():
        for artifact in artifacts:
            if key not in kept and not artifact.is_external:
                _remove(artifact.uri)


def _remove(path: str) -> None:
    if is_remote(path):
        remove(path)
        return
    with suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
