import logging

import pytest

from models.tabular_text.telling import StepTeller, Trial, tell_search, tell_training, with_speed


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.DEBUG, logger="penstock.progress")
    return lambda: [(record.levelname, record.getMessage(), record.progress) for record in caplog.records]


class Clock:
    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


def run_steps(teller, clock, steps, step_s):
    for batch in range(steps):
        clock.now += step_s
        teller.on_train_batch_end(batch, {"accuracy": 0.5, "loss": 1 / (batch + 1)})


def test_an_epoch_is_told_once_a_second_with_the_speed_of_that_second(said):
    clock = Clock()
    run_steps(StepTeller(2, 5, 0, batch_size=32, rows=640, clock=clock), clock, steps=20, step_s=0.25)
    assert [message for _, message, _ in said()] == [f"step {step}/20" for step in (4, 8, 12, 16, 20)]
    level, _, progress = said()[0]
    assert level == "DEBUG"
    assert progress == {
        "done": 1.2,
        "total": 5,
        "unit": "epochs",
        "metrics": {"loss": 0.25, "examples_per_s": 4 * 32 / 1.0, "accuracy": 0.5},
    }
    assert said()[-1][2]["done"] == 2.0


def test_the_speed_counts_rows_not_steps_so_a_short_last_batch_is_short():
    clock = Clock()
    teller = StepTeller(1, 1, 0, batch_size=32, rows=100, clock=clock)
    run_steps(teller, clock, steps=4, step_s=0.5)
    assert teller.examples_per_s == 100 / 2.0


def test_a_resumed_epoch_goes_on_where_it_was_and_is_not_credited_with_what_was_done_before(said):
    clock = Clock()
    teller = StepTeller(3, 4, first_step=5, batch_size=10, rows=100, clock=clock)
    run_steps(teller, clock, steps=5, step_s=1.0)
    assert said()[0][1] == "step 6/10"
    assert said()[0][2]["done"] == 2.6
    assert teller.examples_per_s == 50 / 5.0


def test_nothing_trained_is_no_speed():
    assert StepTeller(1, 1, 0, 32, 100).examples_per_s == 0


def test_a_trial_is_told_as_its_part_of_the_search(said):
    trial = Trial(3, 10, {"val_loss": 0.7})
    tell_training(logging.INFO, "epoch 1/2", 1, 2, {"loss": 0.9}, trial)
    assert said() == [
        (
            "INFO",
            "trial 3/10, epoch 1/2",
            {"done": 2.5, "total": 10, "unit": "trials", "metrics": {"best_val_loss": 0.7, "loss": 0.9}},
        )
    ]


def test_a_search_of_unknown_length_has_no_total(said):
    tell_training(logging.INFO, "epoch 1/2", 1, 2, {}, Trial(3, None))
    tell_search("trial 3 ended", 3, None, {"val_loss": 0.5})
    assert [(message, progress["total"]) for _, message, progress in said()] == [
        ("trial 3, epoch 1/2", None),
        ("trial 3 ended", None),
    ]


def test_what_matters_most_comes_first_and_seconds_are_no_metric():
    metrics = with_speed({"accuracy": 1, "loss": 2, "val_accuracy": 3, "val_loss": 4, "seconds": 5}, 6)
    assert list(metrics.items()) == [
        ("loss", 2),
        ("val_loss", 4),
        ("examples_per_s", 6),
        ("accuracy", 1),
        ("val_accuracy", 3),
    ]
