"""Names and values from anybody: the document is taken and has them as they are, or they are refused with a reason."""

import re

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ir_by_hand import ir_of, node
from kubeflow_config import config_on_kubeflow

from pipeline.errors import ConfigError
from pipeline.runners.kubeflow.checking import document_problems
from pipeline.runners.kubeflow.document import document_of
from pipeline.runners.kubeflow.platform import NODE_LABEL, label_value
from pipeline.runners.kubeflow.texts import node_problem, value_problem, value_problems

CONFIG = config_on_kubeflow(notify_variable=None)

PLANTED = (
    *(
        "{{$}}",
        "{{workflow.name}}",
        "{{=sprig.env('HOME')}}",
        "{{$.inputs.parameters['run_id']}}",
        "{{$.pipeline_job_uuid}}",
    ),
    *("$(HOME)", "$(PENSTOCK_METADATA_PASSWORD)", "$$", "$HOME", "`id`", "; rm -rf /", "a && b", "'", '"', "\\", "\\n"),
    *(
        "- x",
        "a: b",
        "!!python/object",
        "&a *a",
        "#",
        "|",
        ">",
        "%",
        "@",
        "~",
        "null",
        "true",
        "1e3",
        "0x1F",
        "---",
        "...",
    ),
    *(
        "' == 'run' || true",
        "inputs.parameter_values['x']",
        "pipelinechannel--a-b",
        "модель",
        "价格",
        "é",
        "🦜",
        "\u202eabc",
    ),
    *("x" * 200, "я" * 200, " ", "a\nb", "\ttab", "\0", "--ir", "-", "a,b", "a=b", "notify", "condition-1"),
)


def texts(**options):
    return st.lists(
        st.one_of(st.sampled_from(PLANTED), st.text(st.characters(codec="utf-8"), max_size=20)), max_size=4
    ).map("".join)


def compiled(ir_text):
    document = document_of(ir_text, CONFIG)
    assert document_problems(document.text) == []
    spec, platform = yaml.load_all(document.text, Loader=yaml.CSafeLoader)
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def words_of(spec):
    return [word for executor in spec["deploymentSpec"]["executors"].values() for word in executor["container"]["args"]]


@given(st.lists(texts().filter(bool), min_size=1, max_size=3, unique=True))
@example(["x" * 200, "x" * 201, "Model", "model", "MODEL"])
@settings(max_examples=10)
def test_a_node_keeps_its_id_or_is_refused_by_it(ids):
    refused = {node_id for node_id in ids if node_problem(node_id)}
    if refused:
        with pytest.raises(ConfigError) as told:
            document_of(ir_of(*map(node, ids)), CONFIG)
        assert len(told.value.problems) == len(refused)
        assert all(
            any(f"Node {node_id!r}: its id " in problem for problem in told.value.problems) for node_id in refused
        )
        return
    spec, pods = compiled(ir_of(*map(node, ids)))
    tasks = spec["root"]["dag"]["tasks"]
    assert {task["taskInfo"]["name"] for task in tasks.values()} == set(ids)
    assert all(re.fullmatch(r"[a-z0-9](?:-?[a-z0-9])*", name) and len(name) <= 50 for name in tasks)
    words = words_of(spec)
    assert {words[place + 1] for place, word in enumerate(words) if word == "--nodes"} == set(ids)
    labels = [pod["podMetadata"]["labels"][NODE_LABEL] for pod in pods.values()]
    assert len(set(labels)) == len(ids), "the log of a node is found by this label"
    assert all(re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", label) for label in labels)


@given(texts())
@settings(max_examples=10)
def test_a_default_arrives_as_it_is_or_is_refused(text):
    ir_text = ir_of(node("A", parameters={"day": text}))
    if value_problem(text):
        with pytest.raises(ConfigError, match="Runtime parameter 'day': its default "):
            document_of(ir_text, CONFIG)
        return
    assert compiled(ir_text)[0]["root"]["inputDefinitions"]["parameters"]["day"]["defaultValue"] == text


@given(texts())
@settings(max_examples=10)
def test_a_pipeline_keeps_its_name_or_is_refused_by_it(name):
    try:
        spec, _ = compiled(ir_of(node("A"), name=name))
    except ConfigError as refused:
        assert refused.problems[0].startswith(f"Pipeline {name!r}: ")
    else:
        assert spec["pipelineInfo"]["name"] == name


@pytest.mark.parametrize("name", ["reviews", "a", "a-1", "x" * 63])
def test_names_that_configurations_give_are_kept(name):
    assert compiled(ir_of(node("A"), name=name))[0]["pipelineInfo"]["name"] == name


@pytest.mark.parametrize(
    ("name", "refused"),
    [("a--b", True), ("a-", True), ("A", True), ("x" * 64, True), ("модель", True), ("a_b", True), ("a-b", False)],
)
def test_a_name_that_kfp_would_change_is_refused(name, refused):
    if refused:
        with pytest.raises(ConfigError, match="Kubeflow Pipelines would call it otherwise"):
            document_of(ir_of(node("A"), name=name), CONFIG)
    else:
        document_of(ir_of(node("A"), name=name), CONFIG)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{{workflow.name}}", "has {{ in it, which Argo would fill in"),
        ("$(PENSTOCK_METADATA_PASSWORD)", "has $( in it, which Kubernetes would fill in"),
        ("5 $$", "has $$ in it, which Kubernetes would fill in"),
        ("a\0b", "has a character in it that no command line can hold"),
        (2**53 + 1, "is beyond 9007199254740992, and would be rounded"),
        (float("nan"), "is no finite number"),
    ],
)
def test_a_value_that_would_not_arrive_is_refused_before_anything_is_submitted(value, told):
    assert [*value_problems({"ok": "it's $5 {a}", "day": value})] == [
        f"--param day={value!r}: {value_problem(value)}. Give another value."
    ]
    assert told in value_problem(value)


def test_labels_of_two_nodes_differ():
    assert label_value("latest_model") == "latest_model"
    assert len({label_value(each) for each in ("модель", "价格", "x" * 63, "x" * 64, "a b", "a-b", "node")}) == 7
