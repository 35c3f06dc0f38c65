"""Whoever starts a training that a lost pod would cost all it has done is told before."""

import pytest
from ir_by_hand import TRAINER, ir_of, node
from kubeflow_config import config_on_kubeflow

from pipeline.aws_settings import ResourceLine
from pipeline.runners.kubeflow.document import document_of

TUNER = "tfx.components.tuner.component.Tuner"
IR = ir_of(node("Gen"), node("Tuner", "Gen", type_name=TUNER), node("Trainer", "Tuner", type_name=TRAINER))
SAFE = ResourceLine(spot=False, retries=0)
ON_VOLUME = {"PENSTOCK_CHECKPOINTS": "/mnt/data/checkpoints"}


def warnings(trainer=SAFE, tuner=SAFE, **changes):
    lines = {"Trainer": trainer, "Tuner": tuner}
    return document_of(IR, config_on_kubeflow(resources=lines, **changes)).warnings


@pytest.mark.parametrize(
    ("line", "often"),
    [
        (ResourceLine(retries=1), "retries 1"),
        (ResourceLine(spot=True, retries=0), "spot, retries 0"),
        (ResourceLine(), "retries 2"),
    ],
)
def test_a_trainer_that_is_started_again_without_its_checkpoints_is_told_with_what_keeps_them(line, often):
    (told,) = warnings(trainer=line)
    assert told.startswith(f"Node 'Trainer' ({often}) trains all over again when its pod is started again")
    assert "set PENSTOCK_CHECKPOINTS in kubeflow.environment to a folder on one of kubeflow.volumes (/mnt/data)" in told


@pytest.mark.parametrize("keeps", [{"environment": ON_VOLUME}, {"root": "/mnt/data/reviews"}])
def test_checkpoints_on_a_volume_are_no_reason_to_warn(keeps):
    assert warnings(trainer=ResourceLine(spot=True), **keeps) == ()


def test_a_training_that_is_never_started_again_is_no_reason_to_warn():
    assert warnings() == ()


def test_a_folder_for_checkpoints_that_goes_with_the_pod_is_told():
    (told,) = warnings(trainer=ResourceLine(), environment={"PENSTOCK_CHECKPOINTS": "/mnt/data2/x"}, volumes=())
    assert "its checkpoints are at /mnt/data2/x, which is on no volume" in told
    assert "kubeflow.volumes (there is none yet)" in told


def test_trials_of_a_tuner_are_kept_by_a_root_on_a_volume_only():
    (told,) = warnings(tuner=ResourceLine(spot=True), environment=ON_VOLUME)
    assert told.startswith("Node 'Tuner' (spot, retries 2)")
    assert told.endswith("A root on a volume keeps them.")
    assert warnings(tuner=ResourceLine(spot=True), root="/mnt/data/reviews") == ()
