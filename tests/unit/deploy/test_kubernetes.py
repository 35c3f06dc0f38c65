"""The documents of deploy/kubernetes: would Kubernetes take them, do they fit together, do they fit the code."""

import copy
import dataclasses
import re
import shlex

import pytest
from documented_commands import problem_of
from kubeflow_config import SETTINGS
from kubernetes_folders import FILLED_IN, FOLDER, OVERLAYS, copy_filled_in, named, of_kind, pods_of, whole
from kubernetes_schema import problems_of
from kustomize import build, dicts_in, name_hash
from pod_security import restricted_problems
from ruamel.yaml import YAML

from pipeline.aws_settings import resource_line
from pipeline.config import load_config
from pipeline.kubeflow_settings import PASSWORD_VARIABLE
from pipeline.metadata.server import server_of_uri
from pipeline.runners.kubeflow.followers import follower_job
from serving.application import Application
from serving.formats import CsvLayout

ROOT = FOLDER.parents[1]
OVERLAY = pytest.mark.parametrize("overlay", OVERLAYS)


@OVERLAY
def test_kubernetes_takes_every_document(overlay):
    found = {(document["kind"], document["metadata"]["name"]): problems_of(document) for document in whole(overlay)}
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert len(found) > 35


@pytest.mark.parametrize(
    ("kind", "name", "change", "told"),
    [
        ("Deployment", "serving", lambda spec: spec.update(replica=1), "V1DeploymentSpec has no such field"),
        ("Deployment", "serving", lambda spec: spec.pop("selector"), "spec.selector is missing"),
        ("Deployment", "serving", lambda spec: spec.update(replicas="2"), "'2' is no int"),
        ("Deployment", "serving", lambda spec: spec.update(paused=1), "1 is no bool"),
        ("PersistentVolumeClaim", "store-backups", lambda spec: spec["resources"]["requests"].update(storage="20GB"),
         "'20GB' is no quantity"),
        ("NetworkPolicy", "store", lambda spec: spec.update(ingress={}), "is no list"),
        ("ServiceMonitor", "serving", lambda spec: spec["endpoints"][0].update(targetport="http"), "no such field"),
    ],
)  # fmt: skip
def test_document_that_kubernetes_would_refuse_is_found(kind, name, change, told):
    document = copy.deepcopy(named(whole("overlays/prod"), kind, name))
    change(document["spec"])
    assert [problem for problem in problems_of(document) if told in problem] != []


def test_names_of_generated_objects_are_those_that_kustomize_gives(tmp_path):
    """The second source: `kubectl kustomize` 5.5 on these files."""
    data = {"MODEL_SOURCE": "FILL-IN-MODEL-SOURCE", "PENSTOCK_MODEL_DIGEST": "FILL-IN-MODEL-DIGEST"}
    data["PENSTOCK_MODEL_VERSION"] = "FILL-IN-MODEL-VERSION"
    assert name_hash({"kind": "ConfigMap", "metadata": {"name": "served-model"}, "data": data}) == "2t49df5ttm"


@OVERLAY
def test_another_model_is_another_deployment_so_that_pods_are_replaced(overlay, tmp_path):
    folder = copy_filled_in(tmp_path / "kubernetes")
    before = named(tuple(build(folder / overlay)), "Deployment", "serving")
    model = folder / overlay / "served-model.env"
    model.write_text(model.read_text().replace("VERSION=7", "VERSION=8"))
    assert named(tuple(build(folder / overlay)), "Deployment", "serving") != before


@OVERLAY
def test_every_pod_is_what_pod_security_restricted_asks_for(overlay):
    """And its root file systems are read-only, which that does not ask for."""
    for pod in pods_of(whole(overlay)):
        assert restricted_problems(pod.spec) == [], pod.name
        for container in pod.containers:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, (pod.name, container["name"])
            assert any(mount["mountPath"] == "/tmp" for mount in container["volumeMounts"])
    enforced = named(whole(overlay), "Namespace", "penstock")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"


def test_pods_that_train_together_are_restricted_too():
    line = resource_line({}, "Trainer")
    job = follower_job("Trainer", dataclasses.replace(line, instances=3), SETTINGS)
    assert restricted_problems(job["spec"]["template"]["spec"]) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda pod: pod["securityContext"].pop("runAsNonRoot"), "runAsNonRoot"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (lambda pod: pod["securityContext"].update(runAsUser=0), "root"),
        (lambda pod: pod.update(hostNetwork=True), "hostNetwork"),
        (lambda pod: pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}}), "hostPath"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"), "allowPrivilege"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"), "capabilities"),
        (lambda pod: pod["containers"][0]["securityContext"].update(privileged=True), "privileged"),
        (lambda pod: pod["containers"][0]["ports"][0].update(hostPort=80), "hostPort"),
    ],
)
def test_pod_that_is_not_restricted_is_found(change, told):
    [spec] = [copy.deepcopy(pod.spec) for pod in pods_of(whole("overlays/dev")) if pod.name == "serving"]
    change(spec)
    assert [problem for problem in restricted_problems(spec) if told in problem] != []


@OVERLAY
def test_every_container_says_what_it_needs_and_cannot_take_all_of_a_machine(overlay):
    for pod in pods_of(whole(overlay)):
        for container in pod.containers:
            asked, most = container["resources"]["requests"], container["resources"]["limits"]
            assert set(asked) == {"cpu", "memory", "ephemeral-storage"}, (pod.name, container["name"])
            assert set(most) == {"memory", "ephemeral-storage"}


@OVERLAY
def test_no_pod_has_a_token_of_kubernetes_unless_it_is_for_kubeflow(overlay):
    for pod in pods_of(whole(overlay)):
        assert pod.spec["automountServiceAccountToken"] is False, pod.name
        audiences = [each["audience"] for each in dicts_in(pod.spec) if "audience" in each]
        assert audiences == (["pipelines.kubeflow.org"] if pod.name == "watcher" else [])


@OVERLAY
def test_everything_that_a_document_names_is_there(overlay):
    documents = whole(overlay)
    there = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in documents}
    for pod in pods_of(documents):
        assert ("ServiceAccount", pod.namespace, pod.spec["serviceAccountName"]) in there, pod.name
        for kind, name, keys in named_in(pod.spec):
            found = there.get((kind, pod.namespace, name))
            assert found is not None, (pod.name, kind, name)
            assert keys <= set(found.get("data", {})), (pod.name, kind, name)
        volumes = {volume["name"] for volume in pod.spec.get("volumes", ())}
        mounted = {mount["name"] for container in pod.containers for mount in container["volumeMounts"]}
        assert mounted == volumes | set(pod.claims), pod.name
    for binding in of_kind(documents, "RoleBinding"):
        assert ("Role", binding["metadata"]["namespace"], binding["roleRef"]["name"]) in there
        for subject in binding["subjects"]:
            assert (subject["kind"], subject["namespace"], subject["name"]) in there
    scaled = named(documents, "HorizontalPodAutoscaler", "serving")["spec"]["scaleTargetRef"]
    assert (scaled["kind"], "penstock", scaled["name"]) in there


def named_in(spec):
    """Kind, name and keys of whatever a pod refers to."""
    for each in dicts_in(spec):
        if "configMapRef" in each:
            yield "ConfigMap", each["configMapRef"]["name"], set()
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if field in each:
                yield kind, each[field]["name"], {each[field]["key"]}
        if "configMap" in each:
            yield "ConfigMap", each["configMap"]["name"], {item["key"] for item in each["configMap"].get("items", ())}
        if "secret" in each:
            yield "Secret", each["secret"]["secretName"], {item["key"] for item in each["secret"].get("items", ())}
        if "persistentVolumeClaim" in each:
            yield "PersistentVolumeClaim", each["persistentVolumeClaim"]["claimName"], set()


@OVERLAY
def test_services_monitors_probes_and_budgets_fit_the_pods_that_they_are_about(overlay):
    documents = whole(overlay)
    services = {}
    for service in of_kind(documents, "Service"):
        [pod] = [each for each in pods_of(documents) if service["spec"]["selector"].items() <= each.labels.items()]
        assert pod.namespace == service["metadata"]["namespace"]
        services[pod.name] = {port["name"]: pod.ports[port["targetPort"]] for port in service["spec"]["ports"]}
    assert services == {
        "mariadb": {"mysql": 3306},
        "serving": {"http": 8080},
        "flink-jobmanager": {"rpc": 6123, "blobs": 6124, "rest": 8081},
    }
    for pod in pods_of(documents):
        for probe in (each for each in dicts_in(pod.spec) if {"httpGet", "tcpSocket"} & set(each)):
            assert probe.get("httpGet", probe.get("tcpSocket"))["port"] in pod.ports, pod.name
    [monitored] = named(documents, "ServiceMonitor", "serving")["spec"]["endpoints"]
    assert monitored["port"] in services["serving"]
    selected = named(documents, "ServiceMonitor", "serving")["spec"]["selector"]["matchLabels"]
    assert selected.items() <= named(documents, "Service", "serving")["metadata"]["labels"].items()
    budget = named(documents, "PodDisruptionBudget", "serving")["spec"]
    assert budget["selector"] == named(documents, "Deployment", "serving")["spec"]["selector"]


@OVERLAY
def test_the_server_itself_answers_what_probes_and_prometheus_ask_it(overlay):
    documents = whole(overlay)
    application = Application(None, "", CsvLayout({}), 1)
    spec = named(documents, "Deployment", "serving")["spec"]["template"]["spec"]
    paths = {each["httpGet"]["path"] for each in dicts_in(spec) if "httpGet" in each}
    paths.add(named(documents, "ServiceMonitor", "serving")["spec"]["endpoints"][0]["path"])
    answers = {}
    for path in paths:
        application(
            {"REQUEST_METHOD": "GET", "PATH_INFO": path}, lambda status, _, path=path: answers.update({path: status})
        )
    assert answers == {"/ping": "200 OK", "/metrics": "200 OK"}


@OVERLAY
def test_images_are_named_so_that_they_stay_what_they_are(overlay):
    images = {container["image"] for pod in pods_of(whole(overlay)) for container in pod.containers}
    own = {image for image in images if image.startswith("registry.example.com/")}
    assert {image.partition("@")[2] for image in own} == {FILLED_IN["FILL-IN-WORKER-DIGEST"]}
    assert all(re.fullmatch(r"[a-z/-]+:[0-9][\w.-]*\.[0-9]+[\w.-]*", image) for image in images - own), images
    assert {image.partition(":")[0] for image in images - own} == {"mariadb", "amazon/aws-cli", "flink"}


@OVERLAY
def test_what_was_not_filled_in_can_be_no_image(overlay, tmp_path):
    """Kubernetes then says InvalidImageName with the name in it: names of images have no capitals."""
    text = (FOLDER / overlay / "kustomization.yaml").read_text()
    assert re.findall(r"(?:newName|digest): (?!FILL-IN-[A-Z-]+$).*", text, flags=re.MULTILINE) == []


def test_every_value_to_fill_in_is_explained_and_nothing_else_is():
    text = "".join(path.read_text() for path in FOLDER.rglob("*") if path.suffix in (".yaml", ".env"))
    said = re.findall(r"^\| `(FILL-IN-[A-Z-]+)` \|", (ROOT / "docs/kubernetes.md").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"FILL-IN-[A-Z-]+\b", text)) == set(said) == set(FILLED_IN)
    assert len(said) == len(set(said))


def test_passwords_are_read_from_files_that_git_does_not_take(tmp_path):
    assert list(of_kind(tuple(build(FOLDER / "base")), "Secret")) == []
    for overlay in OVERLAYS:
        assert not {path.name for path in (FOLDER / overlay).iterdir()} & {"store.env", "store-root.env"} or (
            "/deploy/kubernetes/overlays/*/*.env" in (ROOT / ".gitignore").read_text().splitlines()
        )
    folder = copy_filled_in(tmp_path / "kubernetes")
    (folder / "overlays/prod/store.env").unlink()
    with pytest.raises(FileNotFoundError, match=r"store\.env"):
        build(folder / "overlays/prod")


@OVERLAY
def test_what_the_watcher_types_is_a_command_of_ours(overlay):
    [container] = named(whole(overlay), "CronJob", "watcher")["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["command"] == ["python", "-m", "pipeline.cli"]
    assert problem_of(shlex.join(["penstock", *container["args"]])) is None
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "configuration"]
    assert f"{mount['mountPath']}/penstock.yaml" in container["args"]


@OVERLAY
def test_the_configuration_of_runs_names_what_is_there(overlay, tmp_path):
    documents = whole(overlay)
    path = tmp_path / "penstock.yaml"
    path.write_text(named(documents, "ConfigMap", "pipeline-configuration")["data"]["penstock.yaml"])
    settings = load_config(path).on_kubeflow
    [secret] = settings.secrets
    in_runs = [each for each in of_kind(documents, "Secret") if each["metadata"]["namespace"] == "kubeflow"]
    assert [each["metadata"]["name"] for each in in_runs] == [secret.name]
    assert secret.environment[PASSWORD_VARIABLE] in in_runs[0]["data"]
    assert named(documents, "ServiceAccount", settings.service_account)["metadata"]["namespace"] == "kubeflow"
    server = server_of_uri(settings.metadata, {PASSWORD_VARIABLE: ""})
    service = named(documents, "Service", "mariadb")
    assert server.host == f"{service['metadata']['name']}.{service['metadata']['namespace']}"
    [store] = named(documents, "StatefulSet", "mariadb")["spec"]["template"]["spec"]["containers"]
    given = {each["name"]: each["value"] for each in store["env"]}
    assert (server.database, server.user) == (given["MARIADB_DATABASE"], given["MARIADB_USER"])
    assert settings.image == f"{FILLED_IN['FILL-IN-WORKER-IMAGE']}@{FILLED_IN['FILL-IN-WORKER-DIGEST']}"
    backup = named(documents, "CronJob", "store-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    said = {each["name"]: each["value"] for each in backup["containers"][0]["env"]}
    assert (said["DATABASE"], said["STORE_USER"], said["STORE_HOST"]) == (server.database, server.user, "mariadb")


def test_the_password_of_root_stays_with_the_store():
    secrets = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): set(each["data"])
        for each in of_kind(whole("overlays/prod"), "Secret")
    }
    assert secrets == {
        ("penstock", "penstock-store"): {"password"},
        ("penstock", "penstock-store-root"): {"root-password"},
        ("kubeflow", "penstock-store"): {"password"},
    }


def test_only_production_insists_on_signed_models():
    keys = {
        overlay: "PENSTOCK_PUBLIC_KEY" in named(whole(overlay), "ConfigMap", "served-model")["data"]
        for overlay in OVERLAYS
    }
    assert keys == {"overlays/dev": False, "overlays/prod": True}


def test_beams_workers_are_where_the_documented_configuration_looks_for_them():
    documents = whole("overlays/dev")
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/kubernetes.md").read_text(), flags=re.DOTALL)
    [said] = [YAML(typ="safe").load(block) for block in blocks if "flink:" in block]
    [pod] = [each for each in pods_of(documents) if each.name == "flink-taskmanager"]
    [worker] = [each for each in pod.containers if each["name"] == "worker"]
    assert worker["command"] == ["python", "-m", "apache_beam.runners.worker.worker_pool_main"]
    assert worker["args"] == [f"--service_port={pod.ports['workers']}"]
    assert worker["image"].startswith(FILLED_IN["FILL-IN-WORKER-IMAGE"])
    assert said["beam"]["flink"]["environment"] == {"kind": "external", "address": f"localhost:{pod.ports['workers']}"}
    service = named(documents, "Service", "flink-jobmanager")
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert said["beam"]["flink"]["master"] == f"{service['metadata']['name']}:{ports['rest']}"
    slots = flinks_configuration(documents)["taskmanager"]["numberOfTaskSlots"]
    assert said["beam"]["pipeline_args"] == [f"--sdk_worker_parallelism={slots}"], "one process for each slot"
    replicas = named(documents, "Deployment", "flink-taskmanager")["spec"]["replicas"]
    assert {node["workers"] for node in said["beam"]["nodes"].values()} == {slots * replicas}
    [volume] = said["kubeflow"]["volumes"]
    claims = {each["name"]: each.get("persistentVolumeClaim", {}).get("claimName") for each in pod.spec["volumes"]}
    mounts = {claims[each["name"]]: each["mountPath"] for each in worker["volumeMounts"]}
    assert mounts[volume["claim"]] == volume["path"]


def flinks_configuration(documents):
    return YAML(typ="safe").load(named(documents, "ConfigMap", "flink")["data"]["config.yaml"])


def test_flink_is_told_the_ports_that_its_pods_have():
    documents = whole("overlays/dev")
    said = flinks_configuration(documents)
    ports = {pod.name: pod.ports for pod in pods_of(documents)}
    job, task = ports["flink-jobmanager"], ports["flink-taskmanager"]
    told = {
        "rpc": said["jobmanager"]["rpc"]["port"],
        "blobs": said["blob"]["server"]["port"],
        "rest": said["rest"]["port"],
    }
    assert told == job
    told = {"rpc": said["taskmanager"]["rpc"]["port"], "data": said["taskmanager"]["data"]["port"]}
    assert told == {name: port for name, port in task.items() if name != "workers"}
    assert said["jobmanager"]["rpc"]["address"] == said["rest"]["address"] == "flink-jobmanager"
    for name, memory in (
        ("flink-jobmanager", said["jobmanager"]["memory"]),
        ("flink-taskmanager", said["taskmanager"]["memory"]),
    ):
        [pod] = [each for each in pods_of(documents) if each.name == name]
        limit = pod.spec["containers"][0]["resources"]["limits"]["memory"]
        assert int(memory["process"]["size"].removesuffix("m")) < int(limit.removesuffix("Mi")), name
