import base64
import json

import pytest
import tensorflow as tf

from serving.answers import load_model
from serving.lambda_handler import handle
from serving.model_folder import ModelRefused


class Doubling(tf.Module):
    """Answers twice the number, and the word in capitals."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 1], tf.float32, name="number"),
            tf.TensorSpec([None], tf.string, name="word"),
        ]
    )
    def serve(self, number, word):
        return {"double": 2.0 * number[:, 0], "upper": tf.strings.upper(word)}

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="number")])
    def total(self, number):
        return {"sum": tf.reduce_sum(number)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = str(tmp_path_factory.mktemp("model"))
    model = Doubling()
    tf.saved_model.save(model, where, signatures={"serving_default": model.serve, "total": model.total})
    return where


@pytest.fixture(autouse=True)
def model(folder, monkeypatch):
    load_model.cache_clear()
    monkeypatch.setenv("PENSTOCK_MODEL_DIR", folder)


ROWS = [{"number": 1.5, "word": "so"}, {"number": -2, "word": "ähm"}]
ANSWER = [{"double": 3.0, "upper": "SO"}, {"double": -4.0, "upper": "äHM"}]


def asked(event):
    answer = handle(event)
    assert answer["headers"] == {"Content-Type": "application/json"}
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    "event",
    [
        {"instances": ROWS},
        {"body": json.dumps({"instances": ROWS})},
        {"body": base64.b64encode(json.dumps({"instances": ROWS}).encode()).decode(), "isBase64Encoded": True},
    ],
    ids=["plain", "url", "base64"],
)
def test_instances_are_answered_in_their_order_however_they_come(event):
    assert asked(event) == (200, {"predictions": ANSWER})


def test_value_may_be_the_row_that_the_signature_has():
    assert asked({"instances": [{"number": [1.5], "word": "so"}]}) == (200, {"predictions": ANSWER[:1]})


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"rows": []}, "Expected"),
        ([1], "Expected"),
        ({"instances": []}, "0 instances"),
        ({"instances": [1]}, "Instances 0 are no objects"),
        ({"instances": [{"number": 1.0}]}, "instances 0 have no 'word'"),
        ({"instances": [{"number": "x", "word": "so"}]}, "'number' must be float32 of shape ['any', 1]"),
        ({"instances": [{"number": [1.0, 2.0], "word": "so"}]}, "'number' must be float32 of shape ['any', 1]"),
        ({"instances": [{"number": 1.0, "word": "so", "more": 1}]}, "'more' is no input of the signature"),
        ({"instances": ROWS, "signature_name": "explain"}, "the model has: serving_default, total"),
        ({"instances": [{"number": 1.0}], "signature_name": "total"}, "does not answer row by row (sum)"),
    ],
)
def test_callers_mistake_is_told_with_what_to_send(request_, told):
    status, body = asked({"body": json.dumps(request_)})
    assert status == 400
    assert told in body["error"]


def test_body_that_is_no_json_is_the_callers_mistake():
    assert asked({"body": "{"})[0] == 400
    assert asked({"body": "%%", "isBase64Encoded": True})[0] == 400
    assert asked({"body": None})[0] == 400


def test_model_that_is_not_there_is_no_mistake_of_the_caller(monkeypatch, tmp_path):
    monkeypatch.setenv("PENSTOCK_MODEL_DIR", str(tmp_path))
    with pytest.raises(ModelRefused, match="expected one SavedModel"):
        handle({"instances": ROWS})


def test_model_is_loaded_once():
    asked({"instances": ROWS})
    asked({"instances": ROWS})
    assert load_model.cache_info().misses == 1
