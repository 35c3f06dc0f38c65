import copy

import pytest
import yaml
from branching_ir import BRANCHING
from kubeflow_config import config_on_kubeflow

from pipeline.runners.kubeflow.checking import document_problems
from pipeline.runners.kubeflow.document import document_of


@pytest.fixture(scope="module")
def parts():
    return list(yaml.load_all(document_of(BRANCHING, config_on_kubeflow()).text, Loader=yaml.CSafeLoader))


def inside(spec):
    return spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]


def executors(spec):
    return spec["deploymentSpec"]["executors"]


MISTAKES = {
    "old": (
        lambda spec, _: spec.update(schemaVersion="2.0.0"),
        "schemaVersion is '2.0.0', and servers take 2.1.0 only",
    ),
    "unknown": (lambda spec, _: spec.update(displayName="x"), 'The pipeline: Message type "ml_pipelines.PipelineSpec"'),
    "resolver": (
        lambda spec, _: executors(spec).update({"exec-gen": {"resolver": {}}}),
        "Executor 'exec-gen' is resolver, and servers run containers only",
    ),
    "image": (
        lambda spec, _: executors(spec)["exec-gen"]["container"].pop("image"),
        "Executor 'exec-gen' has no image",
    ),
    "name": (
        lambda spec, _: inside(spec).update({"my_gen": inside(spec)["gen"]}),
        "Task 'my_gen' of component 'comp-exit-handler-1': the name has more than letters, digits and dashes",
    ),
    "component": (
        lambda spec, _: inside(spec)["gen"]["componentRef"].update(name="comp-none"),
        "there is no component 'comp-none'",
    ),
    "executor": (
        lambda spec, _: spec["components"]["comp-gen"].update(executorLabel="exec-none"),
        "In component 'comp-gen': there is no executor 'exec-none'",
    ),
    "cache": (
        lambda spec, _: inside(spec)["gen"].update(cachingOptions={"enableCache": True}),
        "it takes answers from Kubeflow's cache",
    ),
    "waits": (
        lambda spec, _: inside(spec)["judge"]["dependentTasks"].append("nobody"),
        "Task 'judge' of component 'comp-exit-handler-1': it waits for 'nobody', which is not there",
    ),
    "given": (
        lambda spec, _: inside(spec)["gen"]["inputs"]["parameters"].pop("run_id"),
        "is not given its input 'run_id'",
    ),
    "more": (
        lambda spec, _: inside(spec)["gen"]["inputs"]["parameters"].update(x={"runtimeValue": {"constant": 1.0}}),
        "it is given 'x', which its component does not take",
    ),
    "parent": (
        lambda spec, _: inside(spec)["gen"]["inputs"]["parameters"]["day"].update(componentInputParameter="night"),
        "its input 'day' is 'night' of what it is in, which has no such input",
    ),
    "output": (
        lambda spec, _: spec["components"]["comp-judge"]["outputDefinitions"]["parameters"].pop("decision_explain"),
        "is output 'decision_explain' of 'judge', which has no such output",
    ),
    "producer": (
        lambda spec, _: inside(spec).pop("judge"),
        "is made by 'judge', which is not there",
    ),
    "pod": (
        lambda _, pods: pods["exec-gen"].update(nodePicker={}),
        "What Kubernetes gives exec-gen: Message type",
    ),
    "nobody's pod": (
        lambda _, pods: pods.update({"exec-none": {}}),
        "What Kubernetes gives 'exec-none': there is no such",
    ),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_each_planted_mistake_is_found_and_named(parts, mistake):
    plant, told = MISTAKES[mistake]
    spec, platform = copy.deepcopy(parts)
    plant(spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"])
    problems = document_problems(yaml.dump_all([spec, platform], Dumper=yaml.CSafeDumper))
    assert any(told in problem for problem in problems), problems


def test_what_is_no_document_at_all_is_told():
    assert document_problems("a: 1\n---\nb: 2\n---\nc: 3\n") == [
        "The document has 3 parts, expected a pipeline and what its platform gives it."
    ]
    assert document_problems("[]")
