"""Documents against the services' own models: ours pass, and every planted mistake is found, with its place."""

import copy
import json

import pytest
from aws_config import config_on_aws
from branching_ir import BRANCHING

from pipeline.aws_settings import ResourceLine
from pipeline.jobs import plan_jobs, plan_rest
from pipeline.runners.sagemaker.checking import definition_problems
from pipeline.runners.sagemaker.definition import definition
from pipeline.runners.service_model import Later, operation_problems
from pipeline.runners.step_functions.checking import state_machine_problems
from pipeline.runners.step_functions.state_machine import render

CONFIG = config_on_aws(resources={"Trainer": ResourceLine(gpus=1, spot=True)})
DEFINITION = definition(plan_jobs(BRANCHING, CONFIG))
MACHINE = json.loads(render(plan_jobs(BRANCHING, CONFIG), CONFIG))


def step(document, name):
    return next(each for each in document["Steps"] if each["Name"] == name)


def arguments(document, name):
    return step(document, name)["Arguments"]


def problems_with(change, document, check):
    changed = copy.deepcopy(document)
    change(changed)
    return check(json.dumps(changed))


def cluster(document):
    return arguments(document, "Gen")["ProcessingResources"]["ClusterConfig"]


def nest(document):
    return step(document, "If-Explain")["Arguments"]["IfSteps"][0]


def test_our_definitions_are_what_the_service_takes():
    assert definition_problems(json.dumps(DEFINITION)) == []
    assert definition_problems(json.dumps(definition(plan_rest(BRANCHING, CONFIG)))) == []


def test_our_state_machine_calls_services_as_they_want_to_be_called():
    assert state_machine_problems(json.dumps(MACHINE)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda d: arguments(d, "Gen").update(ProcessingResource={}),
            "Step 'Gen': ProcessingResource is no member of CreateProcessingJobRequest. Did you mean "
            "'ProcessingResources'?",
        ),
        (lambda d: arguments(d, "Gen").pop("RoleArn"), "Step 'Gen': RoleArn is required and not there."),
        (
            lambda d: arguments(d, "Gen").update(ProcessingJobName="a job"),
            "Step 'Gen': ProcessingJobName is 'a job', expected a match of",
        ),
        (lambda d: arguments(d, "Gen").update(RoleArn="jobs"), "Step 'Gen': RoleArn is 'jobs', expected a match of"),
        (
            lambda d: cluster(d).update(InstanceCount="1"),
            "Step 'Gen': ProcessingResources.ClusterConfig.InstanceCount is '1', expected a whole number.",
        ),
        (lambda d: cluster(d).update(InstanceCount=True), "InstanceCount is True, expected a whole number."),
        (
            lambda d: cluster(d).update(InstanceType="ml.m5.larg"),
            "InstanceType is 'ml.m5.larg', which is none of its 207 values. Did you mean 'ml.m5.large'?",
        ),
        (lambda d: cluster(d).update(InstanceType="ml.p4d.24xlarge"), "'ml.p4d.24xlarge', which is none of its"),
        (lambda d: cluster(d).update(VolumeSizeInGB=0), "VolumeSizeInGB has 0, expected at least 1."),
        (lambda d: cluster(d).update(VolumeSizeInGB=20_000), "VolumeSizeInGB has 20000, expected at most 16384."),
        (
            lambda d: arguments(d, "Gen")["Environment"].update(X="y" * 257),
            "Environment.X has 257 characters, expected at most 256.",
        ),
        (
            lambda d: arguments(d, "Gen")["AppSpecification"]["ContainerArguments"].append("y" * 257),
            "has 257 characters, expected at most 256.",
        ),
        (
            lambda d: arguments(d, "Gen")["AppSpecification"].update(ContainerArguments=["x"] * 101),
            "AppSpecification.ContainerArguments has 101 items, expected at most 100.",
        ),
        (
            lambda d: arguments(d, "Gen")["NetworkConfig"]["VpcConfig"].update(Subnets=[]),
            "NetworkConfig.VpcConfig.Subnets has 0 items, expected at least 1.",
        ),
        (
            lambda d: arguments(d, "Gen")["StoppingCondition"].update(MaxRuntimeInSeconds=777_601),
            "StoppingCondition.MaxRuntimeInSeconds has 777601, expected at most 777600.",
        ),
        (
            lambda d: arguments(d, "Trainer").update(VpcConfigs={}),
            "Step 'Trainer': VpcConfigs is no member of CreateTrainingJobRequest. Did you mean 'VpcConfig'?",
        ),
        (
            lambda d: arguments(d, "Trainer").update(EnableManagedSpotTraining="true"),
            "EnableManagedSpotTraining is 'true', expected a true or false.",
        ),
        (
            lambda d: arguments(d, "Trainer")["AlgorithmSpecification"].pop("TrainingInputMode"),
            "AlgorithmSpecification.TrainingInputMode is required and not there.",
        ),
        (
            lambda d: arguments(d, "Trainer")["ResourceConfig"].update(InstanceCount={"Get": "Parameters.day"}),
            "ResourceConfig.InstanceCount will be a text, expected a whole number.",
        ),
        (
            lambda d: arguments(d, "Trainer").update(Tags={"team": "x"}),
            "Tags is {'team': 'x'}, expected a list.",
        ),
        (
            lambda d: nest(d)["Arguments"].pop("AppSpecification"),
            "Step 'Explain': AppSpecification is required and not there.",
        ),
        (
            lambda d: step(d, "Judge").update(DependsOn=["Trainr"]),
            "DependsOn names 'Trainr', and there is no such step.",
        ),
        (lambda d: step(d, "Gen").update(DependsOn=["Judge"]), "wait for each other in a circle."),
        (lambda d: step(d, "Slices").update(Name="Gen"), "Step 'Gen': 2 steps have this name."),
        (lambda d: step(d, "Gen").update(Name="Gén"), "Step 'Gén': expected 1 to 64 letters"),
        (
            lambda d: step(d, "Judge").pop("PropertyFiles"),
            "Steps.Judge.PropertyFiles.decisions is read, and no",
        ),
        (
            lambda d: step(d, "Judge")["PropertyFiles"][0].update(OutputName="decision"),
            "PropertyFiles names output 'decision', and there is no such output.",
        ),
        (lambda d: d["Parameters"].pop(0), "Parameters.day is read, and there is no such parameter."),
        (
            lambda d: d["Parameters"][2].update(DefaultValue="3"),
            "Parameter 'span' is of type Integer, its default is '3'.",
        ),
        (lambda d: d["Parameters"][0].update(Type="Text"), "Parameter 'day' has type 'Text', expected String"),
        (lambda d: step(d, "Gen").update(Type="Procesing"), "Type is 'Procesing', expected Processing, Training"),
        (lambda d: d.update(Version="2020-12-02"), "Version is '2020-12-02'"),
        (
            lambda d: arguments(d, "Gen")["AppSpecification"]["ContainerArguments"].append({"Get": "Execution.Id"}),
            "Execution.Id is read, and an execution has only",
        ),
    ],
)
def test_a_mistake_in_a_definition_is_found(change, told):
    problems = problems_with(change, DEFINITION, definition_problems)
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda s: s["Gen"].update(Resource="arn:aws:states:::sagemaker:createProcesingJob.sync"),
            "State 'Gen': Step Functions cannot wait for the end of sagemaker:createProcesingJob.",
        ),
        (
            lambda s: s["Gen"].update(Resource="arn:aws:states:::sagemakr:createProcessingJob"),
            "AWS has no service 'sagemakr'.",
        ),
        (
            lambda s: s["Gen"].update(Resource="arn:aws:states:::sagemaker:createProcessJob"),
            "sagemaker has no operation 'CreateProcessJob'. Did you mean 'CreateProcessingJob'?",
        ),
        (lambda s: s["Gen"].update(Resource="createProcessingJob"), "expected arn:aws:states:::SERVICE:OPERATION"),
        (lambda s: s["Gen"]["Parameters"].pop("RoleArn"), "State 'Gen': RoleArn is required and not there."),
        (
            lambda s: s["Gen"]["Parameters"].pop("ProcessingJobName.$"),
            "State 'Gen': ProcessingJobName is required and not there.",
        ),
        (lambda s: s["Gen"]["Parameters"].update({"Role.$": "$.x"}), "Role is no member of CreateProcessingJobRequest"),
        (
            lambda s: s["Gen"]["Parameters"]["AppSpecification"].update(
                {"ContainerArguments.$": "States.Format('{}', $.x)"}
            ),
            "AppSpecification.ContainerArguments will be a text, expected a list.",
        ),
        (
            lambda s: s["Judge"]["Parameters"]["ProcessingOutputConfig"]["Outputs"][0].pop("OutputName"),
            "ProcessingOutputConfig.Outputs.0.OutputName is required and not there.",
        ),
        (lambda s: s["Tell of failure"]["Parameters"].pop("Message.$"), "Message is required and not there."),
        (lambda s: s["Tell of failure"]["Parameters"].update(Topic="x"), "Topic is no member of PublishInput"),
        (
            lambda s: branch(s)["Read for If-Explain"]["Parameters"].pop("Key.$"),
            "State 'Read for If-Explain': Key is required and not there.",
        ),
        (
            lambda s: branch(s, 1)["Ask for ModelApproval"]["Parameters"]["MessageBody"].pop("task_token.$"),
            "it waits for a token that it gives to nobody",
        ),
        (
            lambda s: branch(s, 1)["Ask for ModelApproval"]["Parameters"].pop("QueueUrl"),
            "QueueUrl is required and not there.",
        ),
        (lambda s: branch(s).update({"Gen": {"Type": "Pass", "End": True}}), "State 'Gen': 2 states have this name."),
    ],
)
def test_a_mistake_in_a_state_machine_is_found(change, told):
    problems = problems_with(lambda document: change(document["States"]), MACHINE, state_machine_problems)
    assert any(told in problem for problem in problems), problems


def branch(states, number=0):
    return states["Together 2"]["Branches"][number]["States"]


def test_what_is_known_later_is_taken_for_what_it_will_be():
    def problems(value):
        request = {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:t", "Message": value}
        return list(operation_problems("sns", "Publish", request, lambda item: item))

    assert problems(Later(str)) == problems(Later(None)) == []
    assert problems(Later(list)) == ["Message will be a list, expected a text."]
