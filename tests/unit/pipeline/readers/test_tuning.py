import json

import pytest

from pipeline.errors import NotFound
from pipeline.readers.tuning import Dimension, read_hyperparameters, read_tuning

# As TFX 1.21 and keras-tuner 1.4 write them.
TRIALS = [
    {"trial_id": "01", "score": 0.25, "model.dropout": 0.1, "training.batch_size": 64, "tuner/epochs": 2},
    {"trial_id": "00", "score": float("nan"), "model.dropout": 0.2, "training.batch_size": 32, "tuner/epochs": 2},
]
BEST = {
    "space": [
        {
            "class_name": "Float",
            "config": {"name": "model.dropout", "default": 0.0, "conditions": [], "min_value": 0.0, "max_value": 0.5,
                       "step": None, "sampling": "linear"},
        },
        {
            "class_name": "Int",
            "config": {"name": "training.batch_size", "default": 32, "conditions": [], "min_value": 32,
                       "max_value": 512, "step": None, "sampling": "log"},
        },
        {
            "class_name": "Choice",
            "config": {"name": "model.text_tower", "default": "bag", "conditions": [], "values": ["bag", "<b>"],
                       "ordered": False},
        },
    ],
    "values": {"model.dropout": 0.1, "training.batch_size": 64, "model.text_tower": "bag"},
}  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    for name in ("results", "best"):
        (tmp_path / name).mkdir()
    (tmp_path / "results" / "tuner_results.json").write_text(json.dumps(TRIALS))
    (tmp_path / "best" / "best_hyperparameters.txt").write_text(json.dumps(BEST))
    return tmp_path / "results", tmp_path / "best"


def test_trials_are_read_in_their_order(folders):
    found = read_tuning(*folders, objective="val_loss")
    assert [(trial.trial_id, trial.score) for trial in found.trials] == [("01", 0.25), ("00", None)]
    assert found.trials[0].values["training.batch_size"] == 64
    assert found.names == ("model.dropout", "training.batch_size")
    assert found.objective == "val_loss"


def test_the_choice_comes_with_where_was_searched(folders):
    best = read_tuning(*folders).best
    assert best.values["model.text_tower"] == "bag"
    assert best.space == (
        Dimension("model.dropout", "Float", low=0.0, high=0.5),
        Dimension("training.batch_size", "Int", low=32, high=512, is_logarithmic=True),
        Dimension("model.text_tower", "Choice", values=("bag", "<b>")),
    )


def test_the_trials_can_be_read_without_the_choice(folders):
    assert read_tuning(folders[0]).best is None


def test_a_search_without_finished_trials_is_empty(folders):
    (folders[0] / "tuner_results.json").write_text("[]")
    found = read_tuning(folders[0])
    assert (found.trials, found.names) == ((), ())


@pytest.mark.parametrize("text", ["{}x", '[{"score": 1}]', "3", '["a"]'])
def test_another_document_is_no_search(folders, text):
    (folders[0] / "tuner_results.json").write_text(text)
    with pytest.raises(NotFound, match=r"tuner_results\.json"):
        read_tuning(folders[0])


@pytest.mark.parametrize("text", ["{}", "[]", '{"values": {}, "space": [{"class_name": "Int"}]}'])
def test_another_document_is_no_choice(folders, text):
    (folders[1] / "best_hyperparameters.txt").write_text(text)
    with pytest.raises(NotFound, match=r"best_hyperparameters\.txt"):
        read_hyperparameters(folders[1])
