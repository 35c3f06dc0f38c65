"""Least privilege, with moto's enforcement of IAM: every role of deploy/aws does its work and nothing else.

The policies are the templates' own; what moto leaves out of IAM and how it is added stands in
tests/fixtures/permissions_in_moto.py. That AWS itself judges alike is not tested here.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from aws_services import PYTHON, skip_without_environment
from cloudformation import ACCOUNT, REGION, deployed
from permitted_acts import Acts

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "fixtures" / "permissions_in_moto.py"

STACK = deployed()
DEPLOYING = deployed(JobsMayDeploy="true")
OTHER = {"repositoryName": "other/penstock"}
PROMOTING = deployed(PromotesFromRepositoryArn=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{OTHER['repositoryName']}")
ACTS = Acts(STACK)
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Version": "2012-10-17"}


def policies_of(stack, logical_id):
    """The documents of a role: its own, and those of managed policies of the same template."""
    roles = stack.nested["Roles"]
    role = roles.properties(logical_id)
    own = [policy["PolicyDocument"] for policy in role["Policies"]] if "Policies" in role else []
    managed = {roles.resolve({"Ref": name}): found for name, found in roles.of_type("AWS::IAM::ManagedPolicy").items()}
    return own + [managed[arn]["PolicyDocument"] for arn in role.get("ManagedPolicyArns", [])]


ROLES = {
    **{
        name: policies_of(STACK, logical_id)
        for name, logical_id in {
            "jobs": "JobRole",
            "pipeline": "PipelineRole",
            "state-machine": "StateMachineRole",
            "events": "EventsRole",
            "serving": "ServingRole",
            "deploy": "DeployRole",
            "release": "ReleaseRole",
            "preview": "PreviewRole",
        }.items()
    },
    "approver": [STACK.nested["Roles"].properties("ApproverPolicy")["PolicyDocument"]],
    "deploying-jobs": policies_of(DEPLOYING, "JobRole"),
    "promoting": policies_of(PROMOTING, "DeployRole"),
    "administrator": [EVERYTHING],
}
ALLOWED = [(role, call) for role, calls in ACTS.allowed().items() for call in calls]
ALLOWED += [("deploying-jobs", ACTS.endpoint("reviews"))]
ALLOWED += [("promoting", ("ecr", "batch_get_image", {**OTHER, "imageIds": [{"imageTag": "a"}]}))]
# Before the control's administrator deletes that repository.
FORBIDDEN = [
    ("deploying-jobs", ("ecr", "put_image", {"repositoryName": "penstock-test/penstock", "imageManifest": "{}"}))
]
FORBIDDEN += [(role, call) for role, calls in ACTS.forbidden().items() for call in calls]
FORBIDDEN += [("deploying-jobs", ACTS.approve())]
FORBIDDEN += [("promoting", ("ecr", "put_image", {**OTHER, "imageManifest": "{}"}))]
CONTROL = [("administrator", call) for _, call in FORBIDDEN]
EVERY = [*ALLOWED, *FORBIDDEN, *CONTROL]


def things():
    """What calls act on, where moto can have it under its own name."""
    buckets = [ACTS.bucket, ACTS.incoming, "somebody-elses"]
    where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    yield from (("s3", "create_bucket", {"Bucket": bucket, **where}) for bucket in buckets)
    for key in (
        "Examples/1/a",
        "pushed/reviews/1/saved_model.pb",
        "decisions/run/Evaluator/decision.json",
        "deployments/models/0123/ab/model.tar.gz",
        "deployments/reviews.jsonl",
        "registry/reviews/registry.jsonl",
        "ModelCard/1/card.json",
        "approvals/reviews.jsonl",
        "registry/reviews/registry.jsonl",
        "runs/reviews/run/Trainer.json",
        "artifacts/reviews/ModelCard/card/1/card.json",
    ):
        yield ACTS.put(f"{ACTS.root}/{key}")
    yield ACTS.put("reviews/span-1/a.tsv", ACTS.incoming)
    yield ACTS.put("payroll.csv", "somebody-elses")
    yield "sns", "create_topic", {"Name": "penstock-test-notify"}
    yield "sqs", "create_queue", {"QueueName": "penstock-test-approvals"}
    yield "sagemaker", "create_model_package_group", {"ModelPackageGroupName": ACTS.group}
    yield "ecr", "create_repository", {"repositoryName": "penstock-test/penstock"}
    yield "ecr", "create_repository", OTHER


@pytest.fixture(scope="module")
def answers():
    """The answer to each of EVERY."""
    skip_without_environment()
    question = {
        "things": [dict(zip(("service", "operation", "parameters"), thing, strict=True)) for thing in things()],
        "roles": ROLES,
        "calls": [
            {"role": role, "service": service, "operation": operation, "parameters": parameters}
            for role, (service, operation, parameters) in EVERY
        ],
    }
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))}
    answer = subprocess.run(
        [PYTHON, PROGRAM], input=json.dumps(question), capture_output=True, text=True, env=environment, timeout=300
    )
    assert answer.returncode == 0, answer.stderr[-4000:]
    found = json.loads(answer.stdout)
    assert len(found) == len(EVERY)
    return found


def named(entries):
    return [f"{role}-{call[1]}-{index}" for index, (role, call) in enumerate(entries)]


@pytest.mark.parametrize("index", range(len(ALLOWED)), ids=named(ALLOWED))
def test_a_role_may_do_its_work(answers, index):
    assert answers[index].startswith("allowed"), ALLOWED[index]


@pytest.mark.parametrize("index", range(len(FORBIDDEN)), ids=named(FORBIDDEN))
def test_a_role_may_do_nothing_else(answers, index):
    assert answers[len(ALLOWED) + index].startswith("denied "), FORBIDDEN[index]
    control = answers[len(ALLOWED) + len(FORBIDDEN) + index]
    assert control.startswith("allowed"), f"{FORBIDDEN[index]} is denied to everybody, which proves nothing"


def test_roles_that_are_handed_on_are_refused_as_such(answers):
    """A request for a job with another role fails for iam:PassRole, not for the job."""
    passed = [
        answers[len(ALLOWED) + index]
        for index, (_, (_, _, parameters)) in enumerate(FORBIDDEN)
        if str(parameters.get("RoleArn", "")).endswith("role/administrator")
    ]
    assert passed == ["denied iam:PassRole"] * 2


def test_objects_and_jobs_are_really_made_by_those_who_may(answers):
    """Where moto carries a call out, nothing but the policies was in its way."""
    carried_out = [call for (role, call), answer in zip(EVERY, answers, strict=True) if answer == "allowed"]
    made = {operation for _, operation, _ in carried_out}
    assert {"put_object", "get_object", "create_processing_job", "create_training_job", "publish"} <= made
    assert {"create_model", "create_endpoint", "create_pipeline", "send_message", "create_state_machine"} <= made
