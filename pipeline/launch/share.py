"""What a machine that is not the chief does: the chief's execution on copies of its own, the outputs thrown away."""

import os

from pipeline.launch.job_machine import scratch_folder
from pipeline.launch.node import bound_ir, node_of
from pipeline.launch.request import LaunchRequest


def run_share(request: LaunchRequest, execution: bytes) -> None:
    """Runs the executor of an execution that the chief has described; nothing of it is published.

    Args:
      request: the same as the chief's.
      execution: TFX's ExecutionInvocation.
    """
    from tfx.orchestration.local import runner_utils
    from tfx.orchestration.portable.data_types import ExecutionInfo
    from tfx.proto.orchestration import execution_invocation_pb2

    from pipeline.storage import run_and_discard

    ir = bound_ir(request)
    info = ExecutionInfo.from_proto(execution_invocation_pb2.ExecutionInvocation.FromString(execution))
    node_id = node_of(ir, info.pipeline_node.node_info.id).node_info.id
    spec = runner_utils.extract_executor_spec(runner_utils.extract_local_deployment_config(ir), node_id)
    run_and_discard(spec, info, request.scratch or scratch_folder(os.environ))
