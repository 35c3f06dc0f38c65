"""Who reaches whom by the policies of deploy/kubernetes, and who may ask Kubernetes for what."""

import pytest
from kubernetes_folders import OVERLAYS, of_kind, pods_of, whole
from network_policies import Peer, is_peer, may_talk, selects

from pipeline.launch.cluster import Cluster
from pipeline.launch.machines import CONTROL_PORT
from pipeline.runners.kubeflow.platform import NODE_LABEL

OVERLAY = pytest.mark.parametrize("overlay", OVERLAYS)
FOREIGN = {
    "names": Peer({"k8s-app": "kube-dns"}, "kube-system"),
    "prometheus": Peer({"app.kubernetes.io/name": "prometheus"}, "monitoring"),
    "ingress": Peer({}, "ingress-nginx", {"penstock.asks": "true"}),
    "kubeflow": Peer({"app": "ml-pipeline"}, "kubeflow", {"penstock.runs": "true"}),
    "node": Peer({NODE_LABEL: "Trainer"}, "kubeflow", {"penstock.runs": "true"}),
    "follower": Peer({NODE_LABEL: "Trainer", "penstock.role": "follower"}, "kubeflow", {"penstock.runs": "true"}),
    "stranger": Peer({NODE_LABEL: "Trainer"}, "somebody"),
    "s3": Peer(address="52.219.75.10"),
    "machine": Peer(address="169.254.169.254"),
}


def peers(overlay):
    """All who talk, ours by the names of their documents."""
    ours = {pod.name: Peer(pod.labels, pod.namespace) for pod in pods_of(whole(overlay))}
    return {**FOREIGN, **ours}


@OVERLAY
@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("node", "mariadb", 3306),
        ("watcher", "mariadb", 3306),
        ("store-backup", "mariadb", 3306),
        ("ingress", "serving", 8080),
        ("prometheus", "serving", 8080),
        ("serving", "s3", 443),
        ("watcher", "s3", 443),
        ("watcher", "kubeflow", 8888),
        ("node", "s3", 443),
        ("node", "kubeflow", 8887),
        ("node", "kubeflow", 8333),
        ("node", "flink-jobmanager", 8081),
        ("flink-taskmanager", "flink-jobmanager", 6123),
        ("flink-taskmanager", "flink-jobmanager", 6124),
        ("flink-jobmanager", "flink-taskmanager", 6122),
        ("flink-taskmanager", "flink-taskmanager", 6121),
        ("flink-taskmanager", "s3", 443),
        ("follower", "mariadb", 3306),
        ("follower", "node", CONTROL_PORT),
        ("node", "follower", CONTROL_PORT + 2),
        ("follower", "follower", CONTROL_PORT + 99),
    ],
)
def test_who_has_to_talk_may(overlay, source, target, port):
    known = peers(overlay)
    policies = list(of_kind(whole(overlay), "NetworkPolicy"))
    assert may_talk(policies, known[source], known[target], port)
    names = [may_talk(policies, known[source], FOREIGN["names"], 53, protocol) for protocol in ("TCP", "UDP")]
    assert names == [True, True]


@OVERLAY
@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("stranger", "mariadb", 3306),
        ("kubeflow", "mariadb", 3306),
        ("serving", "mariadb", 3306),
        ("ingress", "mariadb", 3306),
        ("node", "mariadb", 22),
        ("mariadb", "s3", 443),
        ("store-backup", "s3", 443),
        ("stranger", "serving", 8080),
        ("serving", "kubeflow", 8888),
        ("serving", "machine", 443),
        ("node", "machine", 443),
        ("watcher", "serving", 8080),
        ("node", "node", 8080),
        ("stranger", "follower", CONTROL_PORT),
        ("kubeflow", "node", CONTROL_PORT),
        ("kubeflow", "flink-jobmanager", 8081),
        ("flink-taskmanager", "flink-jobmanager", 8081),
        ("node", "flink-taskmanager", 50000),
        ("flink-taskmanager", "flink-taskmanager", 50000),
        ("flink-jobmanager", "s3", 443),
    ],
)
def test_who_has_no_business_with_each_other_does_not_talk(overlay, source, target, port):
    known = peers(overlay)
    assert not may_talk(of_kind(whole(overlay), "NetworkPolicy"), known[source], known[target], port)


@OVERLAY
def test_every_policy_is_about_a_pod_and_names_only_peers_and_ports_that_there_are(overlay):
    known = peers(overlay)
    policies = list(of_kind(whole(overlay), "NetworkPolicy"))
    open_ports = {pod.name: set(pod.ports.values()) for pod in pods_of(whole(overlay))}
    open_ports |= {name: set(range(CONTROL_PORT, CONTROL_PORT + 101)) for name in ("node", "follower")}
    for policy in policies:
        name = policy["metadata"]["name"]
        about = [peer for peer in known if selects(policy, known[peer])]
        assert about, f"{name} selects no pod"
        for rule in policy["spec"].get("ingress", ()):
            for said in rule["ports"]:
                opened = {said["port"], said.get("endPort", said["port"])}
                assert all(opened <= open_ports[peer] for peer in about), (name, said)
        for way, side in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way, ()):
                for said in rule[side]:
                    found = [is_peer(said, known[one], other) for one in about for other in known.values()]
                    assert any(found), (name, said)


@OVERLAY
def test_rights_are_few_and_written_out(overlay):
    documents = whole(overlay)
    assert {each["kind"] for each in documents} & {"ClusterRole", "ClusterRoleBinding"} == set()
    rights = {}
    for role in of_kind(documents, "Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            if {"secrets", "configmaps"} & set(rule["resources"]):
                assert rule["resourceNames"], "all secrets of a namespace are more than anybody needs"
            group = rule["apiGroups"][0]
            rights.setdefault(role["metadata"]["name"], set()).update(
                f"{verb} {resource}{'.' if group else ''}{group}"
                for verb in rule["verbs"]
                for resource in rule["resources"]
            )
    assert rights == {
        "penstock-pods": {
            "create workflowtaskresults.argoproj.io", "patch workflowtaskresults.argoproj.io",
            "get configmaps", "get secrets",
        },
        "penstock-watcher": {
            "create runs.pipelines.kubeflow.org",
            *(
                f"{verb} {kind}.pipelines.kubeflow.org"
                for verb in ("create", "get", "list")
                for kind in ("pipelines", "experiments")
            ),
        },
        "penstock-several-workers": asked_by_chiefs(),
    }  # fmt: skip


def asked_by_chiefs():
    """What the chief of a training asks Kubernetes for, as rights, by the client's own requests."""
    from kubernetes.client import ApiClient

    asked = set()

    class Recording(ApiClient):
        def call_api(self, resource_path, method, *_, **__):
            group = "batch" if resource_path.startswith("/apis/batch/") else ""
            kind = resource_path.removesuffix("/{name}").rpartition("/")[2]
            verb = {"POST": "create", "DELETE": "delete"}[method]
            asked.add(f"{verb} {kind}{'.' if group else ''}{group}")

    cluster, manifest = Cluster(Recording()), {"metadata": {"name": "n", "namespace": "kubeflow"}}
    cluster.start(manifest, manifest)
    cluster.remove(manifest, manifest)
    assert len(asked) == 4
    return asked
