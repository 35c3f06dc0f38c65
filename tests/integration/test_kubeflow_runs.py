"""What we compile for Kubeflow Pipelines, carried out by kfp's own local executor: tests/kubeflow/local_run.py."""

import pytest
from tiny_platform import EPOCHS

pytestmark = pytest.mark.integration

NODES = ("Make", "Left", "Right", "Sum", "Trainer", "Judge")


def all_of(state, *more):
    return dict.fromkeys((*NODES, *more), state)


def test_a_cold_run_runs_every_node_and_a_second_one_takes_all_from_the_cache(cluster):
    document = cluster.compile()
    run = cluster.begin(document, "cold-run")
    assert run.wait() == 0, run.log.read_text()
    assert cluster.states("cold-run") == all_of("COMPLETE", "Publish")
    assert set(cluster.pods()) == {*NODES, "Publish"}

    assert cluster.run(document, "cached-run") == 0
    assert cluster.states("cached-run") == all_of("CACHED", "Publish")
    assert cluster.noted("trainer") == 1


def test_a_parameter_changes_the_run_and_where_the_condition_is_false_no_container_is_started(cluster):
    document = cluster.compile()
    assert cluster.run(document, "false-run", value=10) == 0
    assert cluster.states("false-run") == all_of("COMPLETE")
    assert "Publish" not in cluster.pods()


def test_a_failing_node_fails_the_run_and_what_follows_is_not_started(cluster):
    run = cluster.begin(cluster.compile(right="fail"), "failed-run")
    assert run.wait() == 1
    assert "the branch broke at row 17" in run.log.read_text()
    assert cluster.pods()["Right"][-1]["exit_code"] == 3
    assert "Sum" not in cluster.pods()
    assert cluster.states("failed-run")["Right"] == "FAILED"


def test_a_run_whose_container_was_killed_goes_on_where_it_was_when_it_is_retried(cluster):
    document = cluster.compile(right="kill_once")
    assert cluster.run(document, "killed-run") == 1
    assert cluster.pods()["Right"][-1]["exit_code"] == 137
    assert cluster.executions("killed-run")["Right"] == ["RUNNING"]
    assert cluster.run(document, "killed-run") == 0
    assert cluster.executions("killed-run") == {node_id: ["COMPLETE"] for node_id in (*NODES, "Publish")}


def test_a_training_that_is_killed_goes_on_when_it_is_retried(cluster):
    document = cluster.compile(trainer="hang")
    run = cluster.begin(document, "hanging-run")
    cluster.wait_for_note("hangs")
    cluster.kill("Trainer")
    assert run.wait() == 1
    assert cluster.run(document, "hanging-run") == 0
    assert cluster.noted("trainer") == 2
    assert cluster.executions("hanging-run")["Trainer"] == ["COMPLETE"]
    assert cluster.noted(f"epoch-{EPOCHS}") == 1
