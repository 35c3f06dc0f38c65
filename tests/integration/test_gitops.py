"""The workflow that users copy, its own scripts run as a runner of GitHub Actions would, against a server for AWS.

Not here: GitHub, its tokens, and what of AWS the server does not judge.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_services import REGION
from ruamel.yaml import YAML
from tables import CHURN_CONFIG, FEWER_NODES, write_customers

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
WORKFLOW = YAML(typ="safe").load((ROOT / "deploy" / "ci" / "penstock.yml").read_text(encoding="utf-8"))


def script(job, name):
    """What a step of the workflow runs."""
    (found,) = [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if step.get("name") == name]
    return found


def client(aws_services, service, credentials):
    """A client with the credentials of a role."""
    import boto3

    session = boto3.session.Session(*credentials.values(), region_name=REGION)
    return session.client(service, endpoint_url=aws_services.endpoint)


@pytest.fixture
def signed_in(s3_endpoint, aws_services):
    """Takes the release role of an environment's account, as the workflow does; returns its credentials."""

    def take(role):
        taken = aws_services.client("sts").assume_role(RoleArn=role, RoleSessionName="workflow")["Credentials"]
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        variables = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return {variable: taken[name] for variable, name in zip(variables, names, strict=True)}

    return take


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A user's checkout: configuration, environments, and the Python that `make aws` makes."""
    (tmp_path / "penstock.yaml").write_text(CHURN_CONFIG + FEWER_NODES)
    write_customers(tmp_path / "customers.csv")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "environments").mkdir()
    for example in sorted((ROOT / "deploy" / "ci" / "environments").glob("*.yaml")):
        here = example.read_text(encoding="utf-8").replace("eu-central-1", REGION)
        store = next(line for line in here.splitlines() if line.startswith("  metadata: "))
        here = here.replace(store, f"  metadata: sqlite:///{tmp_path / 'jobs.sqlite'}")
        (tmp_path / "environments" / example.name).write_text(here)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path


def step(repository, job, name, **variables):
    """The step's outcome, as `bash -e` runs it for GitHub."""
    given = {"RUNNER": "sagemaker", "DATA": "customers.csv", "ENVIRONMENT": "dev", **variables}
    return subprocess.run(
        ["bash", "-e", "-c", script(job, name)],
        cwd=repository,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_merge_says_what_it_changes_is_deployed_and_started_and_then_changes_nothing(
    repository, signed_in, aws_services
):
    role = signed_in("arn:aws:iam::111111111111:role/penstock-dev-release")
    client(aws_services, "s3", role).create_bucket(Bucket=f"penstock-dev-artifacts-111111111111-{REGION}")
    sagemaker = client(aws_services, "sagemaker", role)
    compiled = step(repository, "deploy", "Compile, and say what changes", **role)
    assert compiled.returncode == 0, compiled.stderr
    assert sagemaker.list_pipelines(PipelineNamePrefix="churn")["PipelineSummaries"] == []
    started = step(repository, "deploy", "Create or update, and start", **role)
    assert started.returncode == 0, started.stderr
    there = sagemaker.describe_pipeline(PipelineName="churn")
    assert there["RoleArn"] == "arn:aws:iam::111111111111:role/penstock-dev-pipeline"
    assert there["PipelineDefinition"] == (repository / "document.json").read_text().removesuffix("\n")
    (run,) = sagemaker.list_pipeline_executions(PipelineName="churn")["PipelineExecutionSummaries"]
    assert run["PipelineExecutionArn"] in started.stdout
    again = step(repository, "preview", "What would change", **role)
    assert "churn: as it is deployed." in again.stdout
    summary = (repository / "summary.md").read_text()
    assert summary.count("```") == 4
    assert summary.index(compiled.stdout.splitlines()[0]) < summary.index("churn: as it is deployed.")


def test_another_environment_is_deployed_by_hand_with_its_own_roles_and_root(repository, signed_in, aws_services):
    role = signed_in("arn:aws:iam::333333333333:role/penstock-prod-release")
    bucket = f"penstock-prod-artifacts-333333333333-{REGION}"
    client(aws_services, "s3", role).create_bucket(Bucket=bucket)
    given = {"ENVIRONMENT": "prod", "RUNNER": "step_functions", **role}
    started = step(repository, "deploy", "Create or update, and start", **given)
    assert started.returncode == 0, started.stderr
    functions = client(aws_services, "stepfunctions", role)
    (machine,) = functions.list_state_machines()["stateMachines"]
    there = functions.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    assert there["roleArn"] == "arn:aws:iam::333333333333:role/penstock-prod-state-machine"
    assert f"s3://{bucket}/pipelines/ir/" in there["definition"]
    assert "subnet-0000000000000000a" in there["definition"]


def test_nothing_goes_to_an_account_that_the_environment_does_not_name(repository, signed_in):
    role = signed_in("arn:aws:iam::333333333333:role/penstock-prod-release")
    refused = step(repository, "deploy", "Create or update, and start", **role)
    assert refused.returncode == 2
    assert "of account 333333333333; aws.job_role is of account 111111111111" in refused.stderr


def test_a_step_whose_command_fails_fails_though_its_output_is_piped(repository):
    (repository / "environments" / "dev.yaml").write_text("extends: ../penstock.yaml\naws: {region: Frankfurt}\n")
    preview = step(repository, "preview", "What would change")
    assert preview.returncode == 2
    assert "Traceback" not in preview.stderr
