"""The workflow that users copy: no secret, few rights, only commands and options that exist, and its environments."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer.main
from cloudformation import ACCOUNT, REGION, deployed
from ruamel.yaml import YAML

from pipeline.config import load_config
from pipeline.infra.deployed import section_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "ci"
TEXT = (FOLDER / "penstock.yml").read_text(encoding="utf-8")
WORKFLOW = YAML(typ="safe").load(TEXT)
RUNS = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]


def test_it_holds_no_secret_and_no_long_lived_key():
    assert not re.search(r"secrets\.|AKIA|aws-access-key|password", TEXT, re.IGNORECASE)


def test_only_jobs_that_ask_aws_get_a_token_each_for_an_environment():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for name, job in WORKFLOW["jobs"].items():
        asks = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        assert (job.get("permissions", {}).get("id-token") == "write") is asks, name
        assert ("environment" in job) is asks, name


def test_nothing_from_outside_is_put_into_a_shell_script():
    assert not [run for run in RUNS if "${{" in run]


def test_nothing_is_deployed_that_was_not_tested_and_no_pull_request_deploys():
    jobs = WORKFLOW["jobs"]
    assert jobs["preview"]["needs"] == jobs["deploy"]["needs"] == "test"
    assert jobs["deploy"]["if"] == "github.event_name != 'pull_request'"
    submitting = [name for name, job in jobs.items() if any("submit" in step.get("run", "") for step in job["steps"])]
    assert submitting == ["deploy"]
    assert all("timeout-minutes" in job for job in jobs.values())


def test_every_command_and_option_exists():
    from pipeline.cli.app import app

    commands = typer.main.get_command(app).commands
    found = re.findall(r"pipeline\.cli (.*?)(?:\||$)", "\n".join(RUNS).replace("\\\n", " "), re.MULTILINE)
    assert len(found) == 3
    for line in found:
        verb, *words = shlex.split(line)
        known = {option for parameter in commands[verb].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, line
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"make ([a-z]+)", "\n".join(RUNS))
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.fixture
def environments(tmp_path):
    shutil.copy(ROOT / "penstock.yaml", tmp_path)
    shutil.copytree(FOLDER / "environments", tmp_path / "environments")
    return tmp_path / "environments"


def test_each_environment_is_the_same_pipeline_and_image_in_an_account_of_its_own(environments):
    names = WORKFLOW["on"]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert sorted(path.stem for path in environments.iterdir()) == sorted(names)
    found = [load_config(environments / f"{name}.yaml") for name in names]
    assert len({config.pipeline.name for config in found}) == 1
    assert len({config.on_aws.image.partition("@")[2] for config in found}) == 1
    assert len({config.on_aws.job_role.split(":")[4] for config in found}) == len(names)
    assert found[names.index("prod")].approval.mode == "required"


@pytest.mark.parametrize("name", WORKFLOW["on"]["workflow_dispatch"]["inputs"]["environment"]["options"])
def test_an_environment_names_all_that_its_stack_makes_and_as_the_stack_names_it(environments, name):
    """A role lets jobs start only in its subnets and with its prefix: an example without them could start none."""
    config = load_config(environments / f"{name}.yaml")
    outputs = deployed(Prefix=f"penstock-{name}").outputs
    account = config.on_aws.job_role.split(":")[4]
    made = {key: str(value).replace(ACCOUNT, account) for key, value in section_of(outputs, REGION).items()}
    ids = ("subnets", "security_groups", "kms_key")  # AWS makes them up
    assert all(getattr(config.on_aws, key) for key in ids)
    assert {key: getattr(config.on_aws, key) for key in made if key not in ids} == {
        key: value for key, value in made.items() if key not in ids
    }
    repository = outputs["RepositoryUri"].replace(ACCOUNT, account)
    assert config.on_aws.image.partition("@")[0] == repository
