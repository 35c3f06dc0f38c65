"""The runner for Kubeflow Pipelines through the real client, against a stand-in for its API server.

Every request and answer is checked against Kubeflow's own OpenAPI document where that is at hand
(tests/fixtures/kubeflow_server.py).
"""

import dataclasses
import hashlib
import json
import urllib.error
import urllib.request

import pytest
from branching_ir import BRANCHING
from ir_by_hand import ir_of, node
from kubeflow_config import config_on_kubeflow
from kubeflow_server import NAMESPACE, TOKEN

from pipeline.errors import ConfigError, NotFound, PlatformBusy, PlatformRefused
from pipeline.runners.kubeflow.api import make_api
from pipeline.runners.kubeflow.document import document_of
from pipeline.runners.kubeflow.progress import ir_word, pipeline_of
from pipeline.runners.kubeflow.runner import KubeflowRunner
from pipeline.runners.remote import Timing

pytestmark = pytest.mark.integration


@pytest.fixture
def config(kubeflow_server, tmp_path):
    from pipeline.kubeflow_settings import Volume

    return config_on_kubeflow(
        endpoint=kubeflow_server.endpoint, root=str(tmp_path / "root"), volumes=(Volume("data", str(tmp_path)),)
    )


@pytest.fixture
def runner(config, kubeflow_server):
    return KubeflowRunner(make_api(config.on_kubeflow, kubeflow_server.variables), config.on_kubeflow)


@pytest.fixture
def document(config, request):
    """A pipeline that no other test has."""
    text = json.loads(BRANCHING)
    text["pipelineInfo"]["id"] = f"t{hashlib.sha256(request.node.name.encode()).hexdigest()[:16]}"
    return document_of(json.dumps(text), config)


def detail(name, state, at, **more):
    """A task as the server tells of it."""
    return {"display_name": name, "state": state, "create_time": f"2026-01-01T00:00:{at:02d}Z", **more}


def test_the_requests_are_checked_wherever_the_document_is(kubeflow_server):
    if kubeflow_server.unchecked_because:
        pytest.skip(kubeflow_server.unchecked_because)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"display_name": 5}).encode()
    url = f"{kubeflow_server.endpoint}/apis/v2beta1/experiments"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=30)
    with refused.value as answer:
        assert answer.code == 422


def test_a_submitted_pipeline_is_stored_with_what_follows_an_approval_and_its_run_is_the_newest(runner, document):
    handle = runner.submit(document, {"span": "7"})
    assert runner.find(document.pipeline_name, "latest").run_id == handle.run_id
    assert runner.find(document.pipeline_name, handle.run_id).execution_arn == handle.run_id
    assert runner.status(handle).state == "RUNNING"
    there = runner.deployed(document.pipeline_name)
    assert "comp-exit-handler-1" in there
    assert "nvidia" not in there
    assert "kubernetes" in there
    assert "comp-exit-handler-1" in runner.deployed(f"{document.pipeline_name}-continue")
    assert runner.deployed("never-submitted") is None


def test_the_same_document_is_stored_once_and_another_is_another_version(runner, document, config):
    first, again = runner.submit(document, {}), runner.submit(document, {})
    changed = document_of(
        document.ir,
        config.model_copy(update={"kubeflow": dataclasses.replace(config.on_kubeflow, labels={"team": "other"})}),
    )
    third = runner.submit(changed, {})
    versions = [
        runner._api.run(handle.run_id)["pipeline_version_reference"]["pipeline_version_id"]
        for handle in (first, again, third)
    ]
    assert versions[0] == versions[1] != versions[2]
    assert "team: other" in runner.deployed(document.pipeline_name)


def test_parameters_reach_the_run_with_their_types_and_wrong_ones_are_refused_here(runner, document):
    handle = runner.submit(document, {"span": "7", "rate": "0.25", "day": "2026-02-02"})
    given = runner._api.run(handle.run_id)["runtime_config"]["parameters"]
    assert given == {"span": 7, "rate": 0.25, "day": "2026-02-02"}
    with pytest.raises(ConfigError, match="speed: the pipeline has no such parameter") as refused:
        runner.submit(document, {"speed": "1", "span": "many"})
    assert len(refused.value.problems) == 2


def test_each_node_has_its_state_and_what_a_condition_left_out_was_skipped(runner, document, kubeflow_server):
    handle = runner.submit(document, {})
    tasks = [
        detail("gen-driver", "SUCCEEDED", 1),
        detail(
            "gen", "SUCCEEDED", 1, start_time="2026-01-01T00:00:02Z", end_time="2026-01-01T00:00:05Z", pod_name="p1"
        ),
        detail("judge", "FAILED", 2),
        detail("judge", "SUCCEEDED", 4),
        detail("condition-2", "SKIPPED", 6),
        detail("trainer", "RUNNING", 7),
    ]
    kubeflow_server.tell(handle.run_id, state="RUNNING", run_details={"task_details": tasks})
    progress = runner.watch(handle)
    assert progress.status.nodes == {
        "Gen": "COMPLETE",
        "Judge": "COMPLETE",
        "Trainer": "RUNNING",
        "Explain": "SKIPPED",
        "Draw": "SKIPPED",
        "Mail": "SKIPPED",
    }
    assert progress.job_of("Gen").started_at == "2026-01-01T00:00:02+00:00"


def test_a_failed_task_says_why_and_the_run_can_be_gone_on_with(runner, document, kubeflow_server):
    handle = runner.submit(document, {})
    why = {"code": 13, "message": "main: Error (exit code 3): the table has no column 'stars'"}
    kubeflow_server.tell(
        handle.run_id, state="FAILED", run_details={"task_details": [detail("gen", "FAILED", 1, error=why)]}
    )
    progress = runner.watch(handle)
    assert (progress.state, progress.job_of("Gen").failure) == ("FAILED", why["message"])
    with pytest.raises(ConfigError, match="is not under way"):
        runner.stop(handle)
    assert runner.resume(handle) == handle
    assert runner.status(handle).state == "RUNNING"


def test_a_run_is_stopped_and_resumed_and_one_that_succeeded_is_neither(runner, document, kubeflow_server):
    handle = runner.submit(document, {})
    runner.stop(handle)
    assert runner.status(handle).state == "INTERRUPTED"
    runner.resume(handle)
    assert runner.status(handle).state == "RUNNING"
    kubeflow_server.tell(handle.run_id, state="SUCCEEDED")
    with pytest.raises(ConfigError, match="only one that failed or was stopped"):
        runner.resume(handle)


def ended_at_its_approval(runner, document, kubeflow_server):
    """A run of which the task that approves has succeeded, and what is behind it was left out."""
    handle = runner.submit(document, {})
    tasks = [detail("modelapproval", "SUCCEEDED", 1), detail("condition-4", "SKIPPED", 2)]
    kubeflow_server.tell(handle.run_id, state="SUCCEEDED", run_details={"task_details": tasks})
    return handle


def decide(tmp_path, handle, word):
    """What that task leaves at the root."""
    folder = tmp_path / "root" / "decisions" / handle.run_id / "modelapproval"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decision.json").write_text(json.dumps({"ModelApproval": word}))


def test_a_run_whose_model_waits_says_so_until_what_follows_has_run(
    runner, document, kubeflow_server, config, tmp_path
):
    handle = ended_at_its_approval(runner, document, kubeflow_server)
    decide(tmp_path, handle, "waiting")
    assert runner.watch(handle).state == "AWAITING_APPROVAL"
    assert runner.watch(handle).status.nodes == {"ModelApproval": "AWAITING_APPROVAL"}

    going_on = runner.continue_run(handle)
    assert (going_on.run_id, going_on.pipeline_name) == (handle.run_id, handle.pipeline_name)
    assert runner.status(handle).state == "RUNNING"
    decide(tmp_path, handle, "approved")
    more = [detail("modelapproval", "SUCCEEDED", 1), detail("pusher", "SUCCEEDED", 2)]
    kubeflow_server.tell(going_on.execution_arn, state="SUCCEEDED", run_details={"task_details": more})
    assert runner.watch(handle).state == "COMPLETE"
    assert runner.watch(handle).status.nodes == {"ModelApproval": "COMPLETE", "Pusher": "COMPLETE"}


def test_a_refused_model_ends_the_run(runner, document, kubeflow_server, tmp_path):
    handle = ended_at_its_approval(runner, document, kubeflow_server)
    decide(tmp_path, handle, "refused")
    assert runner.watch(handle).state == "COMPLETE"
    assert runner.watch(handle).status.nodes == {"ModelApproval": "COMPLETE", "Pusher": "SKIPPED"}


def test_a_schedule_starts_the_version_that_was_compiled_until_it_is_removed(runner, document):
    name = document.pipeline_name
    assert runner.schedules(name) == ()
    weekly = runner.schedule(document, {"span": "3"}, Timing(cron="0 9 * * 7", max_concurrency=2))
    often = runner.schedule(document, {}, Timing(every_s=21600, catchup=True))
    found = {scheduled.schedule_id: scheduled for scheduled in runner.schedules(name)}
    assert set(found) == {weekly, often}
    assert (found[weekly].when, found[weekly].parameters, found[weekly].is_on) == ("0 9 * * 0", {"span": "3"}, True)
    assert found[often].when == "every 21,600 s"
    assert (
        found[weekly].version
        == runner._api.run(runner.submit(document, {}).run_id)["pipeline_version_reference"]["pipeline_version_id"]
    )
    kept = {item["recurring_run_id"]: item for item in runner._api.schedules(runner._api.known_experiment(name))}
    assert [(kept[made]["max_concurrency"], bool(kept[made]["no_catchup"])) for made in (weekly, often)] == [
        ("2", True),
        ("1", False),
    ]
    runner.unschedule(name, weekly)
    with pytest.raises(NotFound, match=f"no schedule '{weekly}'. There are: {often}"):
        runner.unschedule(name, weekly)


def test_a_run_goes_on_with_its_own_pipeline_and_parameters_though_another_was_submitted_since(
    runner, document, config, kubeflow_server, tmp_path
):
    handle = runner.submit(document, {"day": "2026-02-02"})
    changed = json.loads(document.ir)
    changed["nodes"][0]["pipelineNode"]["parameters"]["noise"] = {}
    runner.submit(document_of(json.dumps(changed), config), {})
    given = runner._api.run(runner.continue_run(handle).execution_arn)
    version = runner._api.spec(*given["pipeline_version_reference"].values())
    assert ir_word(version) == ir_word(runner._runs.spec(runner._api.run(handle.run_id)))
    takes = set(pipeline_of(version)["root"]["inputDefinitions"]["parameters"])
    wanted = {"RunId": handle.run_id, "day": "2026-02-02"}
    assert given["runtime_config"]["parameters"] == {key: value for key, value in wanted.items() if key in takes}


def test_what_waited_and_was_decided_about_is_resumed(runner, document, kubeflow_server, tmp_path):
    handle = ended_at_its_approval(runner, document, kubeflow_server)
    going_on = runner.resume(handle)
    assert going_on.execution_arn != handle.execution_arn
    with pytest.raises(ConfigError, match="is PENDING; only one that failed"):
        runner.resume(handle)
    kubeflow_server.tell(going_on.execution_arn, state="FAILED")
    assert runner.resume(handle) == handle
    assert runner._api.run(going_on.execution_arn)["state"] == "RUNNING"


def test_what_does_not_exist_is_told_with_what_does(runner, document):
    with pytest.raises(NotFound, match="None was submitted yet"):
        runner.find(document.pipeline_name, "latest")
    known = [runner.submit(document, {}).run_id for _ in range(4)]
    with pytest.raises(NotFound) as refused:
        runner.find(document.pipeline_name, "no-such-run")
    assert f"Latest runs: {', '.join(reversed(known[1:]))}." in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "answered 401 .* Sign in: put a token into"),
        ({"PENSTOCK_KFP_TOKEN": "outsider"}, "answered 403 .* Ask for the role kubeflow-edit"),
    ],
)
def test_who_is_not_let_in_is_told_what_to_do(config, variables, told):
    with pytest.raises(PlatformRefused, match=told):
        make_api(config.on_kubeflow, variables)


def test_a_server_that_is_not_there_is_told_at_once(config):
    settings = dataclasses.replace(config.on_kubeflow, endpoint="http://127.0.0.1:1")
    with pytest.raises(PlatformBusy, match="cannot be reached"):
        make_api(settings, {})


def test_several_teams_need_a_namespace(config, kubeflow_server):
    settings = dataclasses.replace(config.on_kubeflow, namespace=None)
    with pytest.raises(ConfigError, match=r"set kubeflow\.namespace"):
        make_api(settings, kubeflow_server.variables)
    assert config.on_kubeflow.namespace == NAMESPACE


def test_an_ir_too_large_for_the_document_is_put_where_pods_read_it(runner, config, tmp_path):
    text = ir_of(
        node("A", parameters={f"p{number}": f"{number:064d}{number * 7919}" for number in range(30)}), name="large"
    )
    big = json.loads(text)
    big["nodes"][0]["pipelineNode"]["parameters"]["noise"] = [
        hex(number * 2654435761 % 2**61) for number in range(40000)
    ]
    document = document_of(json.dumps(big), config)
    with pytest.raises(ConfigError, match="is not mounted here"):
        runner.submit(document, {})
    (tmp_path / "root").mkdir()
    runner.submit(document, {})
    (written,) = (tmp_path / "root" / "ir").iterdir()
    assert written.read_text() == document.ir
    assert str(written) in document.text
