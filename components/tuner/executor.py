"""TFX's Tuner executor, working in a folder that outlives a failed attempt."""

import os
import shutil
from typing import Any

from tfx.components.tuner import executor as tfx_executor
from tfx.types.artifact import Artifact

from components.errors import ComponentError

Artifacts = dict[str, list[Artifact]]


class Executor(tfx_executor.Executor):
    """Runs the search in a folder of the run, and removes it once the results are written."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the best hyperparameters and all trials' results.

        Raises:
          ComponentError: the launcher offers no folder that outlives an attempt.
        """
        super().Do(input_dict, output_dict, exec_properties)
        shutil.rmtree(self._get_tmp_dir())

    def _get_tmp_dir(self) -> str:
        """The folder that TFX's executor works in; its own is deleted however an attempt ends.

        TFX 1.21 means `stateful_working_dir` for this, but names it anew at every start
        (outputs_utils.get_stateful_working_dir_index finds no index, because nothing stores one). The folder beside it
        that is named by the run stays the same.
        """
        attempt, run_id = self._context.stateful_working_dir, self._context.pipeline_run_id
        if not attempt or not run_id:
            raise ComponentError(
                "Node 'Tuner' has no folder for its trials: its launcher names no working folder or run."
            )
        folder: str = os.path.join(os.path.dirname(attempt), run_id)
        os.makedirs(folder, exist_ok=True)
        return folder
