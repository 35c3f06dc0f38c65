"""AWS Lambda: answers requests from a SavedModel (serving/answers.py).

A request is what a function URL or API Gateway hands on (its JSON in `body`), or the JSON itself:

    {"instances": [{"title": "Fine", "stars": 4}], "signature_name": "serving_raw"}

400 is the caller's mistake, in words; that a model cannot be loaded or run is raised, which Lambda counts as an error
of the function. The signature is the request's, or that of PENSTOCK_SIGNATURE, or the model's own.

The model is a folder in the image or in a mounted file system: PENSTOCK_MODEL_DIR, or /opt/ml/model. It is loaded with
the first request of an instance of the function, and kept.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

from serving.answers import BadRequest, load_model, predict, request_parts
from serving.model_folder import DEFAULT_MODEL_DIR, MODEL_DIR, SIGNATURE, find_model


def handle(event: Any, _context: Any = None) -> dict[str, Any]:
    """What Lambda calls: the answer with its HTTP status."""
    try:
        instances, name = request_parts(_body(event), os.environ.get(SIGNATURE, ""))
        model = load_model(str(find_model(Path(os.environ.get(MODEL_DIR, DEFAULT_MODEL_DIR)))))
        return _answer(200, {"predictions": predict(model, instances, name)})
    except BadRequest as problem:
        return _answer(400, {"error": str(problem)})


def _body(event: Any) -> Any:
    """The request: the event itself, or the JSON in its body."""
    if not isinstance(event, dict) or "body" not in event:
        return event
    text = event["body"] or ""
    try:
        raw = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
