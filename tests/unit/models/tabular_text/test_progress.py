"""Training stops, keeps its best epoch and refuses nonsense by rules that can be followed by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabular_text.errors import TrainingDiverged
from models.tabular_text.progress import Progress, check_finite, epoch_line


def after(losses: list[float]) -> Progress:
    progress = Progress("mark")
    for loss in losses:
        progress = progress.after_epoch({"loss": 1.0, "val_loss": loss})
    return progress


def test_training_stops_after_as_many_worse_epochs_as_allowed() -> None:
    assert not after([3.0, 2.0, 2.5]).is_over(epochs=9, patience=2)
    assert after([3.0, 2.0, 2.5, 2.1]).is_over(epochs=9, patience=2)
    assert not after([3.0, 2.0, 2.5, 2.1]).is_over(epochs=9, patience=0)
    assert after([3.0, 2.0]).is_over(epochs=2, patience=2)


def test_an_equal_loss_is_no_improvement() -> None:
    assert after([2.0, 2.0]).best_epoch == 1


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_best_epoch_is_the_first_with_the_smallest_loss(losses: list[float]) -> None:
    progress = after(losses)
    assert progress.best_epoch == losses.index(min(losses)) + 1
    assert progress.best_loss == min(losses)
    assert [metrics["epoch"] for metrics in progress.history] == list(range(1, len(losses) + 1))


@given(st.lists(st.floats(0, 1e6)), st.integers(0, 10**6))
def test_progress_survives_its_checkpoint(losses: list[float], steps: int) -> None:
    progress = after(losses).after_steps(steps)
    assert Progress.from_json(progress.to_json()) == progress


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_the_settings_to_try(loss: float) -> None:
    with pytest.raises(TrainingDiverged, match=r"epoch 3.*learning_rate"):
        check_finite(3, {"loss": loss})
    with pytest.raises(TrainingDiverged, match="val_loss"):
        Progress("mark").after_epoch({"loss": 1.0, "val_loss": loss})


def test_an_epoch_is_one_readable_line() -> None:
    line = epoch_line({"epoch": 2, "loss": 0.61234, "val_accuracy": 0.75, "seconds": 3.06}, epochs=5)
    assert line == "epoch 2/5  loss 0.6123  val_accuracy 0.75  (3.1 s)"
