"""Loads a SavedModel as a server would and asks it; run as `python -I probe.py REQUEST RESULT`, needs TensorFlow only.

REQUEST is JSON: `model_path`, `sample_path` (JSON lines with `example`, base64 of a tf.Example), `rows` (how many),
`batch_size`, `inputs` ({column: {argument, required}} of `serving_raw`, null = arguments are named as the columns).
RESULT is JSON, see `main`. Nothing of this project is imported: what serves has only TensorFlow.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

# Without a GPU, looking for one costs time and prints errors. Set before TensorFlow is imported.
if not os.path.exists("/dev/nvidiactl"):
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

SIGNATURES = ("serving_default", "serving_raw")
WARM_UP_CALLS = 5
MIN_TIMED_CALLS = 100
BATCH_CALLS = 10

#: Argument → its type and one value for each row.
Columns = dict[str, tuple[Any, list[Any]]]

#: What a model raises for a request that it cannot answer.
REQUEST_ERRORS = (tf.errors.OpError, ValueError, TypeError)


def main(request_path: str, result_path: str) -> None:
    """Writes RESULT: `load_s`, `requests` (raw values of each row), `rows` (their numbers in the sample), `not_sent`
    ({row, lacks}), and for each signature `answers` (row by row), `batch_answers`, `latencies_ms` by batch size, and
    `failure` ({row, error} or null).
    """
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    started = time.perf_counter()
    model = tf.saved_model.load(request["model_path"])
    result = {"load_s": time.perf_counter() - started, "signatures": {}, "missing_signatures": []}
    result["missing_signatures"] = [name for name in SIGNATURES if name not in model.signatures]
    if not result["missing_signatures"]:
        ask(model, request, result)
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump(result, file)


def ask(model: Any, request: dict[str, Any], result: dict[str, Any]) -> None:
    """Sends every row that has all it needs through both signatures."""
    arguments = model.signatures["serving_raw"].structured_input_signature[1]
    inputs = request["inputs"]
    if inputs is None:
        inputs = {name: {"argument": name, "required": False} for name in arguments}
    examples = read_examples(request["sample_path"], request["rows"])
    features = [tf.train.Example.FromString(example).features.feature for example in examples]
    lacking = [lacks(row, inputs) for row in features]
    rows = [index for index, names in enumerate(lacking) if not names]
    result["rows"] = rows
    result["not_sent"] = [{"row": index, "lacks": names} for index, names in enumerate(lacking) if names]
    raw = [
        {
            item["argument"]: raw_value(features[row], name, arguments[item["argument"]].dtype)
            for name, item in inputs.items()
        }
        for row in rows
    ]
    result["requests"] = [{name: plain(value) for name, value in row.items()} for row in raw]
    (argument,) = model.signatures["serving_default"].structured_input_signature[1]
    columns = {
        "serving_default": {argument: (tf.string, [examples[index] for index in rows])},
        "serving_raw": {name: (spec.dtype, [row[name] for row in raw]) for name, spec in arguments.items()},
    }
    for name, values in columns.items():
        result["signatures"][name] = measure(model.signatures[name], values, rows, request["batch_size"])


def measure(signature: Any, columns: Columns, rows: list[int], batch_size: int) -> dict[str, Any]:
    """What a signature answers to the rows, one by one and in batches, and how long it takes."""
    outcome: dict[str, Any] = {"answers": [], "batch_answers": [], "latencies_ms": {}, "failure": None}
    for index, row in enumerate(rows):
        try:
            outcome["answers"] += call(signature, columns, [index])[0]
        except REQUEST_ERRORS as error:
            outcome["failure"] = {"row": row, "error": f"{type(error).__name__}: {error}"}
            return outcome
    count = len(rows)
    try:
        for start in range(0, count, batch_size):
            outcome["batch_answers"] += call(signature, columns, range(start, min(start + batch_size, count)))[0]
    except REQUEST_ERRORS as error:
        outcome["failure"] = {"row": None, "error": f"in batches of {batch_size}: {type(error).__name__}: {error}"}
        return outcome
    if rows:
        outcome["latencies_ms"] = {
            "1": timings(signature, columns, [[index % count] for index in range(max(count, MIN_TIMED_CALLS))]),
            str(batch_size): timings(signature, columns, [[i % count for i in range(batch_size)]] * BATCH_CALLS),
        }
    return outcome


def timings(signature: Any, columns: Columns, batches: list[list[int]]) -> list[float]:
    """Milliseconds of each call, after a warm-up."""
    for indices in batches[:WARM_UP_CALLS]:
        call(signature, columns, indices)
    return [call(signature, columns, indices)[1] for indices in batches]


def call(signature: Any, columns: Columns, indices: Sequence[int]) -> tuple[list[dict[str, Any]], float]:
    """The answers to some rows, a dictionary each, and the milliseconds from plain values to plain values."""
    started = time.perf_counter()
    tensors = {name: tf.constant([values[i] for i in indices], dtype) for name, (dtype, values) in columns.items()}
    outputs = {name: tensor.numpy().tolist() for name, tensor in signature(**tensors).items()}
    milliseconds = 1000 * (time.perf_counter() - started)
    answers = [{name: plain(values[i]) for name, values in outputs.items()} for i in range(len(indices))]
    return answers, milliseconds


def read_examples(path: str, count: int) -> list[bytes]:
    """The first serialized tf.Examples of the sample."""
    with open(path, encoding="utf-8") as file:
        return [base64.b64decode(json.loads(line)["example"]) for line, _ in zip(file, range(count), strict=False)]


def lacks(row: Any, inputs: dict[str, Any]) -> list[str]:
    """The required columns that a row has no value for; NaN is none."""
    present = {name for name in inputs if any(value == value for value in values_of(row, name)[:1])}
    return [name for name, item in inputs.items() if item["required"] and name not in present]


def values_of(row: Any, name: str) -> list[Any]:
    """The values of a column, which may be none."""
    kind = row[name].WhichOneof("kind") if name in row else None
    return list(getattr(row[name], kind).value) if kind else []


def raw_value(row: Any, name: str, dtype: Any) -> Any:
    """A column's first value as `serving_raw` takes it; missing is the empty string, NaN or the smallest int64."""
    values = values_of(row, name)
    if dtype == tf.string:
        value = values[0] if values else b""
        return value if isinstance(value, bytes) else str(value).encode()
    if dtype.is_floating:
        return float(values[0]) if values else float("nan")
    return int(values[0]) if values else dtype.min


def plain(value: Any) -> Any:
    """Lists, numbers and strings that JSON can hold; a list of one becomes its value."""
    if isinstance(value, list):
        return plain(value[0]) if len(value) == 1 else [plain(item) for item in value]
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
