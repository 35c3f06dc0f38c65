"""Requests to an endpoint's container, without a network; the model is a stand-in for TensorFlow's own objects."""

import io
import json

import pytest
import tensorflow as tf

from serving.application import MAX_REQUEST_BYTES, Application
from serving.formats import csv_layout


class Model:
    """One signature: twice the stars, and stars and their square; fails where the title says so."""

    def __init__(self):
        self.signatures = {"serving_raw": self}
        self.structured_input_signature = (
            (),
            {"title": tf.TensorSpec([None], tf.string), "stars": tf.TensorSpec([None], tf.float32)},
        )

    def __call__(self, title, stars):
        if b"fail" in title.numpy():
            raise tf.errors.InternalError(None, None, "secret of the model")
        return {"double": 2 * stars, "powers": tf.stack([stars, stars * stars], axis=1), "title": title}


INPUTS = Model().structured_input_signature[1]


@pytest.fixture
def application():
    return Application(Model(), "", csv_layout(INPUTS, {"title": "", "stars": None}), 2)


def asked(application, body=b"", method="POST", path="/invocations", **headers):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": str(len(body))}
    environ |= {"wsgi.input": io.BytesIO(body), **headers}
    told = []
    [answer] = application(environ, lambda status, headers: told.append((status, dict(headers))))
    [(status, found)] = told
    assert found["Content-Length"] == str(len(answer))
    return int(status[:3]), answer, found


ANSWER = {"double": 8.0, "powers": [4.0, 16.0], "title": "Fine, so"}


@pytest.mark.parametrize(
    ("content_type", "body", "answer"),
    [
        (
            "application/json",
            b'{"instances": [{"title": "Fine, so", "stars": 4}]}',
            json.dumps({"predictions": [ANSWER]}),
        ),
        ("", b'{"instances": [{"title": "Fine, so", "stars": 4}]}', json.dumps({"predictions": [ANSWER]})),
        ("application/jsonlines", b'{"title": "Fine, so", "stars": 4}\n\n', f"{json.dumps(ANSWER)}\n"),
        ("text/csv; charset=UTF-8", b'"Fine, so",4\n', '8.0,4.0,16.0,"Fine, so"\n'),
        ("text/csv", b'stars,title\r\n4,"Fine, so"\r\n', '8.0,4.0,16.0,"Fine, so"\n'),
        ("text/csv", b'\xef\xbb\xbf"Fine, so",4', '8.0,4.0,16.0,"Fine, so"\n'),
    ],
)
def test_rows_are_answered_in_the_form_they_came_in(application, content_type, body, answer):
    status, found, headers = asked(application, body, CONTENT_TYPE=content_type)
    assert (status, found.decode()) == (200, answer)
    assert headers["Content-Type"] == content_type.partition(";")[0] or "application/json"


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("text/csv", b"8.0,4.0,16.0,Fine\n"),
        ("application/xml, application/jsonlines;q=0.5", b'{"double": 8.0, "powers": [4.0, 16.0], "title": "Fine"}\n'),
        ("*/*", b'{"predictions": [{"double": 8.0, "powers": [4.0, 16.0], "title": "Fine"}]}'),
    ],
)
def test_answer_comes_in_the_form_that_is_accepted(application, accept, answer):
    body = b'{"instances": [{"title": "Fine", "stars": 4}]}'
    assert asked(application, body, HTTP_ACCEPT=accept)[:2] == (200, answer)


def test_empty_cell_is_the_models_missing_value_and_nan_is_null_in_the_answer(application):
    status, answer, _ = asked(application, b"Fine,\n,1\n", CONTENT_TYPE="text/csv", HTTP_ACCEPT="application/json")
    predictions = json.loads(answer)["predictions"]
    assert (status, predictions[0]["double"], predictions[0]["powers"]) == (200, None, [None, None])
    assert predictions[1] == {"double": 2.0, "powers": [1.0, 1.0], "title": ""}


def test_model_without_a_description_takes_cells_in_the_order_of_names_and_no_empty_number():
    layout = csv_layout(INPUTS, {})
    assert list(layout.readers) == ["stars", "title"]
    application = Application(Model(), "", layout, 2)
    assert asked(application, b"4,Fine\n", CONTENT_TYPE="text/csv")[1] == b"8.0,4.0,16.0,Fine\n"
    status, answer, _ = asked(application, b",Fine\n", CONTENT_TYPE="text/csv")
    assert status == 400
    assert "'' is no 'stars'" in json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("status", "told", "request_"),
    [
        (400, "is not application/json", {"body": b"{"}),
        (400, "is not application/json", {"body": b""}),
        (400, "is not application/json", {"body": b"[" * 100_000}),
        (400, "not UTF-8", {"body": b"\xff"}),
        (400, "Expected", {"body": b"[]"}),
        (400, "no input of the signature", {"body": b'{"instances": [{"title": "a", "stars": 1, "more": 2}]}'}),
        (400, "'stars' must be float32", {"body": b'{"instances": [{"title": "a", "stars": [1, 2]}]}'}),
        (400, "10001 instances", {"body": b"a,1\n" * 10_001, "CONTENT_TYPE": "text/csv"}),
        (
            400,
            "Line 2 is not JSON",
            {"body": b'{"title": "a", "stars": 1}\n{\n', "CONTENT_TYPE": "application/jsonlines"},
        ),
        (400, "row 1 has 1 cells. Cells of a row: title, stars", {"body": b"a,1\nb\n", "CONTENT_TYPE": "text/csv"}),
        (400, "row 0: 'x' is no 'stars'", {"body": b"a,x\n", "CONTENT_TYPE": "text/csv"}),
        (400, "is not text/csv", {"body": b'"a,1\n', "CONTENT_TYPE": "text/csv"}),
        (400, "0 instances", {"body": b"\n", "CONTENT_TYPE": "text/csv"}),
        (404, "There is no /models", {"path": "/models"}),
        (405, "takes POST", {"method": "GET"}),
        (405, "takes GET", {"path": "/ping"}),
        (406, "Accept is 'image/png'", {"body": b"{}", "HTTP_ACCEPT": "image/png"}),
        (413, "At most 6,291,456 bytes", {"CONTENT_LENGTH": str(MAX_REQUEST_BYTES + 1)}),
        (413, "At most 6,291,456 bytes", {"body": b" " * (MAX_REQUEST_BYTES + 1), "CONTENT_LENGTH": ""}),
        (415, "expected one of", {"body": b"<a/>", "CONTENT_TYPE": "text/xml"}),
        (415, "in UTF-8", {"body": b"a,1", "CONTENT_TYPE": "text/csv; charset=latin-1"}),
        (500, "The model failed (InternalError)", {"body": b'{"instances": [{"title": "fail", "stars": 1}]}'}),
    ],
)
def test_request_that_cannot_be_answered_is_told_why_in_json(application, status, told, request_):
    found, answer, headers = asked(application, **request_)
    assert (found, headers["Content-Type"]) == (status, "application/json")
    said = json.loads(answer)["error"]
    assert told in said
    assert "secret" not in said
    assert asked(application, method="GET", path="/ping")[:2] == (200, b""), "and the next one is answered"


def test_attributes_and_inference_id_come_back_unless_no_header_can_hold_them(application):
    attributes, name = "trace-id=7; c", "X-Amzn-SageMaker-Custom-Attributes"
    given = {"HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES": attributes, "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "id 1"}
    _, _, headers = asked(application, b'{"instances": [{"title": "a", "stars": 1}]}', **given)
    assert (headers[name], headers["X-Amzn-SageMaker-Inference-Id"]) == (attributes, "id 1")
    _, _, headers = asked(application, HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES="a\r\nSet-Cookie: b")
    assert name not in headers


def test_ping_is_answered_while_all_room_for_invocations_is_taken(application):
    class Busy(io.BytesIO):
        """A body during whose reading the next request comes, with such a body too."""

        def read(self, *_):
            pings.append(asked(application, method="GET", path="/ping")[0])
            answers.append(asked(application, **{"wsgi.input": Busy()})[0])
            return b"{}"

    pings, answers = [], []
    assert asked(application, **{"wsgi.input": Busy()})[0] == 400
    assert (answers, pings) == ([503, 400], [200, 200])


def test_invocations_are_counted_and_what_looks_at_the_server_is_not(application):
    asked(application, b'{"instances": [{"title": "a", "stars": 1}, {"title": "b", "stars": 2}]}')
    asked(application, b"{")
    asked(application, method="GET", path="/ping")
    status, answer, headers = asked(application, method="GET", path="/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    said = answer.decode().splitlines()
    assert {
        'penstock_serving_requests_total{status="200"} 1',
        'penstock_serving_requests_total{status="400"} 1',
        "penstock_serving_request_seconds_count 2",
        "penstock_serving_rows_total 2",
        "penstock_serving_requests_under_way 0",
    } <= set(said)
