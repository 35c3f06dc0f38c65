"""A machine's part in an execution that another one publishes: the executor on local copies, its outputs discarded."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tfx.orchestration.portable import outputs_utils
from tfx.orchestration.portable.python_executor_operator import PythonExecutorOperator
from tfx.types import standard_component_specs
from tfx.utils import path_utils

from pipeline.storage.localize import enter_exec_properties, local_view
from pipeline.storage.workspace import Workspace

_OWN_PLACES = ("tmp_dir", "execution_output_uri", "stateful_working_dir")


def run_and_discard(spec: Any, info: Any, scratch: Path) -> None:
    """Runs the Python executor of the spec; what it writes is gone afterwards.

    Args:
      spec: TFX's PythonClassExecutableSpec.
      info: TFX's ExecutionInfo, as the machine has it that publishes; changed.
      scratch: a folder for copies of the inputs, which stay.
    """
    workspace = Workspace.make(scratch, info.pipeline_run_id, info.pipeline_node.node_info.id, {})
    with tempfile.TemporaryDirectory(prefix="share-", dir=workspace.scratch) as folder, ExitStack() as stack:
        _write_below(info, Path(folder))
        stack.enter_context(local_view(info, workspace))
        enter_exec_properties(info.exec_properties, workspace, [], stack)
        PythonExecutorOperator(spec).run_executor(info)


def _write_below(info: Any, folder: Path) -> None:
    """Has the execution write there only."""
    for name in _OWN_PLACES:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        setattr(info, name, str(place))
    for key, artifacts in info.output_dict.items():
        for index, artifact in enumerate(artifacts):
            artifact.uri = str(folder / key / str(index))
    outputs_utils.make_output_dirs(info.output_dict)
    for model in info.output_dict.get(standard_component_specs.MODEL_KEY, ()):
        # Only the machine that publishes writes the model; the Trainer looks whether this is there.
        Path(path_utils.serving_model_dir(model.uri)).mkdir(parents=True)
