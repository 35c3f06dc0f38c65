"""The documents for Kubeflow Pipelines, both halves in full beside this file, and what judges them.

Each task has the IR in its command; tests/golden/*.ir.json show that, and it is left out here.
"""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from branching_ir import BRANCHING
from golden_text import ROOT, normalise
from kubeflow_config import SETTINGS, config_on_kubeflow

from pipeline.aws_settings import ResourceLine
from pipeline.config import load_config
from pipeline.launch.packed_ir import unpack
from pipeline.planning import make_plan
from pipeline.runners.kubeflow.document import document_of
from pipeline.runners.registry import build_document, platform_problems
from pipeline.runners.warm import WarmProcess

CASES = Path(__file__).parent
LINES = {
    "Trainer": ResourceLine(gpus=2, gpu_kind="L4", spot=True, shm_gb=4, memory_gb=32, instances=3, timeout_s=7200),
    "Tuner": ResourceLine(gpus=1, gpu_kind="L4"),
    "default": ResourceLine(retries=3),
}
_PACKED = re.compile(r"packed:[\w=-]+")


def golden(document):
    return normalise(_PACKED.sub("packed:<the IR>", document.text))


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample pipeline's document, compiled as `penstock compile` does, from data on S3."""
    folder = tmp_path_factory.mktemp("documents")
    config = load_config(ROOT / "penstock.yaml")
    plan = dataclasses.replace(make_plan(config), input_base="s3://bucket/data")
    config = config.model_copy(update={"kubeflow": SETTINGS, "resources": LINES})
    warm = WarmProcess(folder / "warm.log")
    return warm.call(build_document, "kubeflow", config, plan, log_path=folder / "compile.log")


@pytest.fixture(scope="module")
def branching():
    return document_of(BRANCHING, config_on_kubeflow(resources=LINES, scratch_class="fast"))


def test_the_sample_compiles_to_the_reviewed_document(sample, assert_golden):
    assert_golden(golden(sample), CASES / "reviews.kubeflow.yaml")


def test_what_follows_an_approval_compiles_to_the_reviewed_document(sample, assert_golden):
    assert_golden(golden(sample.continuation), CASES / "reviews.kubeflow-continue.yaml")


def test_branches_and_conditions_compile_to_the_reviewed_document(branching, assert_golden):
    assert_golden(golden(branching), CASES / "branching.kubeflow.yaml")


def test_kubeflow_pipelines_would_take_every_document(sample, branching):
    for document in (sample, sample.continuation, branching, branching.continuation):
        assert platform_problems(document) == []


def test_kfps_own_loader_reads_the_sample(sample):
    from kfp import components

    loaded = components.load_component_from_text(sample.text)
    assert loaded.pipeline_spec.root.dag.tasks
    assert loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors


def test_every_task_has_the_whole_ir(sample, branching):
    for document in (sample, branching):
        packed = set(_PACKED.findall(document.text))
        if packed:
            assert [unpack(word) for word in packed] == [document.ir]
        else:
            assert "/ir/" in document.text


def test_nothing_of_this_machine_is_in_the_documents(sample):
    for document in (sample, sample.continuation):
        assert str(ROOT) not in document.text
        assert "file:" not in document.text


def test_what_the_evaluator_allows_runs_at_the_same_time(sample):
    spec, _ = yaml.load_all(sample.text, Loader=yaml.CSafeLoader)
    dags = [part["dag"]["tasks"] for part in (spec["root"], *spec["components"].values()) if "dag" in part]
    waits = {name: task.get("dependentTasks") for tasks in dags for name, task in tasks.items()}
    after = {"biasevaluator", "explainer", "humanreview", "servingcheck"}
    assert all("evaluator" in waits[name] and not after & set(waits[name]) for name in after)
