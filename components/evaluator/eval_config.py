"""The TFMA EvalConfig of a table and its settings."""

import json
from typing import TYPE_CHECKING, Any

from components.evaluator.demands import Demands, demands_of
from components.evaluator.settings import ChangeThreshold, EvaluationSettings, Threshold
from models.tabular_text.features import FeatureSpec, LabelKind, transformed_name

if TYPE_CHECKING:
    from tensorflow_model_analysis.proto import config_pb2

#: TFX gives the models these names.
CANDIDATE, BASELINE = "candidate", "baseline"

_PREDICTION_KEYS = {
    LabelKind.BINARY: "positive_score",
    LabelKind.MULTICLASS: "scores",
    LabelKind.REGRESSION: "prediction",
}

_OUR_METRIC = ("PenstockMetric", "components.evaluator.tfma_metrics")

#: TFMA's own implementations, by our name; all other metrics are ours.
_TFMA_METRICS = {
    "example_count": "ExampleCount",
    "auc": "AUC",
    "auc_precision_recall": "AUCPrecisionRecall",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1Score",
    "calibration": "Calibration",
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_label": "MeanLabel",
    "mean_prediction": "MeanPrediction",
}

_PLOTS = {
    LabelKind.BINARY: ("CalibrationPlot", "ConfusionMatrixPlot"),
    LabelKind.MULTICLASS: ("MultiClassConfusionMatrixPlot",),
    LabelKind.REGRESSION: (),
}


def build_eval_config(features: FeatureSpec, settings: EvaluationSettings) -> "config_pb2.EvalConfig":
    """What TFMA measures: metrics, plots and slices, and the bounds on all rows together.

    Bounds on slices are left to our own decision, because TFMA cannot exempt slices that are too small.

    Raises:
      ValueError: the settings do not fit the table; every finding is in the message.
    """
    from tensorflow_model_analysis.proto import config_pb2

    demands = demands_of(features, settings)
    metrics = [
        config_pb2.MetricConfig(**_metric_class(name), per_slice_thresholds=_thresholds(name, demands))
        for name in demands.metrics
    ]
    plots = [config_pb2.MetricConfig(class_name=plot) for plot in _PLOTS[features.label.kind]]
    return config_pb2.EvalConfig(
        model_specs=[_model_spec(features, is_baseline=False), _model_spec(features, is_baseline=True)],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=list(columns)) for columns in demands.slices),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[*metrics, *plots])],
        # The default metrics are those saved with a Keras model; ours is evaluated through its signatures.
        options=config_pb2.Options(include_default_metrics={"value": False}),
    )


def _model_spec(features: FeatureSpec, is_baseline: bool) -> Any:
    from tensorflow_model_analysis.proto import config_pb2

    return config_pb2.ModelSpec(
        name=BASELINE if is_baseline else CANDIDATE,
        is_baseline=is_baseline,
        model_type="tf_generic",
        signature_name="serving_default",
        preprocessing_function_names=["transform_features"],
        label_key=transformed_name(features.label.name),
        prediction_key=_PREDICTION_KEYS[features.label.kind],
    )


def label_kind_of(model_spec: Any) -> LabelKind:
    """The kind of label that a `ModelSpec` of ours is for."""
    return next(kind for kind, key in _PREDICTION_KEYS.items() if key == model_spec.prediction_key)


def _metric_class(name: str) -> dict[str, str]:
    if name in _TFMA_METRICS:
        return {"class_name": _TFMA_METRICS[name], "config": json.dumps({"name": name})}
    class_name, module = _OUR_METRIC
    return {"class_name": class_name, "module": module, "config": json.dumps({"name": name})}


def _thresholds(name: str, demands: Demands) -> list[Any]:
    """The bounds on all rows together; a plain `threshold` would hold every slice to them."""
    from tensorflow_model_analysis.proto import config_pb2

    bounds = [item for item in demands.thresholds if item.metric == name and item.slice is None]
    changes = [item for item in demands.change_thresholds if item.metric == name and item.slice is None]
    thresholds = [*map(_value_threshold, bounds), *map(_change_threshold, changes)]
    all_rows = [config_pb2.SlicingSpec()]
    return [config_pb2.PerSliceMetricThreshold(slicing_specs=all_rows, threshold=item) for item in thresholds]


def _value_threshold(bound: Threshold) -> Any:
    from tensorflow_model_analysis.proto import config_pb2

    bounds = {"lower_bound": _wrapped(bound.lower), "upper_bound": _wrapped(bound.upper)}
    return config_pb2.MetricThreshold(value_threshold=bounds)


def _change_threshold(bound: ChangeThreshold) -> Any:
    from tensorflow_model_analysis.proto import config_pb2

    direction = "HIGHER_IS_BETTER" if bound.higher_is_better else "LOWER_IS_BETTER"
    bounds = {"absolute": _wrapped(bound.absolute), "relative": _wrapped(bound.relative)}
    return config_pb2.MetricThreshold(change_threshold={**bounds, "direction": direction})


def _wrapped(value: float | None) -> dict[str, float] | None:
    """A number as TFMA's DoubleValue."""
    return None if value is None else {"value": value}
