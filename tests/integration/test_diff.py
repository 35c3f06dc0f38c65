"""Two real runs compared: the second on drifted data, trained for longer."""

import dataclasses
import json
import math

import pytest
from projects import Project, completed

from pipeline.diff.compare import compare
from pipeline.diff.document import RunDiff
from pipeline.readers.run_view import RunView
from pipeline.run_store import RunStore

pytestmark = pytest.mark.integration

PARTS = (
    "config",
    "provenance",
    "ir",
    "features",
    "hyperparameters",
    "examples",
    "statistics",
    "schema",
    "anomalies",
    "gate",
    "transform",
    "tuning",
    "training",
    "model",
    "evaluation",
    "predictions",
    "serving_check",
    "pushed",
)


@pytest.fixture(scope="module")
def views(two_runs: Project) -> dict[str, RunView]:
    store = RunStore(two_runs.root)
    return {run_id: RunView.open(store, run_id) for run_id in ("first", "second")}


@pytest.fixture(scope="module")
def found(views: dict[str, RunView]) -> RunDiff:
    return compare(views["first"], views["second"])


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_complete_run_can_be_read(views: dict[str, RunView], part: str) -> None:
    for run in views.values():
        reading = getattr(run, part)
        assert reading, reading.reason
        if dataclasses.is_dataclass(reading.value) and part not in ("predictions", "model"):
            json.dumps(dataclasses.asdict(reading.value), allow_nan=False, default=str)


def test_the_readings_agree_with_each_other(views: dict[str, RunView]) -> None:
    run = views["second"]
    rows = run.examples.get().rows
    assert {split.split: split.rows for split in run.statistics.get().splits} == rows
    assert run.examples.get().span == 2
    evaluation = run.evaluation.get()
    assert evaluation.rows == rows["test"] == run.predictions.get().examples.size
    confusion = evaluation.confusion
    assert confusion is not None
    assert confusion.classes == run.model.get().classes == ("1", "2", "3", "4", "5")
    right = sum(confusion.counts[i][i] for i in range(5))
    assert evaluation.metrics["accuracy"].value == pytest.approx(right / evaluation.rows)
    assert len(run.tuning.get().trials) == 2
    assert run.hyperparameters.get()["tuned"] == run.tuning.get().trials[0].values
    assert len(run.training.get().epochs) <= 5
    assert run.training.get().devices
    vocabulary = {item.feature: item.size for item in run.transform.get().vocabularies}
    assert vocabulary["product_category"] == run.statistics.get().by_split("product_category")["train"].string.unique


def test_every_metric_has_an_interval_around_it(views: dict[str, RunView]) -> None:
    metrics = views["second"].evaluation.get().metrics
    for name, interval in metrics.items():
        if name != "example_count":
            assert interval.low < interval.value < interval.high, name


def test_what_was_changed_is_what_differs(found: RunDiff) -> None:
    assert {item.name: (item.before, item.after) for item in found.configuration.changed} == {"training.epochs": (4, 5)}
    data = {item.name for item in found.data.changed}
    assert {"span", "content fingerprint"} <= data
    assert "rows read" not in data
    assert {item.name for item in found.environment.changed} <= {"git_commit", "git_dirty"}  # edited meanwhile


def test_the_drift_that_was_put_in_is_found(found: RunDiff) -> None:
    train = {item.feature: item for item in found.statistics.items if item.split == "train"}
    for name in ("product_category", "star_rating"):
        assert train[name].changed, name
    assert not train["marketplace"].changed
    assert train["product_category"].jensen_shannon == pytest.approx(_js_of_shares(train["product_category"]))


def _js_of_shares(drift: object) -> float:
    """From the formula, in nats and then in bits."""
    before = {item.value: item.count for item in drift.before.string.values}  # type: ignore[attr-defined]
    after = {item.value: item.count for item in drift.after.string.values}  # type: ignore[attr-defined]
    total = 0.0
    for value in {*before, *after}:
        p, q = before.get(value, 0) / sum(before.values()), after.get(value, 0) / sum(after.values())
        total += sum(x * math.log(2 * x / (p + q)) / 2 for x in (p, q) if x)
    return total / math.log(2)


def test_other_rows_are_said_to_be_other_rows(found: RunDiff) -> None:
    assert not found.metrics.same_rows
    assert "different rows" in found.metrics.method
    assert {item.metric for item in found.metrics.overall} >= {"accuracy", "cross_entropy"}
    assert all(item.exceeds_noise is not None for item in found.metrics.overall)


def test_a_run_compared_with_itself_is_the_same_and_answers_the_same_rows(views: dict[str, RunView]) -> None:
    itself = compare(views["first"], views["first"])
    assert itself.metrics.same_rows
    assert all(part.changed == () for _, part in itself.parts)


def test_the_drift_measures_are_tfdvs(views: dict[str, RunView], found: RunDiff) -> None:
    import tensorflow_data_validation as tfdv
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipeline.schema_review.files import load_statistics

    before, after = (load_statistics(run.artifact("statistics").uri, "train") for run in views.values())
    types = {0: schema_pb2.INT, 1: schema_pb2.FLOAT, 2: schema_pb2.BYTES}
    measured = {}
    for comparator in ("jensen_shannon_divergence", "infinity_norm"):
        schema = schema_pb2.Schema()
        for feature in before.datasets[0].features:
            entry = schema.feature.add(name=feature.path.step[0], type=types[feature.type])
            if comparator != "infinity_norm" or entry.type == schema_pb2.BYTES:
                getattr(entry.drift_comparator, comparator).threshold = 0.0
        anomalies = tfdv.validate_statistics(after, schema, previous_statistics=before)
        for info in anomalies.drift_skew_info:
            measured[info.path.step[0], comparator] = info.drift_measurements[0].value
    assert len(measured) > 20
    drifts = {item.feature: item for item in found.statistics.items if item.split == "train"}
    for (feature, comparator), expected in measured.items():
        drift = drifts[feature]
        value = drift.jensen_shannon if comparator == "jensen_shannon_divergence" else drift.l_infinity
        if value is not None:  # the values of identifiers and free text are not compared
            assert value == pytest.approx(expected, abs=1e-9), (feature, comparator)


def test_the_command_shows_it_in_seconds_without_tensorflow(two_runs: Project) -> None:
    text = completed(two_runs.penstock("diff", "first", "second"), 0)
    assert "* training.epochs  4  ->  5" in text
    assert "product_category" in text
    document = json.loads(two_runs.penstock("diff", "first", "second", "--json").stdout)
    assert document["after"]["run_id"] == "second"
    same = completed(two_runs.penstock("diff", "first", "first"), 0)
    assert "metrics: the same" in same
