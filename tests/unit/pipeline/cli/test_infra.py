import pytest
from cloudformation import FOLDER
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import ConfigError
from pipeline.infra import lint

CONFIG = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"


def run(tmp_path, *arguments):
    config = tmp_path / "penstock.yaml"
    config.write_text(CONFIG)
    return CliRunner().invoke(app, ["infra", *arguments, "--config", str(config)])


def test_check_tells_what_it_checked_and_how_to_deploy(tmp_path, monkeypatch):
    monkeypatch.setattr(lint, "find_linter", lambda: None)
    answer = run(tmp_path, "check", "--templates", str(FOLDER))
    assert answer.exit_code == 0, answer.output
    assert "they fit together; cfn-lint is not installed, so properties were not checked" in answer.output
    assert "aws cloudformation deploy" in answer.output
    assert "PipelineName=churn" in answer.output


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-north-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
        ({}, "us-east-1"),
    ],
)
def test_who_has_no_section_aws_yet_is_shown_the_region_that_the_aws_command_goes_by(
    tmp_path, monkeypatch, environment, region
):
    monkeypatch.setattr(lint, "find_linter", lambda: None)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    answer = run(tmp_path, "check", "--templates", str(FOLDER))
    assert f"aws cloudformation deploy --region {region} " in answer.output
    assert f"infra outputs --stack PREFIX --region {region}" in answer.output


def test_check_of_a_folder_without_templates_says_so(tmp_path):
    answer = run(tmp_path, "check", "--templates", str(tmp_path))
    assert isinstance(answer.exception, ConfigError)
    assert "main.yaml: No such file" in str(answer.exception)


def test_linters_findings_are_ours(tmp_path, monkeypatch):
    linter = tmp_path / "cfn-lint"
    finding = '{"Filename": "/x/keys.yaml", "Location": {"Start": {"LineNumber": 7}}, "Rule": {"Id": "E3002"}, '
    linter.write_text(f'#!/bin/sh\necho \'[{finding}"Message": "no such property"}}]\'\nexit 2\n')
    linter.chmod(0o755)
    monkeypatch.setattr(lint, "find_linter", lambda: str(linter))
    answer = run(tmp_path, "check", "--templates", str(FOLDER))
    assert isinstance(answer.exception, ConfigError)
    assert answer.exception.problems == ["keys.yaml:7: E3002: no such property"]


def test_linter_that_breaks_is_not_taken_for_one_that_finds_nothing(tmp_path):
    linter = tmp_path / "cfn-lint"
    linter.write_text("#!/bin/sh\necho Traceback >&2\necho oh\nexit 1\n")
    linter.chmod(0o755)
    with pytest.raises(RuntimeError, match="Traceback"):
        lint.lint_problems(str(linter), [FOLDER / "main.yaml"], "us-east-1")
