"""Executor operators that show executors local paths only; the lineage store and other nodes see `s3://` only.

    download inputs → fetch what exec properties name → empty local outputs
      → the executor → upload outputs → put URIs back

Outputs are uploaded if the executor succeeded. If a gate refused, what it wrote is uploaded too: it is the evidence.
Any other failure publishes nothing.
"""

import copy
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from ml_metadata.proto.metadata_store_pb2 import Value
from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.orchestration.portable.python_executor_operator import PythonExecutorOperator
from tfx.proto.orchestration import executable_spec_pb2, placeholder_pb2

from components.errors import ComponentError, GateRefused
from components.mirror import copies_of
from pipeline.storage import Sharing
from pipeline.storage.beam import beam_s3_options
from pipeline.storage.download import Download, download, remove_local
from pipeline.storage.errors import StorageError
from pipeline.storage.exec_properties import EXEC_PROPERTIES, Fetched
from pipeline.storage.manifest import PROPERTY
from pipeline.storage.s3 import is_remote
from pipeline.storage.upload import upload
from pipeline.storage.workspace import CONTINUED_OUTPUTS, Workspace

_OWN_PLACES = ("tmp_dir", "execution_output_uri", "stateful_working_dir")
"""Attributes of TFX's ExecutionInfo: where an executor may write what is not an output."""


def executor_operators(scratch: Path, sharing: Sharing | None = None) -> dict[Any, Callable[..., Any]]:
    """What TFX's Launcher takes as `custom_executor_operators`; copies are kept below `scratch`.

    Several nodes may use one folder, one after the other or at the same time: what one has downloaded or written, the
    next finds (and verifies). With `sharing`, Python executors are run by other machines too.
    """
    python = functools.partial(LocalizedPythonOperator, scratch=scratch, sharing=sharing)
    return {
        executable_spec_pb2.PythonClassExecutableSpec: python,
        executable_spec_pb2.BeamExecutableSpec: functools.partial(LocalizedBeamOperator, scratch=scratch),
    }


class LocalizedPythonOperator(PythonExecutorOperator):
    """TFX's, with local copies."""

    def __init__(self, *arguments: Any, scratch: Path, sharing: Sharing | None = None, **options: Any) -> None:
        """As TFX's; copies are kept below `scratch`; for `sharing` see `executor_operators`."""
        super().__init__(*arguments, **options)
        self._scratch, self._sharing = scratch, sharing

    def run_executor(self, execution_info: Any) -> Any:
        """Runs the executor on local copies; what it answers names no local path."""
        if self._sharing is not None:
            self._sharing.announce(execution_info.to_proto().SerializeToString())
        return _run_locally(execution_info, self._scratch, self._run)

    def _run(self, execution_info: Any) -> Any:
        with nullcontext() if self._sharing is None else self._sharing.training():
            return super().run_executor(execution_info)


class LocalizedBeamOperator(BeamExecutorOperator):
    """TFX's, with local copies; a Beam pipeline that reads `s3://` itself can."""

    def __init__(self, *arguments: Any, scratch: Path, **options: Any) -> None:
        """As TFX's; copies are kept below `scratch`."""
        super().__init__(*arguments, **options)
        self._scratch = scratch
        for option in beam_s3_options(os.environ):
            self.beam_pipeline_args.append(placeholder_pb2.PlaceholderExpression(value=Value(string_value=option)))

    def run_executor(self, execution_info: Any, make_beam_pipeline_fn: Any = None) -> Any:
        """Runs the executor on local copies; what it answers names no local path."""
        run = functools.partial(super().run_executor, make_beam_pipeline_fn=make_beam_pipeline_fn)
        return _run_locally(execution_info, self._scratch, run)


def _run_locally(info: Any, scratch: Path, run: Callable[[Any], Any]) -> Any:
    workspace = Workspace.make(scratch, info.pipeline_run_id, info.pipeline_node.node_info.id)
    uploads = _outputs(info, workspace)
    with local_view(info, workspace), ExitStack() as stack:
        _prepare_outputs(info, uploads)
        enter_exec_properties(info.exec_properties, workspace, uploads, stack)
        try:
            with copies_of(workspace.restored):
                output = run(info)
        except GateRefused as refusal:
            _keep_evidence(uploads, refusal)
            _name_originals(refusal, workspace)
            raise
        except Exception as error:
            for path, _ in uploads:
                remove_local(path)
            _name_originals(error, workspace)
            raise
        if output.execution_result.code:
            raise RuntimeError(f"failed with code {output.execution_result.code}: {output.execution_result}")
        _upload(uploads)
    _restore_strings(output, workspace)
    if folder := workspace.leak(output.SerializeToString()):
        raise StorageError(
            f"Node '{workspace.node_id}': what its executor published names {folder}, a folder of this machine that "
            "nobody else can read. Have it name the artifact's own uri, or a place below it."
        )
    return output


def _name_originals(error: Exception, workspace: Workspace) -> None:
    """Has the message of one of our own errors name places on S3 instead of their copies."""
    if isinstance(error, ComponentError):
        error.args = tuple(workspace.restored(text) if isinstance(text, str) else text for text in error.args)


def _outputs(info: Any, workspace: Workspace) -> list[tuple[Path, str]]:
    """Local path and URI of every output that is written to S3."""
    return [
        (workspace.local_output(key, artifact.uri), artifact.uri)
        for key, artifacts in info.output_dict.items()
        for artifact in artifacts
        if is_remote(artifact.uri) and not artifact.is_external
    ]


@contextmanager
def local_view(info: Any, workspace: Workspace) -> Iterator[None]:
    """Has the execution name local paths only, after bringing the inputs there; names its URIs again in the end."""
    inputs = [artifact for group in info.input_dict.values() for artifact in group if is_remote(artifact.uri)]
    _download(inputs, workspace)
    outputs = [
        (key, artifact)
        for key, group in info.output_dict.items()
        for artifact in group
        if is_remote(artifact.uri) and not artifact.is_external
    ]
    places = {name: getattr(info, name) or "" for name in _OWN_PLACES}
    before = [(artifact, artifact.uri) for artifact in [*inputs, *(artifact for _, artifact in outputs)]]
    exec_properties = copy.deepcopy(info.exec_properties)
    try:
        for artifact in {id(artifact): artifact for artifact in inputs}.values():
            artifact.uri = str(workspace.local(artifact.uri))
        for key, artifact in outputs:
            artifact.uri = str(workspace.local_output(key, artifact.uri))
        for name, uri in places.items():
            setattr(info, name, _local_place(name, uri, workspace))
        yield
    finally:
        for artifact, uri in before:
            artifact.uri = uri
        for name, uri in places.items():
            setattr(info, name, uri)
        info.exec_properties.clear()
        info.exec_properties.update(exec_properties)


def _local_place(name: str, uri: str, workspace: Workspace) -> str:
    """Where the executor may write what is not an output; empty, but for the state that outlives an attempt."""
    if not is_remote(uri):
        return uri
    path = workspace.local(uri)
    if name != "stateful_working_dir":
        remove_local(path)
    if name == "execution_output_uri":
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)
    path.mkdir(parents=True, exist_ok=True)
    return f"{path}{os.sep}"


def _download(inputs: list[Any], workspace: Workspace) -> None:
    wanted = {
        artifact.uri: Download(
            artifact.uri, workspace.local(artifact.uri), artifact.get_string_custom_property(PROPERTY) or ""
        )
        for artifact in inputs
    }
    if wanted:
        download(list(wanted.values()), for_whom=workspace.node_id)


def _prepare_outputs(info: Any, uploads: list[tuple[Path, str]]) -> None:
    """Makes the local outputs as TFX would, empty except for those that the node goes on from."""
    paths = {str(path) for path, _ in uploads}
    mine = {
        key: [artifact for artifact in artifacts if artifact.uri in paths]
        for key, artifacts in info.output_dict.items()
    }
    for key, artifacts in mine.items():
        for artifact in artifacts if key not in CONTINUED_OUTPUTS else ():
            remove_local(Path(artifact.uri))
    outputs_utils.make_output_dirs(mine)


def enter_exec_properties(
    exec_properties: dict[str, Any], workspace: Workspace, uploads: list[tuple[Path, str]], stack: ExitStack
) -> None:
    """Has the exec properties name local copies of what they name on S3, until the stack is closed."""
    outputs = tuple(uri for _, uri in uploads)
    for name, localise in EXEC_PROPERTIES.items():
        if name in exec_properties:
            context: AbstractContextManager[Mapping[str, Any]] = localise(Fetched(workspace, exec_properties, outputs))
            exec_properties.update(stack.enter_context(context))


def _keep_evidence(uploads: list[tuple[Path, str]], refusal: GateRefused) -> None:
    """Uploads what a refusing gate wrote; that the gate refused is told in any case."""
    try:
        _upload(uploads)
    except StorageError as error:
        raise GateRefused(f"{refusal} What it went by could not be kept: {error}") from refusal


def _upload(uploads: list[tuple[Path, str]]) -> None:
    for path, uri in uploads:
        upload(path, uri)


def _restore_strings(message: Any, workspace: Workspace) -> None:
    """Puts URIs in the place of local paths in every text of the message."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in list(value):
                if isinstance(value[key], str):
                    value[key] = workspace.restored(value[key])
                elif hasattr(value[key], "ListFields"):
                    _restore_strings(value[key], workspace)
        elif field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                _restore_strings(item, workspace)
        elif field.type == field.TYPE_STRING:
            restored = [workspace.restored(text) for text in value] if field.is_repeated else workspace.restored(value)
            if field.is_repeated:
                value[:] = restored
            else:
                setattr(message, field.name, restored)
