"""AWS Lambda: answers requests from a SavedModel, by one of its serving signatures.

A request is what a function URL or API Gateway hands on (its JSON in `body`), or the JSON itself:

    {"instances": [{"title": "Fine", "stars": 4}], "signature_name": "serving_raw"}

Each instance names the signature's inputs, with one value each or a list of them. The answer holds one prediction for
each instance, by the names of the signature's outputs. 400 is the caller's mistake, in words; that a model cannot be
loaded or run is raised, which Lambda counts as an error of the function. The signature is the request's, or that of
PENSTOCK_SIGNATURE, or `serving_raw` (plain values, as the models here have it), or else `serving_default`.

The model is a folder in the image or in a mounted file system: PENSTOCK_MODEL_DIR, or /opt/ml/model. It is loaded with
the first request of an instance of the function, and kept.
"""

import base64
import binascii
import functools
import json
import os
from typing import Any

MODEL_DIR = "PENSTOCK_MODEL_DIR"
DEFAULT_MODEL_DIR = "/opt/ml/model"
SIGNATURE = "PENSTOCK_SIGNATURE"
DEFAULT_SIGNATURES = ("serving_raw", "serving_default")
MAX_INSTANCES = 10_000
"""Lambda takes requests of 6 MB; more rows than this are no question but a batch."""


class BadRequest(Exception):
    """The caller's mistake; the message says what to send instead."""


def handle(event: Any, _context: Any = None) -> dict[str, Any]:
    """What Lambda calls: the answer with its HTTP status."""
    try:
        return _answer(200, {"predictions": predict(_body(event))})
    except BadRequest as problem:
        return _answer(400, {"error": str(problem)})


def predict(request: Any) -> list[dict[str, Any]]:
    """One prediction for each instance.

    Raises:
      BadRequest: the request does not fit the signature.
    """
    instances, name = _parts(request)
    model = load_model(os.environ.get(MODEL_DIR, DEFAULT_MODEL_DIR))
    name = name or next((known for known in DEFAULT_SIGNATURES if known in model.signatures), "")
    if name not in model.signatures:
        raise BadRequest(f"signature_name is '{name}', the model has: {', '.join(sorted(model.signatures))}.")
    signature = model.signatures[name]
    outputs = signature(**_tensors(instances, signature.structured_input_signature[1]))
    columns = {key: _plain(tensor.numpy()) for key, tensor in outputs.items()}
    wrong = [key for key, rows in columns.items() if len(rows) != len(instances)]
    if wrong:
        raise BadRequest(f"Signature '{name}' does not answer row by row ({', '.join(wrong)}); take another one.")
    return [{key: rows[index] for key, rows in columns.items()} for index in range(len(instances))]


@functools.lru_cache(maxsize=1)
def load_model(folder: str) -> Any:
    """The SavedModel in that folder, kept between requests."""
    import tensorflow as tf

    return tf.saved_model.load(folder)


def _parts(request: Any) -> tuple[list[dict[str, Any]], str]:
    """Instances and the name of the signature, empty for the model's own."""
    if not isinstance(request, dict) or not isinstance(request.get("instances"), list):
        raise BadRequest('Expected {"instances": [{INPUT: VALUE, …}, …]}.')
    instances, name = request["instances"], request.get("signature_name", os.environ.get(SIGNATURE, ""))
    if not instances or len(instances) > MAX_INSTANCES:
        raise BadRequest(f"{len(instances)} instances; 1 to {MAX_INSTANCES:,} are taken.")
    wrong = [str(index) for index, instance in enumerate(instances) if not isinstance(instance, dict)]
    if wrong:
        raise BadRequest(f"Instances {', '.join(wrong[:5])} are no objects: each must be {{INPUT: VALUE, …}}.")
    return instances, str(name)


def _tensors(instances: list[dict[str, Any]], inputs: dict[str, Any]) -> dict[str, Any]:
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
        except (TypeError, ValueError):
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
    return [_text(row) for row in values.tolist()] if values.ndim else []


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(inner) for inner in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _body(event: Any) -> Any:
    """The request: the event itself, or the JSON in its body."""
    if not isinstance(event, dict) or "body" not in event:
        return event
    text = event["body"] or ""
    try:
        raw = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text
        return json.loads(raw)
    except (binascii.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
