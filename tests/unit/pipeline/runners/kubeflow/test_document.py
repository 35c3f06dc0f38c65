import itertools

import pytest
import yaml
from branching_ir import BRANCHING
from ir_by_hand import ir_of, node
from kubeflow_config import config_on_kubeflow

from pipeline.aws_settings import ResourceLine
from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import Secret
from pipeline.runners.kubeflow.checking import document_problems
from pipeline.runners.kubeflow.document import MAX_DOCUMENT_BYTES, document_of

LINES = {
    "Trainer": ResourceLine(gpus=2, gpu_kind="L4", spot=True, shm_gb=4, cpus=8, memory_gb=32, timeout_s=7200),
    "default": ResourceLine(retries=3),
}


@pytest.fixture(scope="module")
def branching():
    return document_of(BRANCHING, config_on_kubeflow(resources=LINES))


def parts_of(document):
    spec, platform = yaml.load_all(document.text, Loader=yaml.CSafeLoader)
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def everything_in(spec):
    """Every task with the component that it is in, `root` for the outermost."""
    dags = {"root": spec["root"], **spec["components"]}
    return {
        (place, name): task
        for place, part in dags.items()
        for name, task in part.get("dag", part).get("tasks", {}).items()
    }


def test_the_same_pipeline_compiles_to_the_same_bytes(branching):
    assert document_of(BRANCHING, config_on_kubeflow(resources=LINES)).text == branching.text


def test_it_is_the_version_that_servers_take_and_nothing_in_it_would_be_refused(branching):
    assert parts_of(branching)[0]["schemaVersion"] == "2.1.0"
    assert document_problems(branching.text) == []
    assert document_problems(branching.continuation.text) == []


def test_kfps_own_loader_reads_it(branching):
    from kfp import components

    loaded = components.load_component_from_text(branching.text)
    assert sorted(loaded.pipeline_spec.root.input_definitions.parameters) == ["day", "rate", "span"]
    assert "exec-trainer" in loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors


def test_no_task_takes_an_answer_from_kubeflows_cache(branching):
    for part in (branching, branching.continuation):
        options = [task.get("cachingOptions") for task in everything_in(parts_of(part)[0]).values()]
        assert not any(option and option.get("enableCache") for option in options)


def test_nodes_keep_their_names_for_people(branching):
    shown = {task["taskInfo"]["name"] for task in everything_in(parts_of(branching)[0]).values()}
    assert set(branching.node_ids) <= shown


def test_a_condition_is_asked_once_and_what_has_more_conditions_is_in_a_group_inside(branching):
    spec, _ = parts_of(branching)
    tasks = everything_in(spec)
    conditions = {
        name: task["triggerPolicy"]["condition"]
        for (_, name), task in tasks.items()
        if "condition" in task.get("triggerPolicy", {})
    }
    assert conditions == {
        "condition-2": "inputs.parameter_values['pipelinechannel--judge-decision_explain'] == 'run'",
        "condition-3": "inputs.parameter_values['pipelinechannel--explain-decision_mail'] == 'run'",
        "condition-4": "inputs.parameter_values['pipelinechannel--modelapproval-decision_modelapproval'] == 'approved'",
    }
    places = {name: place for place, name in tasks}
    assert (places["explain"], places["draw"], places["mail"]) == (
        "comp-condition-2",
        "comp-condition-2",
        "comp-condition-3",
    )
    assert (places["condition-3"], places["pusher"]) == ("comp-condition-2", "comp-condition-4")


def test_tasks_wait_as_nodes_do_and_branches_do_not_wait_for_each_other(branching):
    tasks = {name: task for (_, name), task in everything_in(parts_of(branching)[0]).items()}
    waits = {name: task.get("dependentTasks", []) for name, task in tasks.items()}
    assert waits["statistics"] == waits["transform"] == ["gen"]
    assert waits["judge"] == ["latest-model", "slices", "trainer"]
    assert waits["trainer"] == ["tuner"]


def test_parameters_are_typed_inputs_with_their_defaults_and_the_rest_needs_the_run(branching):
    assert parts_of(branching)[0]["root"]["inputDefinitions"]["parameters"] == {
        "day": {"defaultValue": "2026-01-01", "isOptional": True, "parameterType": "STRING"},
        "rate": {"defaultValue": 0.5, "isOptional": True, "parameterType": "NUMBER_DOUBLE"},
        "span": {"defaultValue": 3.0, "isOptional": True, "parameterType": "NUMBER_INTEGER"},
    }
    spec, _ = parts_of(branching.continuation)
    assert spec["root"]["inputDefinitions"]["parameters"] == {"RunId": {"parameterType": "STRING"}}
    assert (
        spec["deploymentSpec"]["executors"]["exec-pusher"]["container"]["args"][5]
        == "{{$.inputs.parameters['run_id']}}"
    )


def test_every_task_has_outputs_that_kubeflows_ui_draws_and_is_told_their_files(branching):
    spec, _ = parts_of(branching)
    for name, component in spec["components"].items():
        if "executorLabel" not in component or name == "comp-notify":
            continue
        types = {
            output: item["artifactType"]["schemaTitle"]
            for output, item in component["outputDefinitions"]["artifacts"].items()
        }
        assert types == {"card": "system.HTML", "links": "system.Markdown", "metrics": "system.Metrics"}
        words = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]["args"]
        shown = [word for option, word in itertools.pairwise(words) if option == "--show"]
        assert shown == [f"{output}={{{{$.outputs.artifacts['{output}'].path}}}}" for output in types]
        assert words[words.index("--executor-input") + 1] == "{{$}}"


def test_the_run_is_the_platforms_own(branching):
    task = next(task for (_, name), task in everything_in(parts_of(branching)[0]).items() if name == "gen")
    assert task["inputs"]["parameters"]["run_id"] == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}


def test_a_trainer_gets_its_gpus_its_nodes_and_shared_memory_and_others_do_not(branching):
    spec, pods = parts_of(branching)
    resources = {
        label: executor["container"].get("resources", {})
        for label, executor in spec["deploymentSpec"]["executors"].items()
    }
    assert resources["exec-trainer"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert resources["exec-trainer"]["accelerator"]["resourceCount"] == "2"
    assert (resources["exec-trainer"]["resourceCpuRequest"], resources["exec-trainer"]["resourceMemoryLimit"]) == (
        "8",
        "32Gi",
    )
    assert "resourceCpuLimit" not in resources["exec-trainer"]
    trainer = pods["exec-trainer"]
    assert trainer["nodeSelector"]["labels"] == {
        "cloud.google.com/gke-accelerator": "nvidia-l4",
        "node.example.com/pool": "spot",
    }
    assert trainer["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists"},
        {"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
    ]
    assert trainer["emptyDirMounts"] == [
        {"mountPath": "/scratch", "sizeLimit": "30Gi", "volumeName": "scratch"},
        {"medium": "Memory", "mountPath": "/dev/shm", "sizeLimit": "4Gi", "volumeName": "shm"},
    ]
    assert trainer["activeDeadlineSeconds"] == "7200"
    assert not {"nodeSelector", "tolerations"} & set(pods["exec-gen"])
    assert "accelerator" not in resources["exec-gen"]


def test_every_container_asks_for_processors_and_memory_without_which_a_quota_refuses_pods(branching):
    for part in (branching, branching.continuation):
        for label, executor in parts_of(part)[0]["deploymentSpec"]["executors"].items():
            asked = executor["container"]["resources"]
            assert {"resourceCpuRequest", "resourceMemoryRequest", "resourceMemoryLimit"} <= set(asked), label


def test_the_last_task_has_a_line_of_its_own_which_is_not_that_of_nodes():
    lines = {"default": ResourceLine(cpus=16, memory_gb=64, retries=3), "notify": ResourceLine(memory_gb=4)}
    spec, pods = parts_of(document_of(ir_of(node("A")), config_on_kubeflow(resources=lines)))
    asked = spec["deploymentSpec"]["executors"]["exec-notify"]["container"]["resources"]
    assert (asked["resourceCpuRequest"], asked["resourceMemoryRequest"], asked["resourceMemoryLimit"]) == (
        *("1", "4Gi", "4Gi"),
    )
    assert pods["exec-notify"]["activeDeadlineSeconds"] == "3600"
    assert pods["exec-notify"]["podMetadata"]["labels"] == {"team": "reviews"}, "it is no node's pod"
    assert "retryPolicy" not in everything_in(spec)["root", "notify"]


def test_a_line_of_the_last_task_that_no_pod_can_have_is_refused():
    lines = {"notify": ResourceLine(gpus=1, gpu_kind="H100", instances=2)}
    with pytest.raises(ConfigError) as refused:
        document_of(ir_of(node("A")), config_on_kubeflow(resources=lines))
    assert [problem.partition(" (")[0] for problem in refused.value.problems] == ["The last task"] * 2
    assert "resources.notify): instances is 2, and this task is one pod" in refused.value.problems[1]
    quiet = document_of(ir_of(node("A")), config_on_kubeflow(resources=lines, notify_variable=None))
    assert "exec-notify" not in parts_of(quiet)[1]


def test_every_pod_gets_its_secrets_volumes_labels_and_a_volume_for_its_files(branching):
    _, pods = parts_of(branching)
    for label, pod in pods.items():
        assert [(secret["secretName"], secret["keyToEnv"]) for secret in pod["secretAsEnv"]] == [
            ("penstock-store", [{"envVar": "PENSTOCK_METADATA_PASSWORD", "secretKey": "password"}]),
            ("penstock-notices", [{"envVar": "PENSTOCK_NOTIFY_URL", "secretKey": "url"}]),
        ]
        assert [(secret["secretName"], secret["mountPath"]) for secret in pod["secretAsVolume"]] == [
            ("penstock-signing", "/etc/penstock/signing")
        ]
        assert [(mount["constant"], mount["mountPath"]) for mount in pod["pvcMount"]] == [
            ("penstock-data", "/mnt/data")
        ]
        assert pod["securityContext"] == {"runAsNonRoot": True, "runAsUser": "10001"}
        if label != "exec-trainer":
            size = "10Gi" if label == "exec-notify" else "30Gi"
            assert pod["emptyDirMounts"] == [{"mountPath": "/scratch", "sizeLimit": size, "volumeName": "scratch"}]
    assert pods["exec-latest-model"]["podMetadata"]["labels"] == {"penstock.node": "latest_model", "team": "reviews"}


def test_failures_are_tried_again_with_growing_waits_as_long_as_all_attempts_may_take(branching):
    tasks = {name: task for (_, name), task in everything_in(parts_of(branching)[0]).items()}
    # Four attempts of an hour, or two, each with an hour of waiting for a machine; waits of 30, 60 and 120 s.
    for name, seconds in {"gen": 4 * (3600 + 3600) + 210, "trainer": 4 * (7200 + 3600) + 210}.items():
        assert tasks[name]["retryPolicy"] == {
            "backoffDuration": "30s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": f"{seconds}s",
            "maxRetryCount": 3,
        }


def test_files_are_on_a_volume_of_its_own_where_a_class_is_named():
    document = document_of(ir_of(node("A")), config_on_kubeflow(scratch_class="fast"))
    (pod,) = (pod for label, pod in parts_of(document)[1].items() if label != "exec-notify")
    assert pod["genericEphemeralVolume"] == [
        {
            "accessModes": ["ReadWriteOnce"],
            "mountPath": "/scratch",
            "size": "30Gi",
            "storageClassName": "fast",
            "volumeName": "scratch",
        }
    ]
    assert "emptyDirMounts" not in pod


def test_two_variables_may_have_one_key_of_a_secret():
    store = Secret("store", environment={"PENSTOCK_METADATA_PASSWORD": "password", "OTHER": "password"})
    pods = parts_of(document_of(ir_of(node("A")), config_on_kubeflow(secrets=(store,), notify_variable=None)))[1]
    given = [pair for secret in pods["exec-a"]["secretAsEnv"] for pair in secret["keyToEnv"]]
    assert given == [
        {"envVar": "OTHER", "secretKey": "password"},
        {"envVar": "PENSTOCK_METADATA_PASSWORD", "secretKey": "password"},
    ]


def test_the_last_task_tells_how_the_run_ended_if_somebody_wants_to_know(branching):
    tasks = everything_in(parts_of(branching)[0])
    assert tasks["root", "notify"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert tasks["root", "notify"]["inputs"]["parameters"]["status"] == {
        "taskFinalStatus": {"producerTask": "exit-handler-1"}
    }
    outputs = parts_of(branching)[0]["components"]["comp-notify"]["outputDefinitions"]["artifacts"]
    assert {name: item["artifactType"]["schemaTitle"] for name, item in outputs.items()} == {"report": "system.HTML"}
    quiet = document_of(BRANCHING, config_on_kubeflow(notify_variable=None))
    assert not any("notify" in name or "exit" in name for _, name in everything_in(parts_of(quiet)[0]))


def test_a_document_that_no_workflow_can_hold_is_refused_with_its_size(monkeypatch):
    assert MAX_DOCUMENT_BYTES == 2**20
    monkeypatch.setattr("pipeline.runners.kubeflow.document.MAX_DOCUMENT_BYTES", 5000)
    with pytest.raises(ConfigError, match="bytes for 1 nodes, at most 5,000 fit") as refused:
        document_of(ir_of(node("A")), config_on_kubeflow(environment={"VARIABLE": "x" * 5000}))
    assert "kubeflow.environment" in str(refused.value)
