"""Every verb on a platform, refused at its first question: what, where, which permission, and nothing done."""

import pytest
from aws_config import ACCOUNT, REGION, SETTINGS
from aws_stubs import stubs
from ir_by_hand import ir_of, node

from pipeline import ir as ir_documents
from pipeline.errors import PlatformRefused
from pipeline.run_handle import RunHandle
from pipeline.runners.base import Document
from pipeline.runners.remote import LogRange
from pipeline.runners.sagemaker.runner import SageMakerRunner
from pipeline.runners.step_functions.runner import StepFunctionsRunner

IR = ir_of(node("Gen"))
RUN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/reviews/execution/abc123def456"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:reviews:abc"
RUNNERS = {
    "sagemaker": (SageMakerRunner, RunHandle("sagemaker", "reviews", "abc123def456", RUN)),
    "step_functions": (StepFunctionsRunner, RunHandle("step_functions", "reviews", "abc", EXECUTION)),
}
VERBS = {
    "submit": lambda runner, handle: runner.submit(
        Document(handle.runner, "reviews", "{}", ir_documents.node_ids(IR), {}, IR), {}
    ),
    "deployed": lambda runner, _: runner.deployed("reviews"),
    "find": lambda runner, _: runner.find("reviews", "latest"),
    "status": lambda runner, handle: runner.watch(handle),
    "stop": lambda runner, handle: runner.stop(handle),
    "resume": lambda runner, handle: runner.resume(handle),
    "usage": lambda runner, handle: runner.usage(handle),
    "logs": lambda runner, handle: list(runner.logs(handle, "Gen", LogRange())),
}
FIRST = {
    ("sagemaker", "submit"): ("s3", "put_object", "s3:PutObject"),
    ("sagemaker", "deployed"): ("sagemaker", "describe_pipeline", "sagemaker:DescribePipeline"),
    ("sagemaker", "find"): ("sagemaker", "list_pipeline_executions", "sagemaker:ListPipelineExecutions"),
    ("step_functions", "submit"): ("s3", "put_object", "s3:PutObject"),
    ("step_functions", "deployed"): ("stepfunctions", "describe_state_machine", "states:DescribeStateMachine"),
    ("step_functions", "find"): ("stepfunctions", "list_executions", "states:ListExecutions"),
}
LOOKS = {
    "sagemaker": ("sagemaker", "describe_pipeline_execution", "sagemaker:DescribePipelineExecution"),
    "step_functions": ("stepfunctions", "describe_execution", "states:DescribeExecution"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("runner", RUNNERS)
def test_verb_that_is_refused_says_where_what_was_answered_and_what_to_allow(runner, verb):
    client, method, action = FIRST.get((runner, verb), LOOKS[runner])
    made = stubs().refuse(client, method, "AccessDeniedException", "no")
    kind, handle = RUNNERS[runner]
    with pytest.raises(PlatformRefused) as refused:
        VERBS[verb](kind(made.clients, SETTINGS), handle)
    made.check()  # and any further question would have failed: nothing more was expected
    message = str(refused.value)
    assert message.startswith("Could not ")
    assert f"{client} in {REGION} answered AccessDeniedException: no." in message
    assert f"Allow {action} to whoever runs this" in message
