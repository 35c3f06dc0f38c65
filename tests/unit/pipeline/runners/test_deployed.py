"""What a platform has under a name is read as it is, and its absence is no error."""

import datetime

import pytest
from aws_config import ACCOUNT, REGION, SETTINGS
from aws_stubs import stubs

from pipeline.runners.sagemaker.runner import SageMakerRunner
from pipeline.runners.step_functions.runner import StepFunctionsRunner

NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:reviews"


def test_sagemaker_gives_the_pipelines_definition():
    found = stubs()
    found.expect("sagemaker", "describe_pipeline", {"PipelineDefinition": "{}"}, PipelineName="reviews")
    assert SageMakerRunner(found.clients, SETTINGS).deployed("reviews") == "{}"


def test_step_functions_gives_the_machines_definition():
    found = stubs()
    answer = {
        "stateMachineArn": MACHINE,
        "name": "reviews",
        "definition": "{}",
        "roleArn": SETTINGS.state_machine_role,
        "type": "STANDARD",
        "creationDate": NOW,
    }
    found.expect("stepfunctions", "describe_state_machine", answer, stateMachineArn=MACHINE)
    assert StepFunctionsRunner(found.clients, SETTINGS).deployed("reviews") == "{}"


@pytest.mark.parametrize(
    ("make", "client", "method", "code"),
    [
        (SageMakerRunner, "sagemaker", "describe_pipeline", "ResourceNotFound"),
        (StepFunctionsRunner, "stepfunctions", "describe_state_machine", "StateMachineDoesNotExist"),
    ],
)
def test_what_is_not_there_is_nothing(make, client, method, code):
    found = stubs().refuse(client, method, code, "does not exist")
    assert make(found.clients, SETTINGS).deployed("reviews") is None
