import numpy as np
import pytest

from components.evaluator.analysis import Harm, Interval
from components.evaluator.predictions import Predictions
from components.evaluator.weighted_metrics import ClassRows, NumberRows
from pipeline.diff.metrics import compare_metrics, paired_changes
from pipeline.readers.evaluation import Evaluation, SliceMetrics
from pipeline.readers.run_view import Reading

NO_ANSWERS = Reading(reason="The Evaluator of this run kept no predictions.")


def evaluation(metrics, slices=()):
    return Reading(Evaluation(True, (), (), 100, metrics, {}, tuple(slices), None, None))


def answers(right, first_example=0):
    right = np.asarray(right, bool)
    scores = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
    rows = ClassRows(np.zeros(right.size, np.int64), scores)
    return Reading(Predictions(np.arange(first_example, first_example + right.size), rows, None, {}))


def test_on_the_same_rows_the_change_is_paired():
    """20 of 1,000 rows get better and none worse: sure, though the intervals of both values overlap."""
    before = np.arange(1000) % 2 == 0
    after = before.copy()
    after[1:40:2] = True
    found = compare_metrics(
        evaluation({"accuracy": Interval(0.5, 0.47, 0.53)}),
        evaluation({"accuracy": Interval(0.52, 0.49, 0.55)}),
        answers(before),
        answers(after),
    )
    (change,) = found.overall
    assert found.same_rows
    assert found.method.startswith("Both models answered the same 1,000 rows")
    assert change.change.value == pytest.approx(0.02)
    assert (change.exceeds_noise, change.is_better) == (True, True)


def test_on_other_rows_the_change_has_the_noise_of_both():
    found = compare_metrics(
        evaluation({"accuracy": Interval(0.5, 0.47, 0.53)}),
        evaluation({"accuracy": Interval(0.52, 0.49, 0.55)}),
        answers([True] * 10),
        answers([True] * 10, first_example=5),
    )
    (change,) = found.overall
    assert not found.same_rows
    assert "different rows" in found.method
    assert change.change.low == pytest.approx(0.02 - np.hypot(0.03, 0.03))
    assert change.exceeds_noise is False


def test_where_answers_were_not_kept_nothing_is_said_about_the_rows():
    found = compare_metrics(
        evaluation({"accuracy": Interval(0.5)}), evaluation({"accuracy": Interval(0.6)}), NO_ANSWERS, NO_ANSWERS
    )
    assert found.method.startswith("Whether both models answered the same rows is not known.")
    assert found.overall[0].exceeds_noise is None
    assert found.overall[0].is_better


@pytest.mark.parametrize(
    ("metric", "after", "is_better"),
    [
        ("cross_entropy", 0.4, True),
        ("cross_entropy", 0.6, False),
        ("majority_share", 0.6, None),
        ("accuracy", 0.5, None),
        ("not_ours", 0.6, None),
    ],
)
def test_better_is_what_the_metric_says(metric, after, is_better):
    found = compare_metrics(
        evaluation({metric: Interval(0.5)}), evaluation({metric: Interval(after)}), NO_ANSWERS, NO_ANSWERS
    )
    assert found.overall[0].is_better is is_better


def test_only_metrics_of_both_are_compared_and_counts_are_none():
    found = compare_metrics(
        evaluation({"accuracy": Interval(0.5), "example_count": Interval(9.0), "skill": Interval(0.1)}),
        evaluation({"accuracy": Interval(0.5), "example_count": Interval(8.0), "auc": Interval(0.1)}),
        NO_ANSWERS,
        NO_ANSWERS,
    )
    assert [item.metric for item in found.overall] == ["accuracy"]
    assert found.changed == ()


def test_a_metric_that_could_not_be_measured_has_no_change():
    found = compare_metrics(
        evaluation({"auc": Interval(None)}), evaluation({"auc": Interval(0.5)}), NO_ANSWERS, NO_ANSWERS
    )
    assert found.overall[0].change == Interval(None)
    assert found.overall[0].exceeds_noise is None


def slice_of(value, accuracy):
    return SliceMetrics(
        {"colour": value}, 10, False, {"accuracy": Interval(accuracy)}, {}, Harm("accuracy", 0.0, 0.0, False)
    )


def test_the_slice_that_lost_most_comes_first():
    before = evaluation({}, [slice_of("red", 0.5), slice_of("blue", 0.75), slice_of("old", 1.0)])
    after = evaluation({}, [slice_of("red", 0.75), slice_of("blue", 0.25), slice_of("new", 1.0)])
    found = compare_metrics(before, after, NO_ANSWERS, NO_ANSWERS)
    assert [(item.slice, item.change.value) for item in found.slices] == [
        ("colour = blue", -0.5),
        ("colour = red", 0.25),
    ]


def test_answers_of_another_kind_are_not_paired():
    numbers = Predictions(np.arange(2), NumberRows(np.zeros(2), np.zeros(2)), None, {})
    assert paired_changes(answers([True, True]).value, numbers) == ({}, 0)
    assert paired_changes(None, numbers) == ({}, 0)


def test_a_run_without_evaluation_says_why():
    found = compare_metrics(Reading(reason="Evaluator failed: x"), evaluation({}), NO_ANSWERS, NO_ANSWERS)
    assert (found.overall, found.missing) == ((), ("Evaluator failed: x",))
