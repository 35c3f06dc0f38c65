import dataclasses

import botocore.session
import pytest

from models.tabular_text.settings import TrainingSettings
from pipeline.aws_settings import FALLBACK, ResourceLine
from pipeline.jobs.graph import Node
from pipeline.jobs.resources import TYPES, instance_type, line_problems, sharing_problems


@pytest.mark.parametrize(
    ("asked", "kind", "expected"),
    [
        ({}, "processing", "ml.m5.large"),
        ({"cpus": 4}, "processing", "ml.c5.xlarge"),
        ({"cpus": 4, "memory_gb": 16}, "processing", "ml.m5.xlarge"),
        ({"memory_gb": 16}, "training", "ml.r5.large"),
        ({"memory_gb": 60}, "training", "ml.r5.2xlarge"),
        ({"cpus": 96, "memory_gb": 768}, "processing", "ml.r5.24xlarge"),
        ({"gpus": 1}, "training", "ml.g4dn.xlarge"),
        ({"gpus": 1, "gpu_kind": "A10G"}, "training", "ml.g5.xlarge"),
        ({"gpus": 1, "disk_gb": 200}, "training", "ml.g4dn.2xlarge"),
        ({"gpus": 4}, "training", "ml.g4dn.12xlarge"),
        ({"gpus": 8, "gpu_kind": "A100"}, "training", "ml.p4d.24xlarge"),
        ({"instance_type": "ml.m7i.large", "cpus": 64}, "processing", "ml.m7i.large"),
    ],
)
def test_the_smallest_machine_that_has_all_of_it_is_taken(asked, kind, expected):
    assert instance_type(dataclasses.replace(FALLBACK, **asked), kind).name == expected


def test_nobody_pays_for_a_gpu_that_was_not_asked_for():
    asked = dataclasses.replace(FALLBACK, cpus=97, memory_gb=1000)
    assert instance_type(asked, "training") is None


def test_our_table_names_only_types_that_the_service_has_for_those_jobs():
    model = botocore.session.get_session().get_service_model("sagemaker")
    known = {
        "processing": set(model.shape_for("ProcessingInstanceType").enum),
        "training": set(model.shape_for("TrainingInstanceType").enum),
    }
    assert {(made.name, kind) for made in TYPES for kind in made.kinds if made.name not in known[kind]} == set()
    assert {made.name for made in TYPES if "processing" not in made.kinds and made.name in known["processing"]} == set()


def test_no_type_is_passed_over_for_one_that_has_less():
    for later, made in enumerate(TYPES):
        for before in TYPES[:later]:
            same = (before.gpu_kind, before.kinds) == (made.gpu_kind, made.kinds)
            more = before.cpus >= made.cpus and before.memory_gb >= made.memory_gb and before.gpus >= made.gpus
            disk = (before.local_disk_gb or 0) >= (made.local_disk_gb or 0)
            assert not (same and more and disk), f"{made.name} can never be taken: {before.name} has all of it"


@pytest.mark.parametrize(
    ("own", "kind", "told"),
    [
        ({"spot": True}, "processing", "spot is for Trainer and Tuner only"),
        ({"timeout_s": 777_601}, "processing", "a processing job ends after 777600 at the latest"),
        ({"gpus": 1, "cpus": 192, "gpu_kind": "T4"}, "training", "no training instance has 192 cpus"),
        ({"gpus": 8, "gpu_kind": "A100"}, "processing", "no processing instance has 2 cpus"),
        ({"gpu_kind": "A100"}, "training", "gpu_kind is A100 and gpus is 0"),
        ({"instance_type": "ml.g5.xlarge", "disk_gb": 300}, "training", "ml.g5.xlarge has 250 GB of disk"),
    ],
)
def test_what_no_machine_or_job_can_have_is_told(own, kind, told):
    line = ResourceLine(**own)
    assert any(told in problem for problem in line_problems(line.over(FALLBACK), line, kind))


def test_spot_in_the_default_line_means_those_that_can_have_it():
    line = dataclasses.replace(FALLBACK, spot=True)
    assert list(line_problems(line, ResourceLine(), "processing")) == []


@pytest.mark.parametrize(
    ("component", "own", "training", "told"),
    [
        ("Tuner", {"instances": 2}, {}, "only a Trainer's work can be shared by several machines"),
        ("Evaluator", {"instances": 2}, {}, "instances is 2, and only a Trainer's work"),
        (
            "Trainer",
            {"instances": 2},
            {"strategy": "none"},
            "strategy is none: each machine would train a model of its",
        ),
        ("Trainer", {"instances": 3, "gpus": 4}, {"batch_size": 11}, "12 devices, and training.batch_size is 11"),
        ("Trainer", {"instances": 3, "gpus": 4}, {"batch_size": 12}, None),
        ("Trainer", {"instances": 1}, {"batch_size": 1, "strategy": "none"}, None),
        ("Trainer", {"instances": 100}, {}, None),
    ],
)
def test_machines_that_could_not_share_the_work_are_told(component, own, training, told):
    node, line = Node(component, f"tfx.{component}", frozenset(), frozenset(), approves=False), ResourceLine(**own)
    problems = list(sharing_problems(line.over(FALLBACK), line, node, TrainingSettings(**training)))
    assert [told in problem for problem in problems] == ([True] if told else [])
