"""TFMA's result files as plain numbers by slice."""

from typing import Any

from components.evaluator.decision import Measured
from components.evaluator.metric_names import METRIC_NAMES


def load_measured(evaluation_uri: str, model_name: str) -> list[Measured]:
    """The metrics of every slice that TFMA wrote for a model; `''` names the only one of a run without baseline."""
    import tensorflow_model_analysis as tfma

    result = tfma.load_eval_result(evaluation_uri, model_name=model_name)
    return [measured_of(key, outputs) for key, outputs in result.slicing_metrics]


def measured_of(key: Any, outputs: Any) -> Measured:
    """One slice, from TFMA's `((column, value), …), {output: {sub_key: {metric: value}}}`.

    TFMA writes NaN as the string "NaN", and adds `…_diff` metrics, which are left out.
    """
    metrics = {
        name: float(value["doubleValue"])
        for name, value in outputs.get("", {}).get("", {}).items()
        if name in METRIC_NAMES and "doubleValue" in value
    }
    return Measured(tuple(sorted((str(column), str(value)) for column, value in key)), metrics)


def tfma_verdict(evaluation_uri: str) -> bool | None:
    """What TFMA's own validation says, None if it validated nothing."""
    import tensorflow_model_analysis as tfma
    from tfx.dsl.io import fileio

    if not fileio.glob(f"{evaluation_uri}/validations*"):
        return None
    return bool(tfma.load_validation_result(evaluation_uri).validation_ok)
