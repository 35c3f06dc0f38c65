"""The Job of a training's other pods: what is compiled, what the launcher makes of it, and what each pod then sees."""

import json

import pytest
import yaml
from container_words import filled_in
from ir_by_hand import TRAINER, ir_of, node
from kubeflow_config import SETTINGS, config_on_kubeflow
from kubernetes_schema import problems_of
from pod_security import restricted_problems

from models.tabular_text.workers import Workers
from pipeline.aws_settings import ResourceLine
from pipeline.errors import ConfigError
from pipeline.launch.follower_job import POD_VARIABLES, FollowerJob, ThisPod, compiled_job
from pipeline.launch.machines import machines_of
from pipeline.runners.kubeflow.document import document_of
from pipeline.runners.kubeflow.tasks import plan_tasks

LINE = ResourceLine(instances=4, gpus=2, gpu_kind="L4", spot=True, shm_gb=4, cpus=8, memory_gb=32, timeout_s=7200)
POD = ThisPod("reviews-x7k2p-3", "5c9a1e0e-7d5f-4d55-9d4a-7f1f0c2f4b11", "reviews-team", "10.1.2.3", "penstock-pods")
IR = ir_of(node("Gen"), node("Trainer", "Gen", type_name=TRAINER, parameters={"price": "5 $"}))
WORDS = (
    *("--ir", "packed:x", "--nodes", "Trainer", "--run-id", "run-1", "--metadata", "mysql://u@h:1/d"),
    *("--param", "price=5 $", "--param", "list=$(HOME)", "--answer", "Push=/tmp/x", "--decisions=/d"),
)


def task(node_id="Trainer", **options):
    plan = plan_tasks(IR, config_on_kubeflow(resources={"Trainer": LINE}, **options))
    return next(task for task in plan.tasks if task.node_id == node_id)


def followers(pod=POD, **options):
    words = task(**options).words
    return FollowerJob(compiled_job(words[words.index("--followers") + 1]), pod, WORDS)


def test_only_the_task_that_trains_asks_for_more_pods_and_knows_its_own_address():
    assert "--followers" in task().words
    assert "--followers" not in task("Gen").words
    text = document_of(IR, config_on_kubeflow(resources={"Trainer": LINE})).text
    _, platform = yaml.load_all(text, Loader=yaml.CSafeLoader)
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    given = {each["name"]: each["fieldPath"] for each in pods["exec-trainer"]["fieldPathAsEnv"]}
    assert given == POD_VARIABLES
    assert "fieldPathAsEnv" not in pods["exec-gen"]


def test_neither_argo_nor_kubernetes_finds_anything_to_fill_in_in_the_compiled_job():
    words = task(environment={"PRICE": "$(HOME) $$ }} {"}).words
    word = words[words.index("--followers") + 1]
    assert "{{" not in word
    assert "$" not in word
    env = compiled_job(word)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "PRICE", "value": "$(HOME) $$ }} {"} in env


@pytest.mark.parametrize("options", [{}, {"scratch_class": "fast", "run_as_user": None, "image_pull_secrets": ()}])
def test_kubernetes_own_models_and_the_restricted_standard_take_both_manifests(options):
    made = followers(**options)
    assert (made.job["kind"], made.service["kind"]) == ("Job", "Service")
    assert problems_of(made.job) == problems_of(made.service) == []
    assert restricted_problems(made.job["spec"]["template"]["spec"]) == []


def test_the_models_do_find_mistakes():
    job = followers().job
    job["spec"]["completion"] = 3
    job["spec"]["backoffLimit"] = "0"
    del job["spec"]["template"]["spec"]["containers"][0]["name"]
    job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "32 GB"
    told = "\n".join(problems_of(job))
    for place in ("spec.completion: V1JobSpec has no such", "spec.backoffLimit: '0' is no int", "[0].name is missing"):
        assert place in told
    assert "'32 GB' is no quantity" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda pod: pod["volumes"].append(dict(pod["volumes"][0])), "no name, or taken"),
        (lambda pod: pod["volumes"][0].update(name="my.data"), "volume 'my.data': no name"),
        (lambda pod: pod["volumes"].pop(), "there is no such volume"),
        (lambda pod: pod["containers"][0]["env"].append({"name": "PENSTOCK_SCRATCH", "value": "x"}), "SCRATCH twice"),
    ],
)
def test_a_pod_whose_parts_do_not_fit_together_is_found(change, told):
    job = followers().job
    change(job["spec"]["template"]["spec"])
    assert told in "\n".join(problems_of(job))


def test_each_pod_finds_the_same_machines_in_its_tf_config_and_itself_among_them(tmp_path):
    made = followers()
    chief = made.machines
    assert (chief.count, chief.is_chief) == (4, True)
    assert chief.workers.addresses[:2] == (
        "10.1.2.3:7071",
        f"followers-{POD.uid}-0.followers-{POD.uid}.reviews-team.svc:7072",
    )
    (container,) = made.job["spec"]["template"]["spec"]["containers"]
    for index in range(made.job["spec"]["completions"]):
        fields = {"metadata.annotations['batch.kubernetes.io/job-completion-index']": str(index)}
        words, environ = filled_in(container, fields)
        assert machines_of(environ, tmp_path).workers == Workers(chief.workers.addresses, index + 1)
        assert words == [*WORDS[:12]], "a follower runs the chief's words, and decides and asks for nothing"
        assert environ["PENSTOCK_SCRATCH"] == "/scratch"


def test_names_that_the_service_gives_are_those_in_tf_config():
    made = followers()
    job, service = made.job, made.service
    assert job["metadata"]["name"] == service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"]
    assert service["spec"]["selector"] == {"job-name": made.name}
    assert len(f"{made.name}-99") <= 63
    assert followers(ThisPod(*("x",) * 3, "fd00::7", "y")).machines.workers.addresses[0] == "[fd00::7]:7071"


def test_they_go_when_the_chiefs_pod_goes_and_another_attempt_has_others():
    made = followers()
    owner = [{"apiVersion": "v1", "kind": "Pod", "name": POD.name, "uid": POD.uid}]
    assert made.job["metadata"]["ownerReferences"] == made.service["metadata"]["ownerReferences"] == owner
    spec = made.job["spec"]
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"], spec["activeDeadlineSeconds"]) == (0, 600, 7200)
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert followers(ThisPod("x", "another", "n", "1.1.1.1", "y")).name != made.name


def test_a_follower_has_what_the_tasks_own_pod_has():
    pod = followers().job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == SETTINGS.image
    assert container["resources"] == {
        "requests": {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "30Gi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "32Gi", "nvidia.com/gpu": "2"},
    }
    assert pod["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4", "node.example.com/pool": "spot"}
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists"},
        {"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
    ]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        *("/mnt/data", "/etc/penstock/signing", "/scratch", "/dev/shm")
    }
    assert (pod["serviceAccountName"], pod["securityContext"]["runAsUser"]) == ("penstock-pods", 10001)
    assert pod["securityContext"]["fsGroup"] == 10001
    labels = followers().job["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "reviews"


@pytest.mark.parametrize("word", ["", "[]", "{", '{"kind": "Pod"}', json.dumps({"kind": "Job", "spec": {}})])
def test_a_word_that_is_no_job_is_refused(word):
    with pytest.raises(ConfigError, match="expected the JSON of a Kubernetes Job"):
        compiled_job(word)


def test_a_pod_that_does_not_know_itself_is_told_what_is_missing():
    with pytest.raises(ConfigError, match="PENSTOCK_POD_ADDRESS, PENSTOCK_POD_UID of this pod are not set"):
        ThisPod.of(dict.fromkeys(set(POD_VARIABLES) - {"PENSTOCK_POD_ADDRESS", "PENSTOCK_POD_UID"}, "x"))
