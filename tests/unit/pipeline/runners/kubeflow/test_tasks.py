import json
import re

import pytest
from branching_ir import BRANCHING
from ir_by_hand import TRAINER, ir_of, node
from kubeflow_config import SETTINGS, config_on_kubeflow

from models.tabular_text.features import DType, FeatureSpec, Label, LabelKind
from pipeline import ir as ir_documents
from pipeline.aws_settings import ResourceLine
from pipeline.errors import ConfigError
from pipeline.jobs import Join, Parameter, RunId
from pipeline.jobs.graph import nodes_of
from pipeline.launch.packed_ir import unpack
from pipeline.runners.kubeflow.tasks import MAX_NAME, MAX_PACKED, plan_rest_of_tasks, plan_tasks, task_names

HOSTILE = (
    *("Trainer", "trainer", "TRAINER", "latest_model", "latest-model", "модель", "价格", "x" * 200, "y" * 199 + "é"),
    *("a--b", "-", "notify", "condition-1", "exit-handler-1", "naïve model", "a.b"),
)


def problems_of(ir_text=BRANCHING, **options):
    with pytest.raises(ConfigError) as refused:
        plan_tasks(ir_text, config_on_kubeflow(**options))
    return refused.value.problems


def task_of(plan, node_id):
    return next(task for task in plan.tasks if task.node_id == node_id)


def test_every_node_is_a_task_of_its_own_even_a_lookup():
    plan = plan_tasks(BRANCHING, config_on_kubeflow())
    assert sorted(plan.node_ids) == sorted(nodes_of(BRANCHING))
    assert task_of(plan, "latest_model").depends_on == ()
    assert task_of(plan, "Judge").depends_on == ("latest-model", "slices", "trainer")


def test_a_task_runs_the_launcher_with_the_ir_the_run_and_every_parameter():
    ir_word, *words = task_of(plan_tasks(BRANCHING, config_on_kubeflow()), "Trainer").words[1:]
    assert unpack(ir_word) == BRANCHING
    assert words == [
        *("--nodes", "Trainer", "--run-id", RunId(), "--metadata", SETTINGS.metadata),
        *("--param", Join(("day=", Parameter("day")))),
        *("--param", Join(("rate=", Parameter("rate")))),
        *("--param", Join(("span=", Parameter("span")))),
        *("--root", SETTINGS.root),
        *("--executor-input", "{{$}}", "--report-url", SETTINGS.report_url),
    ]


def test_every_task_shows_a_card_and_numbers_and_the_evaluator_of_a_classifier_more():
    text = ir_of(node("Gen"), node("Evaluator", "Gen", type_name="components.evaluator.component.Evaluator"))
    shows = {task.node_id: dict(task.shows) for task in plan_tasks(text, config_on_kubeflow()).tasks}
    all_of_them = {"card": "HTML", "links": "Markdown", "metrics": "Metrics"}
    assert shows == {
        "Gen": all_of_them,
        "Evaluator": {**all_of_them, "classification_metrics": "ClassificationMetrics"},
    }
    regression = json.loads(text)
    features = FeatureSpec(Label("y", LabelKind.REGRESSION, DType.FLOAT32), ())
    regression["nodes"].append({"pipelineNode": transform_of(features.to_json())})
    plan = plan_tasks(json.dumps(regression), config_on_kubeflow())
    assert task_of(plan, "Evaluator").shows == all_of_them


def transform_of(features):
    made = node("Transform")
    value = {"fieldValue": {"stringValue": json.dumps({"features": features})}}
    return {**made, "parameters": {"parameters": {"custom_config": value}}}


def test_a_parameter_cannot_be_called_as_an_output_of_tasks_is():
    (problem,) = problems_of(ir_of(node("A", parameters={"metrics": 1})))
    assert "Runtime parameter 'metrics': tasks have an input or output of this name. Rename it." in problem


def test_an_ir_that_would_not_fit_into_all_tasks_together_is_read_from_the_root():
    noise = {f"p{number}": ir_documents.digest(str(number)) for number in range(6000)}
    text = ir_of(node("A", parameters=noise), node("B", "A"))
    plan = plan_tasks(text, config_on_kubeflow())
    assert plan.ir_location == f"s3://bucket/prefix/ir/{ir_documents.digest(text)}.json"
    assert len(plan_tasks(BRANCHING, config_on_kubeflow()).ir_location) * 13 < MAX_PACKED


def test_a_trainer_decides_too():
    text = ir_of(node("Trainer", type_name=TRAINER), node("Push", "Trainer", conditions=["good"]))
    plan = plan_tasks(text, config_on_kubeflow())
    assert task_of(plan, "Trainer").decides == {"Push": "decision_push"}
    assert [(gate.job, gate.value) for gate in task_of(plan, "Push").gates] == [("trainer", "run")]


def test_what_follows_an_approval_waits_for_it_and_is_a_document_of_its_own():
    plan = plan_tasks(BRANCHING, config_on_kubeflow())
    assert task_of(plan, "ModelApproval").decides == {"ModelApproval": "decision_modelapproval"}
    assert [gate.value for gate in task_of(plan, "Pusher").gates] == ["approved"]
    rest = plan_rest_of_tasks(BRANCHING, config_on_kubeflow())
    assert rest.pipeline_name == "branching-continue"
    assert rest.node_ids == ("ModelApproval", "Pusher")
    assert [(each.name, each.default) for each in rest.parameters] == [("RunId", None)]
    assert task_of(rest, "Pusher").words[5] == Parameter("RunId")
    assert plan_rest_of_tasks(ir_of(node("A")), config_on_kubeflow()) is None


def test_names_of_tasks_differ_and_are_names_to_argo_whatever_the_nodes_are_called():
    names = task_names(nodes_of(ir_of(*map(node, HOSTILE))))
    assert len(set(names.values())) == len(HOSTILE)
    assert all(
        re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= MAX_NAME for name in names.values()
    )
    assert names["Trainer"] == "trainer"
    assert names["latest_model"] == "latest-model"
    assert names["naïve model"].startswith("na-ve-model-")
    assert not {"notify", "condition-1", "exit-handler-1"} & set(names.values())


def test_lines_that_no_pod_can_have_are_refused_together_by_node():
    lines = {
        "Trainer": ResourceLine(gpus=1, gpu_kind="H100", instances=2),
        "Tuner": ResourceLine(spot=True, shm_gb=8),
        "Judge": ResourceLine(gpu_kind="L4", instances=3),
    }
    told = "\n".join(problems_of(resources=lines, spot=None))
    assert "Node 'Judge' (resources.Judge): instances is 3, and only a Trainer's work can be shared" in told
    assert "gpu_kind is H100, and kubeflow.accelerators does not say which nodes have it (known: L4)" in told
    assert "Node 'Tuner' (resources.Tuner): spot is true, and kubeflow.spot does not say" in told
    assert "shm_gb is 8 and memory_gb 8: /dev/shm is taken from the memory" in told
    assert "Node 'Judge' (resources.Judge): gpu_kind is L4 and gpus is 0" in told


def test_the_run_id_is_no_name_for_a_parameter():
    text = ir_of(node("A", parameters={"run_id": "x", "RunId": "y", "bad-name": 1}))
    told = problems_of(text)
    assert len(told) == 3
    assert "Runtime parameter 'bad-name': only letters, digits and underscores" in "\n".join(told)


def test_without_the_section_the_error_says_where_to_read():
    config = config_on_kubeflow().model_copy(update={"kubeflow": None})
    with pytest.raises(ConfigError, match=re.escape("docs/kubeflow.md")):
        plan_tasks(BRANCHING, config)
