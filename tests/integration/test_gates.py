"""The gates and deploying components on a real SavedModel, real TFDV statistics and real TFMA runs."""

import dataclasses
import datetime
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.errors import GateRefused
from components.evaluator.demands import demands_of
from components.evaluator.settings import ChangeThreshold, EvaluationSettings, Threshold
from components.model_approval.document import ApprovalDocument
from components.model_digest import model_digest
from components.serving_check.settings import ServingCheckSettings
from components.signing.settings import SigningSettings
from components.validation_gate.policy import GatePolicy, Waiver
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind

pytestmark = pytest.mark.integration

BEAM_ARGS = ["--runner=FnApiRunner", "--direct_running_mode=in_memory"]

FEATURES = (
    Feature("x", FeatureKind.NUMERIC, DType.FLOAT32, required=True),
    Feature("group", FeatureKind.CATEGORICAL, DType.STRING, cardinality=3),
)


def spec_of(kind: LabelKind) -> FeatureSpec:
    dtype = DType.FLOAT32 if kind is LabelKind.REGRESSION else DType.INT64
    return FeatureSpec(Label("y", kind, dtype), FEATURES)


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows with a numeric x, a category and a label; the truth by which expected values are computed."""

    kind: LabelKind
    x: np.ndarray
    group: np.ndarray
    y: np.ndarray

    def examples(self) -> list[bytes]:
        import tensorflow as tf

        def row(x: float, group: str, y: float) -> bytes:
            label = (
                tf.train.Feature(float_list=tf.train.FloatList(value=[y]))
                if self.kind is LabelKind.REGRESSION
                else tf.train.Feature(int64_list=tf.train.Int64List(value=[int(y)]))
            )
            columns = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=[x])), "y": label}
            if group:
                columns["group"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[group.encode()]))
            return tf.train.Example(features=tf.train.Features(feature=columns)).SerializeToString()

        return [row(*values) for values in zip(self.x, self.group, self.y, strict=True)]


def make_table(kind: LabelKind, rows: int = 600) -> Table:
    """x in [-1.5, 1.5]; group 'tiny' has 10 rows; one row in 20 has no group."""
    rng = np.random.default_rng(11)
    x = rng.uniform(-1.5, 1.5, rows).astype(np.float32)
    group = np.where(np.arange(rows) % 3 == 0, "a", "b").astype(object)
    group[:10] = "tiny"
    group[10::20] = ""
    noisy = x + rng.normal(0, 0.4, rows)
    y = {
        LabelKind.MULTICLASS: np.digitize(noisy, [-0.5, 0.5]),
        LabelKind.BINARY: noisy > 0,
        LabelKind.REGRESSION: 100 + 10 * noisy,
    }[kind].astype(np.float32)
    return Table(kind, x, group, y)


def save_model(
    folder: Path, kind: LabelKind, slope: float = 4.0, raw_shift: float = 0.0, raw_fails: bool = False
) -> None:
    """A SavedModel with the three signatures; slope 0 answers the same for every row.

    raw_shift is added to x in `serving_raw` only (a skew); raw_fails makes `serving_raw` refuse x > 1.
    """
    import tensorflow as tf

    regression = kind is LabelKind.REGRESSION
    parsing = {
        "x": tf.io.FixedLenFeature([], tf.float32),
        "y": tf.io.FixedLenFeature([], tf.float32 if regression else tf.int64, default_value=-1),
    }

    def answer(x: Any) -> dict[str, Any]:
        if regression:
            return {"prediction": 100.0 + 2.5 * slope * x}
        if kind is LabelKind.BINARY:
            positive = tf.sigmoid(slope * x)
            scores = tf.stack([1 - positive, positive], axis=1)
        else:
            scores = tf.nn.softmax(tf.stack([-slope * x, tf.fill(tf.shape(x), 0.5 * slope + 0.1), slope * x], axis=1))
        names = tf.constant([str(index) for index in range(scores.shape[1])])
        outputs = {
            "scores": scores,
            "classes": tf.tile(names[tf.newaxis], [tf.shape(x)[0], 1]),
            "predicted_class": tf.gather(names, tf.argmax(scores, axis=1)),
        }
        return {**outputs, "positive_score": scores[:, 1]} if kind is LabelKind.BINARY else outputs

    examples = tf.TensorSpec([None], tf.string, name="examples")
    raw = [tf.TensorSpec([None], tf.float32, name="x"), tf.TensorSpec([None], tf.string, name="group")]

    @tf.function(input_signature=[examples])
    def serving_default(examples: Any) -> Any:
        return answer(tf.io.parse_example(examples, parsing)["x"])

    @tf.function(input_signature=raw)
    def serving_raw(x: Any, group: Any) -> Any:
        if raw_fails:
            with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x <= 1), ["x is too large"])]):
                x = tf.identity(x)
        return answer(x + raw_shift)

    @tf.function(input_signature=[examples])
    def transform_features(examples: Any) -> Any:
        return {f"{name}_xf": value[:, tf.newaxis] for name, value in tf.io.parse_example(examples, parsing).items()}

    signatures = {
        "serving_default": serving_default,
        "serving_raw": serving_raw,
        "transform_features": transform_features,
    }
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)


def artifact(kind: str, uri: Path, number: int = 1) -> Any:
    from tfx.types import standard_artifacts

    from components.gate.artifact import GateResult
    from components.model_approval.artifact import ModelApproval

    ours = {"GateResult": GateResult, "ModelApproval": ModelApproval}
    made = ours[kind]() if kind in ours else getattr(standard_artifacts, kind)()
    made.uri, made.id = str(uri), number
    return made


def examples_artifact(folder: Path, records: list[bytes]) -> Any:
    import tensorflow as tf

    (folder / "Split-eval").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "Split-eval/data-00000-of-00001.gz"), "GZIP") as writer:
        for record in records:
            writer.write(record)
    made = artifact("Examples", folder)
    made.split_names = '["eval"]'
    made.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    made.set_string_custom_property("file_format", "tfrecords_gzip")
    return made


def context(executor_class: Any, folder: Path) -> Any:
    arguments = {"tmp_dir": str(folder / "tmp"), "unique_id": "1"}
    if hasattr(executor_class.Context(), "beam_pipeline_args"):
        arguments["beam_pipeline_args"] = BEAM_ARGS
    return executor_class(executor_class.Context(**arguments))


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What the Evaluator wrote."""

    evaluation: Path
    blessing: Any
    decision: dict[str, Any]
    model: Any


def evaluate(
    folder: Path, table: Table, settings: EvaluationSettings, baseline_slope: float | None = None, **model: Any
) -> Evaluated:
    from tfx.proto.orchestration import pipeline_pb2  # noqa: F401 - the evaluator's protos need it loaded
    from tfx.utils import json_utils, proto_utils

    from components.evaluator.eval_config import build_eval_config
    from components.evaluator.executor import Executor

    save_model(folder / "model/Format-Serving", table.kind, **model)
    inputs = {
        "examples": [examples_artifact(folder / "examples", table.examples())],
        "model": [artifact("Model", folder / "model", 7)],
    }
    if baseline_slope is not None:
        save_model(folder / "baseline/Format-Serving", table.kind, slope=baseline_slope)
        inputs["baseline_model"] = [artifact("Model", folder / "baseline", 3)]
    outputs = {
        "evaluation": [artifact("ModelEvaluation", folder / "evaluation")],
        "blessing": [artifact("ModelBlessing", folder / "blessing")],
    }
    spec = spec_of(table.kind)
    properties = {
        "eval_config": proto_utils.proto_to_json(build_eval_config(spec, settings)),
        "demands": json.dumps(demands_of(spec, settings).to_json()),
        "example_splits": json_utils.dumps(["eval"]),
    }
    context(Executor, folder).Do(inputs, outputs, properties)
    decision = json.loads((folder / "blessing/decision.json").read_text())
    return Evaluated(folder / "evaluation", outputs["blessing"][0], decision, inputs["model"][0])


@pytest.fixture(scope="module")
def multiclass(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A first run: a useful multiclass model, no blessed one before it."""
    settings = EvaluationSettings(thresholds=(Threshold("skill", lower=0.2), Threshold("accuracy", 0.5, slice="group")))
    return evaluate(tmp_path_factory.mktemp("multiclass"), make_table(LabelKind.MULTICLASS), settings)


def true_class_answers(table: Table) -> np.ndarray:
    """The stand-in's class for each row, from its formula: the middle score wins for |x| < 0.5 + 0.1 / slope."""
    return np.digitize(table.x, [-0.525, 0.525])


def test_a_useful_model_is_blessed_on_its_first_run_and_the_reasons_say_so(multiclass: Evaluated) -> None:
    table = make_table(LabelKind.MULTICLASS)
    right = true_class_answers(table) == table.y
    majority = max(np.mean(table.y == label) for label in range(3))
    decision = multiclass.decision
    assert decision["blessed"], decision["reasons"]
    assert multiclass.blessing.get_int_custom_property("blessed") == 1
    assert multiclass.blessing.get_int_custom_property("current_model_id") == 7
    assert (multiclass.evaluation.parent / "blessing/BLESSED").exists()
    assert decision["metrics"]["example_count"] == 600
    assert decision["metrics"]["accuracy"] == pytest.approx(right.mean())
    assert decision["metrics"]["skill"] == pytest.approx((right.mean() - majority) / (1 - majority))
    assert decision["baseline_model"] is None
    assert "no blessed model yet" in " ".join(decision["reasons"])


def test_slices_are_measured_and_small_ones_do_not_decide(multiclass: Evaluated) -> None:
    table = make_table(LabelKind.MULTICLASS)
    right = true_class_answers(table) == table.y
    by_name = {item["slice"]["group"]: item for item in multiclass.decision["slices"]}
    assert by_name.keys() == {"a", "b", "tiny"}
    for name in ("a", "b"):
        assert by_name[name]["examples"] == (table.group == name).sum()
        assert by_name[name]["metrics"]["accuracy"] == pytest.approx(right[table.group == name].mean())
    assert by_name["tiny"]["too_small"]
    assert [check["slice"] for check in multiclass.decision["checks"] if check["kind"] == "lower"] == [
        "all rows",
        "group = a",
        "group = b",
    ]


def test_the_sample_holds_the_first_rows_and_their_scores(multiclass: Evaluated) -> None:
    from components.evaluator.sample import SAMPLE_PATH, load_sample

    table = make_table(LabelKind.MULTICLASS)
    rows = load_sample((multiclass.evaluation / SAMPLE_PATH).read_text())
    assert [row.example for row in rows] == table.examples()[:256]
    logits = np.stack([-4 * table.x, np.full_like(table.x, 2.1), 4 * table.x], axis=1)[:256]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([row.predictions["scores"] for row in rows], expected, atol=1e-5)


def test_every_rows_answer_is_kept_and_found_again_by_its_example(multiclass: Evaluated) -> None:
    from components.evaluator.predictions import example_digest, read_predictions

    table = make_table(LabelKind.MULTICLASS)
    kept = read_predictions(multiclass.evaluation, LabelKind.MULTICLASS)
    digests = [example_digest(example) for example in table.examples()]
    order = [digests.index(digest) for digest in kept.examples]
    assert sorted(order) == list(range(600))
    assert kept.rows.labels.tolist() == table.y[order].tolist()
    assert kept.rows.called.tolist() == true_class_answers(table)[order].tolist()
    rows_of_a = kept.slices[(("group", "a"),)]
    assert sorted(digests[i] for i in np.flatnonzero(table.group == "a")) == sorted(kept.examples[rows_of_a])


def test_the_analysis_has_intervals_around_what_was_decided_on(multiclass: Evaluated) -> None:
    from components.evaluator.analysis import Analysis

    analysis = Analysis.from_json(json.loads((multiclass.evaluation / "analysis.json").read_text()))
    table = make_table(LabelKind.MULTICLASS)
    decided = multiclass.decision["metrics"]
    assert {*analysis.overall.metrics, "example_count"} == {*decided}
    for name, interval in analysis.overall.metrics.items():
        assert interval.value == pytest.approx(decided[name], rel=1e-5)
        assert interval.low < interval.value < interval.high
    answers = true_class_answers(table)
    expected = [[int(((table.y == true) & (answers == said)).sum()) for said in range(3)] for true in range(3)]
    assert [list(row) for row in analysis.confusion.counts] == expected
    assert {item.slice["group"]: item.rows for item in analysis.slices} == {
        name: (table.group == name).sum() for name in ("a", "b", "tiny")
    }
    harms = [item.harm.amount for item in analysis.slices]
    assert harms == sorted(harms, reverse=True)
    assert sum(item.rows for item in analysis.calibration.bins) == 600


def test_a_model_that_answers_alike_for_every_row_is_not_blessed(tmp_path: Path) -> None:
    evaluated = evaluate(tmp_path, make_table(LabelKind.MULTICLASS), EvaluationSettings(), slope=0.0)
    assert not evaluated.decision["blessed"]
    assert "skill is" in evaluated.decision["reasons"][0]
    assert evaluated.blessing.get_int_custom_property("blessed") == 0
    assert (tmp_path / "blessing/NOT_BLESSED").exists()
    assert not (tmp_path / "blessing/BLESSED").exists()


def test_without_thresholds_no_model_is_blessed_and_the_decision_is_written_all_the_same(tmp_path: Path) -> None:
    settings = EvaluationSettings(thresholds=(), change_thresholds=())
    evaluated = evaluate(tmp_path, make_table(LabelKind.BINARY), settings)
    assert not evaluated.decision["blessed"]
    assert evaluated.decision["reasons"][0].startswith("No thresholds")
    assert evaluated.blessing.get_int_custom_property("blessed") == 0


def test_a_model_clearly_worse_than_the_last_blessed_is_not_blessed(tmp_path: Path) -> None:
    table = make_table(LabelKind.BINARY)
    settings = EvaluationSettings(
        thresholds=(Threshold("auc", lower=0.0),), change_thresholds=(ChangeThreshold("auc", absolute=-0.01),)
    )
    evaluated = evaluate(tmp_path, table, settings, slope=-4.0, baseline_slope=4.0)
    (change,) = [check for check in evaluated.decision["checks"] if check["kind"] == "change"]
    positive, negative = table.x[table.y == 1], table.x[table.y == 0]
    auc = float(np.mean(positive[:, None] > negative[None, :]))
    # TFMA's AUC is a sum over 10,000 thresholds.
    assert change["baseline_value"] == pytest.approx(auc, abs=1e-3)
    assert change["value"] == pytest.approx(1 - auc, abs=1e-3)
    assert change["passed"] is False
    assert not evaluated.decision["blessed"]
    assert evaluated.decision["baseline_model"] == str(tmp_path / "baseline")
    analysis = json.loads((tmp_path / "evaluation/analysis.json").read_text())
    assert analysis["overall"]["changes"]["auc"]["value"] == pytest.approx(1 - 2 * auc, abs=1e-5)
    assert analysis["overall"]["changes"]["auc"]["high"] < -0.5


def test_a_regression_is_measured_in_the_labels_unit(tmp_path: Path) -> None:
    table = make_table(LabelKind.REGRESSION)
    evaluated = evaluate(tmp_path, table, EvaluationSettings(), baseline_slope=4.0)
    errors = 100.0 + 10.0 * table.x.astype(np.float64) - table.y
    metrics = evaluated.decision["metrics"]
    assert metrics["root_mean_squared_error"] == pytest.approx(math.sqrt(np.mean(errors**2)), rel=1e-5)
    assert metrics["mean_absolute_error"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-5)
    assert metrics["r2"] == pytest.approx(1 - np.mean(errors**2) / np.var(table.y.astype(np.float64)), rel=1e-5)
    analysis = json.loads((tmp_path / "evaluation/analysis.json").read_text())
    for name, interval in analysis["overall"]["metrics"].items():
        assert interval["low"] < interval["value"] < interval["high"]
        assert interval["value"] == pytest.approx(metrics[name], rel=1e-4)
    # The last blessed model is the same, so nothing changes on any row.
    assert all(change == {"value": 0, "low": 0, "high": 0} for change in analysis["overall"]["changes"].values())
    assert evaluated.decision["blessed"], evaluated.decision["reasons"]


def test_an_empty_split_is_not_blessed_and_the_reason_is_told(tmp_path: Path) -> None:
    evaluated = evaluate(tmp_path, make_table(LabelKind.MULTICLASS, rows=0), EvaluationSettings())
    assert not evaluated.decision["blessed"]
    assert evaluated.decision["reasons"][0].startswith("No rows were evaluated")
    assert json.loads((tmp_path / "evaluation/analysis.json").read_text())["overall"]["rows"] == 0


def test_a_blessed_model_of_another_label_is_left_out_of_the_comparison(tmp_path: Path) -> None:
    def described(label: str) -> str:
        label_part = {"name": label, "kind": "binary", "dtype": "int64"}
        return json.dumps({"features": {"label": label_part, "features": []}, "inputs": {}})

    for name, label in (("model", "y"), ("baseline", "z")):
        (tmp_path / name / "Format-Serving/assets.extra").mkdir(parents=True)
        (tmp_path / name / "Format-Serving/assets.extra/penstock.json").write_text(described(label))
    evaluated = evaluate(tmp_path, make_table(LabelKind.BINARY), EvaluationSettings(), baseline_slope=4.0)
    assert evaluated.decision["blessed"], evaluated.decision["reasons"]
    assert "it predicts 'z'" in " ".join(evaluated.decision["reasons"])


def test_tfma_is_given_bounds_on_all_rows_only() -> None:
    """A plain threshold would hold slices to it that are too small to decide."""
    from components.evaluator.eval_config import build_eval_config

    settings = EvaluationSettings(thresholds=(Threshold("auc", lower=0.6), Threshold("auc", lower=0.5, slice="group")))
    config = build_eval_config(spec_of(LabelKind.BINARY), settings)
    (auc,) = [metric for metric in config.metrics_specs[0].metrics if metric.class_name == "AUC"]
    assert not auc.HasField("threshold")
    value, change = auc.per_slice_thresholds
    assert [list(item.slicing_specs) for item in (value, change)] == [[type(config.slicing_specs[0])()]] * 2
    assert value.threshold.value_threshold.lower_bound.value == 0.6
    assert change.threshold.change_threshold.absolute.value == -0.01


def check_serving(model: Path, evaluation: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
    from components.serving_check.executor import Executor

    folder = evaluation.parent / f"infra-{time.monotonic_ns()}"
    blessing = artifact("InfraBlessing", folder)
    context(Executor, folder).Do(
        {"model": [artifact("Model", model)], "evaluation": [artifact("ModelEvaluation", evaluation)]},
        {"blessing": [blessing]},
        {"settings": json.dumps(ServingCheckSettings(**{"rows": 40, **settings}).to_json())},
    )
    return blessing, json.loads((folder / "report.json").read_text())


def test_a_model_that_answers_alike_everywhere_and_in_time_may_be_pushed(multiclass: Evaluated) -> None:
    blessing, report = check_serving(Path(multiclass.model.uri), multiclass.evaluation)
    assert report["blessed"], report["reasons"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert (Path(blessing.uri) / "INFRA_BLESSED").exists()
    assert report["rows"] == 40
    assert report["latency_ms"].keys() == {"serving_default", "serving_raw"}
    assert report["latency_ms"]["serving_raw"].keys() == {"1", "32"}
    assert max(report["max_difference"].values()) <= 1e-4


def test_a_skew_between_the_signatures_is_refused_with_the_row(multiclass: Evaluated, tmp_path: Path) -> None:
    save_model(tmp_path / "Format-Serving", LabelKind.MULTICLASS, raw_shift=0.5)
    blessing, report = check_serving(tmp_path, multiclass.evaluation)
    assert not report["blessed"]
    assert blessing.get_int_custom_property("blessed") == 0
    assert any("serving_raw and serving_default differ" in reason for reason in report["reasons"])
    assert not any(reason.startswith("serving_default and the Evaluator") for reason in report["reasons"])
    assert report["failing_request"]["inputs"].keys() == {"x", "group"}


def test_a_model_other_than_the_evaluated_is_refused(multiclass: Evaluated, tmp_path: Path) -> None:
    save_model(tmp_path / "Format-Serving", LabelKind.MULTICLASS, slope=3.0)
    _, report = check_serving(tmp_path, multiclass.evaluation)
    assert any("serving_default and the Evaluator differ" in reason for reason in report["reasons"])


def test_a_request_that_fails_is_refused_and_shown(multiclass: Evaluated, tmp_path: Path) -> None:
    save_model(tmp_path / "Format-Serving", LabelKind.MULTICLASS, raw_fails=True)
    _, report = check_serving(tmp_path, multiclass.evaluation)
    first = int(np.argmax(make_table(LabelKind.MULTICLASS).x > 1))
    assert report["reasons"][0].startswith(f"serving_raw failed on row {first}: InvalidArgumentError")
    assert report["failing_request"]["inputs"]["x"] > 1


def test_rows_without_a_required_column_are_not_sent(multiclass: Evaluated, tmp_path: Path) -> None:
    save_model(tmp_path / "Format-Serving", LabelKind.MULTICLASS)
    inputs = {name: {"argument": name, "required": True} for name in ("x", "group")}
    (tmp_path / "Format-Serving/assets.extra").mkdir(exist_ok=True)
    (tmp_path / "Format-Serving/assets.extra/penstock.json").write_text(json.dumps({"inputs": inputs}))
    _, report = check_serving(tmp_path, multiclass.evaluation)
    assert report["blessed"], report["reasons"]
    assert report["rows_not_sent"] == [{"row": row, "lacks": ["group"]} for row in (10, 30)]
    assert report["rows"] == 38


def test_a_model_that_does_not_load_is_refused(multiclass: Evaluated, tmp_path: Path) -> None:
    (tmp_path / "Format-Serving").mkdir()
    (tmp_path / "Format-Serving/saved_model.pb").write_bytes(b"not a model")
    blessing, report = check_serving(tmp_path, multiclass.evaluation)
    assert blessing.get_int_custom_property("blessed") == 0
    assert report["reasons"][0].startswith("The probe ended with exit code 1")


def test_a_probe_that_takes_too_long_is_refused(multiclass: Evaluated) -> None:
    blessing, report = check_serving(Path(multiclass.model.uri), multiclass.evaluation, timeout_s=0.05)
    assert blessing.get_int_custom_property("blessed") == 0
    assert "did not finish in 0.05 s" in report["reasons"][0]


def test_a_latency_above_the_budget_is_refused(multiclass: Evaluated) -> None:
    _, report = check_serving(Path(multiclass.model.uri), multiclass.evaluation, max_p50_ms=0.001, max_p95_ms=0.002)
    assert any("serving_check.max_p50_ms is 0.001" in reason for reason in report["reasons"])


def gate(folder: Path, policy: GatePolicy, values: list[str], schema_values: list[str], keep: bool = True) -> Any:
    """Runs TFDV and the gate on one string column whose schema knows `schema_values`."""
    import pandas as pd
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.components.example_validator.executor import Executor as ExampleValidator
    from tfx.utils import io_utils

    from components.validation_gate.executor import Executor

    known = "".join(f'value: "{value}" ' for value in schema_values)
    schema = text_format.Parse(
        f'feature {{ name: "vine" type: BYTES presence {{ min_fraction: 1 }} value_count {{ min: 1 max: 1 }} '
        f"string_domain {{ {known} }} }}",
        schema_pb2.Schema(),
    )
    io_utils.write_pbtxt_file(str(folder / "schema/schema.pbtxt"), schema)
    statistics = artifact("ExampleStatistics", folder / "statistics")
    statistics.split_names = '["train"]'
    (folder / "statistics/Split-train").mkdir(parents=True)
    frame = tfdv.generate_statistics_from_dataframe(pd.DataFrame({"vine": values}))
    (folder / "statistics/Split-train/FeatureStats.pb").write_bytes(frame.SerializeToString())
    anomalies = artifact("ExampleAnomalies", folder / "anomalies")
    inputs = {"statistics": [statistics], "schema": [artifact("Schema", folder / "schema")]}
    context(ExampleValidator, folder).Do(inputs, {"anomalies": [anomalies]}, {"exclude_splits": "[]"})
    result = artifact("GateResult", folder / "result")
    context(Executor, folder).Do(
        {**inputs, "anomalies": [anomalies] if keep else []},
        {"result": [result]},
        {"policy": json.dumps(policy.to_json())},
    )
    return result


def test_data_outside_the_schema_stops_the_run_with_the_change_that_would_accept_it(tmp_path: Path) -> None:
    with pytest.raises(GateRefused) as refused:
        gate(tmp_path, GatePolicy(), ["Y", "N", "X"], ["Y", "N"])
    message = str(refused.value)
    assert 'train: feature "vine"' in message
    assert "ENUM_TYPE_UNEXPECTED_STRING_VALUES" in message
    assert 'feature "vine": add "X" to string_domain.value' in message
    decision = json.loads((tmp_path / "result/decision.json").read_text())
    assert not decision["passed"]


def test_data_within_the_schema_passes(tmp_path: Path) -> None:
    result = gate(tmp_path, GatePolicy(), ["Y", "N", "Y"], ["Y", "N"])
    assert (result.passed, result.warnings, result.waived) == (1, 0, 0)


def test_a_waived_anomaly_passes_and_is_on_record(tmp_path: Path) -> None:
    waiver = Waiver("vine", "agreed with the owner", datetime.date.max, "ENUM_TYPE_UNEXPECTED_STRING_VALUES")
    result = gate(tmp_path, GatePolicy(waivers=(waiver,)), ["Y", "N", "X"], ["Y", "N"])
    assert (result.passed, result.waived) == (1, 1)
    (finding,) = json.loads((tmp_path / "result/decision.json").read_text())["findings"]
    assert finding["waiver"]["reason"] == "agreed with the owner"


def test_a_gate_without_anomalies_on_file_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(GateRefused, match="Split 'train' was not validated"):
        gate(tmp_path, GatePolicy(), ["Y", "N"], ["Y", "N"], keep=False)


def push(
    folder: Path,
    model_blessed: bool,
    infra_blessed: bool | None,
    execution: int = 1,
    approved_digest: str | None = None,
) -> Any:
    from tfx.proto import pusher_pb2
    from tfx.utils import proto_utils

    from components.pusher.executor import Executor

    model = folder / "model/Format-Serving"
    if not model.exists():
        (model / "variables").mkdir(parents=True)
        (model / "saved_model.pb").write_bytes(b"graph")
        (model / "variables/variables.data-00000-of-00001").write_bytes(b"weights")
    blessing, infra = artifact("ModelBlessing", folder / "blessing"), artifact("InfraBlessing", folder / "infra")
    blessing.set_int_custom_property("blessed", int(model_blessed))
    infra.set_int_custom_property("blessed", int(bool(infra_blessed)))
    (folder / "infra").mkdir(exist_ok=True)
    (folder / "infra/report.json").write_text('{"reasons": ["It is too slow."]}')
    pushed = artifact("PushedModel", folder / f"pushed/{execution}")
    destination = pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "served"))
    )
    digest = model_digest(model) if approved_digest is None else approved_digest
    approval = ApprovalDocument(True, "rules", ("Every gate passed.",), digest, {})
    (folder / "approval").mkdir(exist_ok=True)
    (folder / "approval/approval.json").write_text(json.dumps(approval.to_json()))
    context(Executor, folder).Do(
        {
            "model": [artifact("Model", folder / "model")],
            "model_blessing": [blessing],
            "infra_blessing": [] if infra_blessed is None else [infra],
            "approval": [artifact("ModelApproval", folder / "approval")] if approved_digest != "" else [],
        },
        {"pushed_model": [pushed]},
        {
            "push_destination": proto_utils.proto_to_json(destination),
            "signing": json.dumps(SigningSettings().to_json()),
        },
    )
    return pushed


def test_a_model_that_both_gates_bless_is_pushed_once_however_often_the_execution_starts(tmp_path: Path) -> None:
    first = push(tmp_path, model_blessed=True, infra_blessed=True)
    again = push(tmp_path, model_blessed=True, infra_blessed=True)
    version = tmp_path / "served" / first.get_string_custom_property("pushed_version")
    assert first.get_int_custom_property("pushed") == 1
    assert (version / "saved_model.pb").read_bytes() == b"graph"
    assert (version / "variables/variables.data-00000-of-00001").read_bytes() == b"weights"
    assert (Path(first.uri) / "saved_model.pb").read_bytes() == b"graph"
    assert again.get_string_custom_property("pushed_version") == version.name
    assert [path.name for path in (tmp_path / "served").iterdir() if path.name.isdigit()] == [version.name]


def test_an_unchanged_model_is_served_from_where_it_is_and_the_record_says_so(tmp_path: Path) -> None:
    first = push(tmp_path, model_blessed=True, infra_blessed=True, execution=1)
    again = push(tmp_path, model_blessed=True, infra_blessed=True, execution=2)
    (tmp_path / "model/Format-Serving/saved_model.pb").write_bytes(b"another graph")
    changed = push(tmp_path, model_blessed=True, infra_blessed=True, execution=3)
    pushes = (first, again, changed)
    assert [pushed.get_int_custom_property("already_pushed") for pushed in pushes] == [0, 1, 0]
    assert [pushed.get_int_custom_property("pushed") for pushed in pushes] == [1, 1, 1]
    for name in ("pushed_version", "pushed_destination"):
        assert again.get_string_custom_property(name) == first.get_string_custom_property(name)
    assert (Path(again.uri) / "saved_model.pb").read_bytes() == b"graph"
    versions = [path.name for path in (tmp_path / "served").iterdir() if path.name.isdigit()]
    assert sorted(versions) == sorted(
        pushed.get_string_custom_property("pushed_version") for pushed in (first, changed)
    )


@pytest.mark.parametrize(
    ("model_blessed", "infra_blessed", "reason"),
    [
        (False, True, "Evaluator did not bless the model."),
        (True, False, "ServingCheck did not bless the model: It is too slow."),
        (True, None, "There is no blessing of ServingCheck"),
    ],
)
def test_a_model_that_a_gate_refuses_is_not_pushed_and_the_reason_is_on_record(
    tmp_path: Path, model_blessed: bool, infra_blessed: bool | None, reason: str
) -> None:
    pushed = push(tmp_path, model_blessed, infra_blessed)
    assert pushed.get_int_custom_property("pushed") == 0
    assert reason in pushed.get_string_custom_property("not_pushed_reason")
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize(
    ("approved_digest", "reason"),
    [("", "There is no approval of the model"), ("0" * 64, "The model's bytes changed since it was approved")],
)
def test_a_model_whose_bytes_nobody_approved_is_not_pushed(tmp_path: Path, approved_digest: str, reason: str) -> None:
    pushed = push(tmp_path, model_blessed=True, infra_blessed=True, approved_digest=approved_digest)
    assert pushed.get_int_custom_property("pushed") == 0
    assert reason in pushed.get_string_custom_property("not_pushed_reason")
    assert not (tmp_path / "served").exists()


def test_the_nodes_connect_as_tfx_components() -> None:
    from tfx.proto import pusher_pb2
    from tfx.types import standard_artifacts
    from tfx.types.channel import Channel

    from components.evaluator.component import Evaluator
    from components.model_approval.artifact import ModelApproval
    from components.pusher.component import Pusher
    from components.serving_check.component import ServingCheck
    from components.validation_gate.component import ValidationGate

    def channel(kind: str) -> Any:
        return Channel(type=getattr(standard_artifacts, kind))

    gate_node = ValidationGate(
        channel("ExampleStatistics"), channel("Schema"), channel("ExampleAnomalies"), GatePolicy()
    )
    evaluator = Evaluator(
        channel("Examples"),
        channel("Model"),
        spec_of(LabelKind.BINARY),
        EvaluationSettings(),
        channel("Model"),
        ["test"],
    )
    serving_check = ServingCheck(channel("Model"), evaluator.outputs["evaluation"], ServingCheckSettings())
    pusher = Pusher(
        model=channel("Model"),
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_check.outputs["blessing"],
        approval=Channel(type=ModelApproval),
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory="served")
        ),
        signing=SigningSettings(),
    )
    assert [node.id for node in (gate_node, evaluator, serving_check, pusher)] == [
        "ValidationGate",
        "Evaluator",
        "ServingCheck",
        "Pusher",
    ]
    assert json.loads(gate_node.exec_properties["policy"]) == GatePolicy().to_json()
    assert evaluator.exec_properties["example_splits"] == '["test"]'


def test_a_push_killed_half_way_leaves_no_version_and_the_next_push_cleans_up(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for number in range(400):
        (model / f"part-{number:03}").write_bytes(bytes(100_000))
    program = textwrap.dedent(f"""
        import shutil, time
        from pathlib import Path
        from components.pusher.publish import publish

        def copy_slowly(*arguments, copy=shutil.copyfile, **options):
            time.sleep(0.01)  # 4 s for all: the kill comes in the middle, however busy the machine is
            return copy(*arguments, **options)

        shutil.copyfile = copy_slowly
        publish(Path({str(model)!r}), Path({str(tmp_path / "served")!r}), "run-1", "trained/1", now_s=100)
    """)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    served = tmp_path / "served"
    deadline = time.monotonic() + 300
    while not list(served.glob(".penstock-push-*/100/part-*")) and time.monotonic() < deadline:
        time.sleep(0.0005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not [path for path in served.iterdir() if path.name.isdigit()]
    assert list(served.glob(".penstock-push-*")), "the kill came too late to test anything"

    from components.pusher.publish import publish

    version = publish(model, served, "run-1", "trained/1", now_s=100).version
    assert version.name == "100"
    assert len(list(version.glob("part-*"))) == 400
    assert not list(served.glob(".penstock-push-*"))
