"""The machines of a training, as TF_CONFIG names them."""

import json

import pytest

from models.tabular_text.errors import BadSettings
from models.tabular_text.workers import Workers


def variable(cluster, role="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})}


@pytest.mark.parametrize("environ", [{}, {"TF_CONFIG": ""}, {"TF_CONFIG": "{}"}, variable({})])
def test_without_a_cluster_a_machine_is_alone(environ):
    assert Workers.of(environ) == Workers()
    assert (Workers().count, Workers().is_chief) == (1, True)


def test_a_chief_comes_before_the_workers_and_one_of_them_is_first_without_one():
    cluster = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    assert Workers.of(variable(cluster, "chief")) == Workers(("a:1", "b:1", "c:1"), 0)
    assert Workers.of(variable(cluster, "worker", 0)).index == 1
    assert Workers.of(variable({"worker": ["b:1", "c:1"]})).is_chief


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"TF_CONFIG": "{"}, 'expected {"cluster"'),
        ({"TF_CONFIG": "[1]"}, 'expected {"cluster"'),
        ({"TF_CONFIG": '{"cluster": {"worker": 5}}'}, 'expected {"cluster"'),
        (variable({"worker": ["a:1"]}, index="x"), 'expected {"cluster"'),
        (variable({"worker": ["a:1"]}, index=1), "this machine is worker 1, the cluster has worker 0"),
        (variable({"worker": ["a:1"], "ps": ["b:1"]}), "has machines of the role ps"),
        (variable({"worker": ["a:1", "b:1"]}, "evaluator"), "this machine is evaluator 0"),
    ],
)
def test_a_variable_that_makes_no_sense_is_told(environ, told):
    with pytest.raises(BadSettings) as caught:
        Workers.of(environ)
    assert told in str(caught.value)
