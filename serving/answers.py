"""Answers from a SavedModel, by one of its serving signatures: the one logic of every place that serves.

Instances are rows: each names the signature's inputs, with one value each or a list of them. The answer holds one
prediction for each instance, by the names of the signature's outputs; a number that is none (NaN, infinity) is `null`.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_SIGNATURES = ("serving_raw", "serving_default")
"""Plain values, as the models here have them, or else what every SavedModel has."""

MAX_INSTANCES = 10_000
"""Requests of 6 MB are taken by SageMaker and by Lambda; more rows than this are no question but a batch."""


class BadRequest(Exception):
    """The caller's mistake; the message says what to send instead."""


@functools.lru_cache(maxsize=1)
def load_model(folder: str) -> Any:
    """The SavedModel in that folder, kept between requests."""
    import tensorflow as tf

    return tf.saved_model.load(folder)


def signature_of(model: Any, name: str) -> tuple[str, Any]:
    """Name and function of a signature; the model's own if the name is empty.

    Raises:
      BadRequest: the model has none of that name.
    """
    name = name or next((known for known in DEFAULT_SIGNATURES if known in model.signatures), "")
    if name not in model.signatures:
        raise BadRequest(f"signature_name is '{name}', the model has: {', '.join(sorted(model.signatures))}.")
    return name, model.signatures[name]


def inputs_of(signature: Any) -> dict[str, Any]:
    """The signature's inputs by name, as tf.TensorSpec."""
    found: dict[str, Any] = signature.structured_input_signature[1]
    return found


def request_parts(request: Any, default_signature: str) -> tuple[list[dict[str, Any]], str]:
    """Instances and name of the signature (empty for the model's own) of `{"instances": […], "signature_name": …}`.

    Raises:
      BadRequest: it is no such object.
    """
    if not isinstance(request, dict) or not isinstance(request.get("instances"), list):
        raise BadRequest('Expected {"instances": [{INPUT: VALUE, …}, …]}.')
    return request["instances"], str(request.get("signature_name", default_signature))


def predict(model: Any, instances: Sequence[Any], name: str) -> list[dict[str, Any]]:
    """One prediction for each instance.

    Args:
      model: of `load_model`.
      instances: rows, each an object of INPUT: VALUE.
      name: of the signature, empty for the model's own.

    Raises:
      BadRequest: the request does not fit the signature.
    """
    _check_rows(instances)
    name, signature = signature_of(model, name)
    outputs = signature(**_tensors(instances, inputs_of(signature)))
    columns = {key: _plain(tensor.numpy()) for key, tensor in outputs.items()}
    wrong = [key for key, rows in columns.items() if len(rows) != len(instances)]
    if wrong:
        raise BadRequest(f"Signature '{name}' does not answer row by row ({', '.join(wrong)}); take another one.")
    return [{key: rows[index] for key, rows in columns.items()} for index in range(len(instances))]


def _check_rows(instances: Sequence[Any]) -> None:
    if not instances or len(instances) > MAX_INSTANCES:
        raise BadRequest(f"{len(instances)} instances; 1 to {MAX_INSTANCES:,} are taken.")
    wrong = [str(index) for index, instance in enumerate(instances) if not isinstance(instance, dict)]
    if wrong:
        raise BadRequest(f"Instances {', '.join(wrong[:5])} are no objects: each must be {{INPUT: VALUE, …}}.")


def _tensors(instances: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The signature's inputs, one row per instance; all mistakes are told together."""
    import tensorflow as tf

    problems = [
        f"instance {index}: '{key}' is no input of the signature"
        for index, instance in enumerate(instances)
        for key in instance
        if key not in inputs
    ]
    tensors = {}
    for key, spec in inputs.items():
        missing = [str(index) for index, instance in enumerate(instances) if key not in instance]
        if missing:
            problems.append(f"instances {', '.join(missing[:5])} have no '{key}'")
            continue
        rows = [_row(instance[key], spec.shape.rank or 1) for instance in instances]
        try:
            tensors[key] = tf.constant(rows, dtype=spec.dtype)
            spec.shape.assert_is_compatible_with(tensors[key].shape)
        except (TypeError, ValueError, OverflowError):
            shape = [size or "any" for size in spec.shape.as_list()]
            problems.append(f"'{key}' must be {spec.dtype.name} of shape {shape}, one row per instance")
    if problems:
        raise BadRequest(f"{'; '.join(problems[:10])}. Inputs: {', '.join(sorted(inputs))}.")
    return tensors


def _row(value: Any, rank: int) -> Any:
    """The value of one instance as a row: a single value where the signature has a column of its own per row."""
    return [value] if rank > 1 and not isinstance(value, list) else value


def _plain(values: Any) -> list[Any]:
    """An array's rows as JSON's own types, bytes as text."""
    return [_value(row) for row in values.tolist()] if values.ndim else []


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
