"""The guard around what is shown: whatever happens in here, the node stays what it is."""

import sys

from pipeline.kubeflow_task.arguments import Task
from pipeline.launch.outcome import NodeOutcome
from pipeline.launch.request import LaunchRequest


def show(task: Task, request: LaunchRequest, outcome: NodeOutcome) -> None:
    """Leaves what Kubeflow's UI shows of the node; where that fails it is told in the log."""
    try:
        from pipeline.kubeflow_task.content import content_of  # what draws pages is no condition for running a node

        task.outputs.write(content_of(task, request, outcome))
    except Exception as error:  # noqa: BLE001 - the node is done and published: nothing here may undo that
        said = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"{outcome.node_id}: Kubeflow's UI will show less of it, because of this: {said}\n")
