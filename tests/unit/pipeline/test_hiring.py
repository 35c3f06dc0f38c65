"""Pods that a training's first pod asks for: once, only when there is something to train, and always taken away."""

import json
import socket
import threading

import pytest
from kubernetes import client
from kubernetes_stand_in import KubernetesStandIn

from pipeline.launch.cluster import Cluster
from pipeline.launch.follower_job import FollowerJob, ThisPod
from pipeline.launch.hiring import Hired
from pipeline.launch.interruption import MachineLost
from pipeline.launch.machines import Machines
from pipeline.launch.patience import Patience

POD = ThisPod("shared", "uid-1", "reviews-team", "127.0.0.1", "penstock-pods")
NAMES = {"name": "x", "namespace": "n"}
JOB = {"metadata": NAMES, "spec": {"completions": 1}}


class Asked:
    """A cluster that notes what it is asked, and can refuse."""

    def __init__(self, refuses=""):
        self.verbs, self._refuses = [], refuses

    def start(self, job, service):
        self._do("start", job, service)

    def remove(self, job, service):
        self._do("remove", job, service)

    def _do(self, verb, job, service):
        self.verbs.append(verb)
        assert job["metadata"]["name"] == service["metadata"]["name"] == "followers-uid-1"
        if verb == self._refuses:
            raise MachineLost(f"cannot {verb}")


@pytest.fixture
def followers(monkeypatch):
    """One follower, and a chief that listens at a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(Machines, "control_port", port)
    monkeypatch.setattr(Machines.__init__, "__defaults__", ("", port))
    container = {"name": "main", "env": []}
    template = {"spec": {"containers": [container]}}
    compiled = {"kind": "Job", "metadata": {"labels": {}}, "spec": {"completions": 1, "template": template}}
    return FollowerJob(compiled, POD, ("--nodes", "Trainer"))


def come(port):
    """The follower: it says who it is, and hears the lines that it is told."""

    def follow(heard):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b'{"machine": 1}\n')
            heard += [json.loads(line) for line in connection.makefile()]

    heard = []
    thread = threading.Thread(target=follow, args=(heard,))
    thread.start()
    return thread, heard


def patience(**changes):
    return Patience(**{"muster_s": 20, "settle_s": 0.1, "grace_s": 20, **changes})


def give_up(reason, code):
    raise AssertionError(f"{reason} ({code})")


def test_nobody_is_asked_for_when_there_is_nothing_to_train(followers):
    asked = Asked()
    with Hired(followers, give_up, asked, patience()) as hired:
        hired.end("its exit code is 0")
    assert asked.verbs == []


def test_pods_are_asked_for_once_told_what_to_run_and_taken_away(followers):
    asked = Asked()
    with Hired(followers, give_up, asked, patience()) as hired:
        thread = None
        asked.start, start = (
            lambda *made: (start(*made), started.append(come(followers.machines.control_port))),
            asked.start,
        )
        started = []
        hired.announce(b"execution")
        hired.announce(b"execution")
        ((thread, heard),) = started
        hired.end("its exit code is 0", waits=False)
    thread.join(20)
    assert [next(iter(message)) for message in heard] == ["run", "run", "end"]
    assert asked.verbs == ["start", "remove"]


def test_what_kubernetes_refuses_ends_the_training_and_leaves_nothing_to_take_away(followers):
    asked = Asked(refuses="start")
    with pytest.raises(MachineLost, match="cannot start"), Hired(followers, give_up, asked, patience()) as hired:
        hired.announce(b"execution")
    assert asked.verbs == ["start"]


def test_pods_that_do_not_come_are_taken_away_even_if_that_fails_nothing_else_does(followers, capsys):
    asked = Asked(refuses="remove")
    with (
        pytest.raises(MachineLost, match="did not come within 0 s"),
        Hired(followers, give_up, asked, patience(muster_s=0.05)) as hired,
    ):
        hired.announce(b"execution")
    assert asked.verbs == ["start", "remove"]
    assert "cannot remove" in capsys.readouterr().err


def test_a_training_that_hangs_without_a_pod_is_given_up_and_the_others_are_taken_away_first(followers):
    asked, told = Asked(), threading.Event()

    def give_up_and_tell(reason, code):
        assert asked.verbs == ["start", "remove"]
        assert (code, "Machine followers-uid-1-0" in reason) == (3, True)
        told.set()

    with Hired(followers, give_up_and_tell, asked, patience(grace_s=0.05)) as hired:
        lost = threading.Thread(target=come_and_go, args=(followers.machines.control_port,))
        asked.start, start = lambda *made: (start(*made), lost.start()), asked.start
        hired.announce(b"execution")
        with hired.training():
            assert told.wait(20), "nobody gave up"


def come_and_go(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b'{"machine": 1}\n')
        connection.makefile().readline()


@pytest.fixture
def api(tmp_path):
    made = KubernetesStandIn(tmp_path)
    yield made
    made.close()


def cluster_at(address):
    configuration = client.Configuration()
    configuration.host, configuration.retries = address, False
    return Cluster(client.ApiClient(configuration))


def test_a_refusal_of_kubernetes_says_what_the_account_lacks(api):
    api.denied = True
    with pytest.raises(MachineLost) as lost:
        cluster_at(api.address).start(JOB, {"metadata": NAMES})
    assert "Kubernetes answered 403 Forbidden to create services in namespace 'n'" in str(lost.value)
    assert "needs the verbs create and delete for jobs (group batch) and services" in str(lost.value)
    assert api.requests == [("POST", "services")]


def test_a_service_without_its_job_is_taken_away_again(api):
    service = {"apiVersion": "v1", "kind": "Service", "metadata": NAMES, "spec": {"clusterIP": "None"}}
    job = {"metadata": NAMES, "spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}}
    with pytest.raises(MachineLost, match="Kubernetes answered 422"):
        cluster_at(api.address).start(job, service)
    assert api.requests == [("POST", "services"), ("POST", "jobs"), ("DELETE", "services")]
    assert api.made == {}


def test_what_is_gone_already_need_not_be_taken_away(api):
    cluster_at(api.address).remove(JOB, {"metadata": NAMES})
    assert api.requests == [("DELETE", "jobs"), ("DELETE", "services")]


def test_an_api_that_cannot_be_reached_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(MachineLost, match="Kubernetes' API cannot be reached to create services"):
        cluster_at(f"http://127.0.0.1:{port}").start(JOB, {"metadata": NAMES})
