import pytest
from aws_config import SETTINGS, config_on_aws
from ir_by_hand import ir_of, node

from pipeline.errors import ConfigError, NotFound, PlatformRefused
from pipeline.runners.aws.clients import make_clients
from pipeline.runners.base import Document
from pipeline.runners.registry import remote_runner
from pipeline.runners.remote import JobProgress, RunProgress, check_given, typed_parameters

TYPES = {"rate": "DOUBLE", "span": "INT", "word": "STRING"}
IR = ir_of(node("Gen", parameters={"span": 3, "rate": float, "word": str}))
DOCUMENT = Document("step_functions", "tiny", "{}", ("Gen",), TYPES, IR)


def test_a_run_that_would_fail_for_its_parameters_is_refused_with_all_that_is_wrong():
    with pytest.raises(ConfigError) as refused:
        check_given(DOCUMENT, {"span": "three", "rat": "1"})
    told = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 4
    assert "expected INT" in told
    assert "--param rat:" in told
    assert "--param rate=…: has no default" in told
    assert "--param word=…: has no default" in told


def test_what_has_a_default_need_not_be_given():
    check_given(DOCUMENT, {"rate": "0.5", "word": ""})


def test_parameters_are_given_as_their_types():
    assert typed_parameters(TYPES, {"rate": "1", "span": "2", "word": "3"}) == {"rate": 1.0, "span": 2, "word": "3"}


def test_a_node_that_ran_in_two_jobs_is_where_it_ran_last():
    jobs = (JobProgress("A", ("A", "B"), "FAILED", "j1"), JobProgress("A2", ("A",), "COMPLETE", "j2"))
    progress = RunProgress("COMPLETE", jobs)
    assert progress.status.nodes == {"A": "COMPLETE", "B": "FAILED"}
    assert progress.job_with_log("A").job_name == "j2"
    with pytest.raises(NotFound, match="Reached so far: A, B, A"):
        progress.job_with_log("Zebra")


@pytest.mark.parametrize("name", ["sagemaker", "step_functions"])
def test_a_platforms_runner_asks_in_the_configurations_region(name, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    runner = remote_runner(name, config_on_aws())
    assert runner.name == name
    assert {client.meta.region_name for client in vars(make_clients(SETTINGS)).values()} == {"eu-central-1"}


def test_a_profile_that_does_not_exist_is_told(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    with pytest.raises(PlatformRefused, match="nobody-has-this"):
        make_clients(SETTINGS)


def test_a_configuration_without_an_account_has_no_platform():
    with pytest.raises(ConfigError, match="no section 'aws'"):
        remote_runner("sagemaker", config_on_aws().model_copy(update={"aws": None}))
