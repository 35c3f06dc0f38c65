"""A person who reads the lines knows what a deployment would change, and reads nothing else."""

import copy
import hashlib
import json

import pytest
from branching_ir import BRANCHING
from kubeflow_config import config_on_kubeflow

from pipeline.errors import PlatformRefused
from pipeline.runners.document_diff import differences, read, told
from pipeline.runners.kubeflow.document import document_of


def job(name, machine="ml.m5.large", ir="a"):
    arguments = {
        "AppSpecification": {"ContainerArguments": ["--ir", f"s3://b/p/ir/{ir * 64}.json", "--nodes", name]},
        "ProcessingResources": {"ClusterConfig": {"InstanceType": machine, "InstanceCount": 1}},
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments}


def definition(*steps, parameters=()):
    return {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}


def condition(*steps):
    return {
        "Name": "If-B",
        "Type": "Condition",
        "Arguments": {"Conditions": [], "IfSteps": list(steps), "ElseSteps": []},
    }


def diff(before, after):
    return differences(json.dumps(before), json.dumps(after, indent=2, sort_keys=True))


def test_the_same_document_otherwise_written_is_no_difference():
    assert diff(definition(job("A"), job("B")), definition(job("A"), job("B"))) == []


def test_steps_that_come_and_go_and_change_are_named_with_the_place():
    found = diff(definition(job("A"), job("B")), definition(job("A", "ml.g5.xlarge"), job("C")))
    assert found == [
        "+ step C",
        "- step B",
        '~ step A: Arguments.ProcessingResources.ClusterConfig.InstanceType: "ml.m5.large" → "ml.g5.xlarge"',
    ]


def test_a_change_of_the_pipelines_own_code_is_told_once_for_all_jobs():
    found = diff(definition(job("A"), job("B")), definition(job("A", ir="c"), job("B", ir="c")))
    assert found == [f"~ the pipeline that all jobs read: {'a' * 12} → {'c' * 12}"]


def test_a_step_that_moves_behind_a_condition_is_a_change_of_that_step_only():
    found = diff(definition(job("A"), job("B")), definition(job("A"), condition(job("B"))))
    assert found == ["+ step If-B", '~ step B: Behind: added, "If-B IfSteps"']


def test_parameters_are_compared_by_name():
    old = [{"Name": "rows", "Type": "Integer", "DefaultValue": 1}, {"Name": "x", "Type": "String"}]
    new = [{"Name": "rows", "Type": "Integer", "DefaultValue": 2}]
    assert diff(definition(parameters=old), definition(parameters=new)) == [
        "- parameter x",
        "~ parameter rows: DefaultValue: 1 → 2",
    ]


def machine():
    inner = {"StartAt": "B", "States": {"B": {"Type": "Task", "TimeoutSeconds": 60, "End": True}}}
    return {"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [inner], "End": True}}}


def test_states_are_found_inside_branches():
    before, after = machine(), machine()
    after["States"]["A"]["Branches"][0]["States"]["B"]["TimeoutSeconds"] = 120
    after["States"]["A"]["Retry"] = []
    assert diff(before, after) == ["~ state A: Retry: added, []", "~ state B: TimeoutSeconds: 60 → 120"]


@pytest.mark.parametrize(("old", "new"), [(True, 1), ("1", 1), (None, 0), ([1], [1, 2])])
def test_values_that_python_takes_for_equal_are_told_apart(old, new):
    before, after = definition(job("A")), definition(job("A"))
    before["Steps"][0]["x"], after["Steps"][0]["x"] = old, new
    assert len(diff(before, after)) == 1


def test_every_single_change_of_a_document_shows():
    """Each value of a document, changed by itself, is one line that names it."""
    base = definition(job("A"), condition(job("B")), parameters=[{"Name": "p", "Type": "String"}])
    paths = list(_leaves(base))
    assert len(paths) > 15
    for path in paths:
        changed = copy.deepcopy(base)
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = "other"
        assert diff(base, changed), path


def _leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path
        return
    for key, inner in items:
        yield from _leaves(inner, (*path, key))


def test_what_is_not_deployed_yet_is_said_with_its_size():
    text = json.dumps(definition(job("A"), job("B"), parameters=[{"Name": "p", "Type": "String"}]))
    assert list(told("reviews", None, text)) == [
        "reviews: is not deployed yet; it would be created, with 2 steps, 1 parameters."
    ]
    assert list(told("reviews", text, text)) == ["reviews: as it is deployed."]


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"Steps": [{}]}'])
def test_what_is_no_document_is_refused_in_words(text):
    with pytest.raises(PlatformRefused, match="is no document"):
        read(text, "What sagemaker has as 'reviews'", PlatformRefused)


def kubeflow_document(ir_text, **changes):
    return document_of(ir_text, config_on_kubeflow(**changes)).text


def test_tasks_of_kubeflow_are_compared_with_their_pods_and_a_change_of_what_they_run_is_told_once():
    before = kubeflow_document(BRANCHING)
    assert "cpuRequest: 2.0" in before
    assert differences(before.replace("cpuRequest: 2.0", "cpuRequest: 2"), before) == []
    other = kubeflow_document(BRANCHING, labels={"team": "other"})
    found = differences(before, other)
    assert '~ task gen: kubernetes.podMetadata.labels.team: "reviews" → "other"' in found
    assert len(found) == len([line for line in found if ".labels.team: " in line])
    changed = BRANCHING.replace('"2026-01-01"', '"2026-03-03"')
    digests = [hashlib.sha256(text.encode()).hexdigest()[:12] for text in (BRANCHING, changed)]
    lines = differences(before, kubeflow_document(changed))
    assert lines[0] == f"~ the pipeline that all jobs read: {digests[0]} → {digests[1]}"
    assert not [line for line in lines if "packed:" in line]
    assert next(iter(told("branching", None, before))).startswith("branching: is not deployed yet; it would be created")
    assert "tasks" in next(iter(told("branching", None, before)))
