import json

import pytest

from models.tabular_text.progress import Progress
from pipeline.errors import NotFound
from pipeline.readers.training import read_training


def write(folder, *epochs):
    progress = Progress("f")
    for metrics in epochs:
        progress = progress.after_epoch(metrics)
    document = {"epochs": list(progress.history), "best_epoch": progress.best_epoch}
    (folder / "history.json").write_text(json.dumps(document))


def test_curves_are_read_as_training_writes_them(tmp_path):
    write(
        tmp_path,
        {"accuracy": 0.5, "loss": 2.0, "val_accuracy": 0.25, "val_loss": 1.5, "seconds": 1.0},
        {"accuracy": 0.75, "loss": 1.0, "val_accuracy": 0.5, "val_loss": 1.75, "seconds": 3.0},
    )
    found = read_training(tmp_path)
    assert found.metric_names == ("loss", "accuracy")
    assert found.curve("loss") == (2.0, 1.0)
    assert found.curve("val_accuracy") == (0.25, 0.5)
    assert (found.best_epoch, found.seconds, [epoch.number for epoch in found.epochs]) == (1, 4.0, [1, 2])
    assert found.curve("absent") == (None, None)


def test_devices_are_told_where_they_are_written_down(tmp_path):
    write(tmp_path)
    assert read_training(tmp_path).devices == ()
    (tmp_path / "history.json").write_text('{"epochs": [], "best_epoch": 0, "devices": ["NVIDIA X", "NVIDIA X"]}')
    assert read_training(tmp_path).devices == ("NVIDIA X", "NVIDIA X")


def test_a_training_without_a_whole_epoch_has_empty_curves(tmp_path):
    write(tmp_path)
    found = read_training(tmp_path)
    assert (found.epochs, found.metric_names, found.curve("loss"), found.best_epoch) == ((), (), (), 0)


def test_a_metric_that_is_no_number_is_none(tmp_path):
    write(tmp_path, {"loss": 1.0, "val_loss": 1.0, "accuracy": float("nan"), "seconds": 1.0})
    assert read_training(tmp_path).curve("accuracy") == (None,)


@pytest.mark.parametrize("document", [{}, {"epochs": [{}], "best_epoch": 1}, {"epochs": 3, "best_epoch": 1}])
def test_another_document_is_no_history(tmp_path, document):
    (tmp_path / "history.json").write_text(json.dumps(document))
    with pytest.raises(NotFound, match="not the history of a training"):
        read_training(tmp_path)
