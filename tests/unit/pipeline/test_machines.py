"""The machines of a job, from what the platform says of them."""

import json

import pytest

from models.tabular_text.workers import Workers
from pipeline.errors import ConfigError
from pipeline.launch.machines import CONTROL_PORT, machines_of


def write_resources(folder, text, name="input/config/resourceconfig.json"):
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(text)


def resources(current="algo-2", hosts=("algo-2", "algo-10", "algo-1")):
    return json.dumps({"current_host": current, "hosts": list(hosts), "network_interface_name": "eth1"})


@pytest.mark.parametrize("name", ["input/config/resourceconfig.json", "config/resourceconfig.json"])
def test_every_machine_has_the_same_order_and_ports_of_its_own(tmp_path, name):
    write_resources(tmp_path, resources(), name)
    machines = machines_of({}, tmp_path)
    addresses = [f"algo-1:{CONTROL_PORT + 1}", f"algo-10:{CONTROL_PORT + 2}", f"algo-2:{CONTROL_PORT + 3}"]
    assert (machines.count, machines.chief, machines.is_chief) == (3, "algo-1", False)
    assert machines.variables["NCCL_SOCKET_IFNAME"] == "eth1"
    assert json.loads(machines.variables["TF_CONFIG"]) == {
        "cluster": {"worker": addresses},
        "task": {"type": "worker", "index": 2},
    }
    assert Workers.of(machines.variables) == machines.workers


def test_variables_are_there_only_while_machines_train(tmp_path):
    write_resources(tmp_path, resources())
    environ = {"NCCL_SOCKET_IFNAME": "mine"}
    with machines_of({}, tmp_path).told_to(environ):
        assert environ["NCCL_SOCKET_IFNAME"] == "eth1"
        assert "TF_CONFIG" in environ
    assert environ == {"NCCL_SOCKET_IFNAME": "mine"}


def test_the_first_is_the_chief(tmp_path):
    write_resources(tmp_path, resources("algo-1"))
    assert machines_of({}, tmp_path).is_chief


@pytest.mark.parametrize("text", [None, resources("algo-1", ["algo-1"])])
def test_a_machine_alone_has_no_others(tmp_path, text):
    if text is not None:
        write_resources(tmp_path, text)
    assert machines_of({}, tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        resources(hosts=[]),
        resources("algo-9"),
        resources(hosts=["algo-2", "algo-2"]),
        json.dumps({"current_host": "a", "hosts": "ab"}),
        json.dumps({"current_host": 1, "hosts": [1, 2]}),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path, text):
    write_resources(tmp_path, text)
    with pytest.raises(ConfigError, match=r"resourceconfig\.json: expected the hosts of this job, each once"):
        machines_of({}, tmp_path)


def test_machines_that_the_variable_names_are_those_of_any_platform(tmp_path):
    cluster = {"chief": ["a:1"], "worker": ["b:2", "c:3"]}
    variable = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": "1"}})}
    machines = machines_of(variable, tmp_path)
    assert machines.workers == Workers(("a:1", "b:2", "c:3"), 2)
    assert (machines.chief, machines.control_port) == ("a", CONTROL_PORT)
    with pytest.raises(ConfigError, match="TF_CONFIG: expected"):
        machines_of({"TF_CONFIG": "{"}, tmp_path)


def test_machines_that_share_a_host_are_told_apart_by_their_ports(tmp_path):
    cluster = {"worker": ["localhost:1", "localhost:2"]}
    variable = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})}
    assert machines_of(variable, tmp_path).name(1) == "localhost:2"
