"""The images that answer from a model, from deploy/Dockerfile's own steps (tests/fixtures/image_tree.py).

`serving` is started as SageMaker starts it (`docker run IMAGE serve`), with an archive that EndpointPusher's own code
made, unpacked in /opt/ml/model; `lambda` by Amazon's runtime interface, whose other side is a server here.
"""

import contextlib
import copy
import http.client
import json
import os
import queue
import shutil
import signal
import socket
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from image_tree import CHECKOUT, Tree
from installed import locked
from kubernetes_folders import named, whole
from small_model import expected_scores, train_small_model

from components.endpoint_pusher.archive import pack_model
from components.endpoint_pusher.plan import Candidate, model_request
from components.endpoint_pusher.settings import DeploySettings, Target
from components.model_digest import model_digest
from components.signing.keys import new_key_pair, public_key_text
from components.signing.settings import SigningSettings
from components.signing.signature import sign_model, signing_key
from pipeline.images.content import Content, code_files
from pipeline.images.engine import verify_commands

pytestmark = pytest.mark.integration

ARGUMENTS = {"BASE_NAME": "python:3.11-slim-bookworm", "BASE_DIGEST": f"sha256:{'ab' * 32}", "COMMIT": "cc"}
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/penstock@sha256:{'ab' * 32}"
ROLE = "arn:aws:iam::123456789012:role/penstock-serving"
TARGET = Target("eu-central-1", "returns", "s3://bucket/p", IMAGE, ROLE)
ROWS = [("Broken", 1.0), ("fine", 5.0), ("unknown", 2.0)]
INSTANCES = [{"title": title, "stars": stars} for title, stars in ROWS]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A trained, signed model's folder, the model, and its key's public half."""
    folder = tmp_path_factory.mktemp("model")
    trained = train_small_model(folder / "7")
    new_key_pair(folder / "k.pem", folder / "k.pub", None)
    sign_model(
        folder / "7", signing_key(SigningSettings("key", str(folder / "k.pem"), public_key=str(folder / "k.pub")))
    )
    return folder / "7", trained, public_key_text(folder / "k.pub")


def tree(tmp_path_factory, target):
    folder = tmp_path_factory.mktemp(target)
    return Tree(folder, Path(sys.prefix), {**ARGUMENTS, "LOCK_DIGEST": "aa", "CODE_DIGEST": "bb"}).build(target)


def installed(tree):
    program = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    names = tree.run(["python", "-c", program]).stdout.split()
    return {name.lower().replace("_", "-") for name in names if name.partition("==")[0] != "pip"}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """The tree of the image that endpoints run."""
    return tree(tmp_path_factory, "serving")


@pytest.fixture(scope="module")
def lambda_(tmp_path_factory):
    """The tree of the image for AWS Lambda."""
    return tree(tmp_path_factory, "lambda")


class Server:
    """The container, and requests to it."""

    def __init__(self, tree, log, environment):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = log
        command = [*tree.entrypoint, *tree.words]
        self.process = tree.start(command, log, SAGEMAKER_BIND_TO_PORT=str(self.port), **environment)

    def ask(self, method, path, body=None, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            with contextlib.suppress(BrokenPipeError):  # what is refused is not read to its end
                connection.request(method, path, body, names)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers

    def wait(self, timeout_s=90):
        """Until /ping says 200; everything before that is no answer at all."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                assert self.ask("GET", "/ping")[0] == 200
                return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())


def unpacked(tree, folder, tmp_path):
    """Puts the model into the tree as SageMaker unpacks EndpointPusher's archive; returns the container's variables."""
    source, _, public_key = folder
    pack_model(source, "7", tmp_path / "model.tar.gz")
    place = tree.root / "opt" / "ml" / "model"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        archive.extractall(place, filter="data")
    candidate = Candidate(model_digest(source), "7", "s3://bucket/p/model.tar.gz", public_key)
    return model_request(DeploySettings(), TARGET, candidate)["PrimaryContainer"]["Environment"]


@pytest.fixture(scope="module")
def server(serving, model, tmp_path_factory):
    """The container, serving."""
    folder = tmp_path_factory.mktemp("server")
    started = Server(serving, folder / "log", unpacked(serving, model, folder))
    try:
        yield started.wait()
    finally:
        started.process.kill()
        started.process.wait()


def test_images_hold_their_locks_and_not_one_package_more(serving, lambda_):
    for built, lock in ((serving, "requirements-serving.lock"), (lambda_, "requirements-lambda.lock")):
        named = {f"{name}=={version}" for name, version in locked(CHECKOUT / lock).items()}
        assert installed(built) - named == set()
        assert any("--require-hashes" in command and lock in command for command in built.commands)


@pytest.mark.parametrize(("variant", "place"), [("serving", "opt/penstock"), ("lambda", "var/task")])
def test_code_that_is_copied_is_the_code_that_names_the_image(serving, lambda_, variant, place):
    root = {"serving": serving, "lambda": lambda_}[variant].root / place
    copied = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert copied == {path.relative_to(CHECKOUT).as_posix() for path in code_files(CHECKOUT, variant)}


@pytest.mark.parametrize("content_type", ["application/json", "application/jsonlines", "text/csv"])
def test_predictions_are_what_the_learned_weights_say_in_every_form(server, model, content_type):
    lines = "".join(f"{json.dumps(instance)}\n" for instance in INSTANCES)
    bodies = {
        "application/json": json.dumps({"instances": INSTANCES}),
        "application/jsonlines": lines,
        "text/csv": "".join(f"{title},{stars}\n" for title, stars in ROWS),
    }
    status, answer, headers = server.ask("POST", "/invocations", bodies[content_type], Content_Type=content_type)
    assert (status, headers["Content-Type"]) == (200, content_type), answer
    text = answer.decode()
    if content_type == "application/json":
        found = [[prediction["class"], *prediction["scores"]] for prediction in json.loads(text)["predictions"]]
    elif content_type == "application/jsonlines":
        found = [[each["class"], *each["scores"]] for each in map(json.loads, text.splitlines())]
    else:
        found = [line.split(",") for line in text.splitlines()]
    expected = expected_scores(model[1], ROWS)
    np.testing.assert_allclose([[float(cell) for cell in cells[1:]] for cells in found], expected, rtol=1e-5)
    assert [cells[0] for cells in found] == ["back" if back > 0.5 else "kept" for _, back in expected]
    assert found[0][0] == "back", "the model has learned something"


@pytest.fixture
def pod(serving, model, tmp_path):
    """The container as the Deployment of deploy/kubernetes has it: user, rights, words, variables; and its document."""
    deployment = named(whole("overlays/prod"), "Deployment", "serving")["spec"]["template"]["spec"]
    [container] = deployment["containers"]
    tree = copy.copy(serving)
    tree.user, tree.words = str(deployment["securityContext"]["runAsUser"]), container["args"]
    place = tree.root / "opt" / "ml" / "model"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(model[0], place)
    said = named(whole("overlays/prod"), "ConfigMap", "served-model")["data"]
    variables = {**{each["name"]: each["value"] for each in container["env"]}, **said}
    variables |= {"PENSTOCK_MODEL_DIGEST": model_digest(model[0]), "PENSTOCK_PUBLIC_KEY": model[2]}
    assert variables.pop("SAGEMAKER_BIND_TO_PORT") == str(container["ports"][0]["containerPort"])
    started = Server(tree, tmp_path / "log", variables)
    try:
        yield started.wait(), container
    finally:
        started.process.kill()
        started.process.wait()


def test_pod_on_kubernetes_answers_its_probes_prometheus_and_whoever_asks(pod, model):
    server, container = pod
    probes = {container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {path: server.ask("GET", path)[0] for path in probes} == {"/ping": 200}
    assert server.ask("POST", "/invocations", json.dumps({"instances": INSTANCES}))[0] == 200
    [scraped] = named(whole("overlays/prod"), "ServiceMonitor", "serving")["spec"]["endpoints"]
    status, answer, headers = server.ask("GET", scraped["path"])
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    said = dict(line.rsplit(" ", 1) for line in answer.decode().splitlines() if not line.startswith("#"))
    assert said['penstock_serving_requests_total{status="200"}'] == "1"
    assert said["penstock_serving_rows_total"] == str(len(INSTANCES))
    assert said[f'penstock_serving_model_info{{version="7",digest="{model_digest(model[0])}"}}'] == "1"
    assert "its signature holds" in server.log.read_text()


def test_attributes_come_back_over_the_wire(server):
    names = {"X-Amzn-SageMaker-Custom-Attributes": "trace=1", "X-Amzn-SageMaker-Inference-Id": "call-7"}
    _, _, headers = server.ask("POST", "/invocations", "fine,\n", Content_Type="text/csv", **names)
    assert {name: headers[name] for name in names} == names


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (400, b"\x00\xff{", "application/json"),
        (400, b'{"instances": [{"title": 1}]}', "application/json"),
        (400, b"", "text/csv"),
        (413, b"x" * (6 * 1024 * 1024 + 1), "text/csv"),
        (415, b"<a/>", "application/xml"),
    ],
)
def test_garbage_is_refused_in_words_and_the_next_request_answered(server, status, body, content_type):
    found, answer, _ = server.ask("POST", "/invocations", body, Content_Type=content_type)
    assert found == status
    assert json.loads(answer)["error"]
    assert server.ask("GET", "/ping")[0] == 200


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"POST /invocations HTTP/1.1\r\nHost: x\r\n"]
)
def test_what_is_no_request_ends_with_its_connection_only(server, sent):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(sent)
    assert server.ask("GET", "/ping")[0] == 200


def test_chunks_are_counted_too(server):
    chunks = (b"x" * 1_000_000 for _ in range(8))  # no length is told: http.client sends it in chunks
    assert server.ask("POST", "/invocations", chunks, Content_Type="text/csv")[0] == 413


@pytest.fixture
def spoilt(serving, model, tmp_path):
    """Starts the container on a model in which a file was changed; gives its exit code and last words."""

    def start(name, content, **changed):
        environment = {**unpacked(serving, model, tmp_path), **changed}
        if name:
            (serving.root / "opt" / "ml" / "model" / "7" / name).write_bytes(content)
        started = Server(serving, tmp_path / "log", environment)
        return started.process.wait(60), started.log.read_text()

    return start


def test_killed_worker_is_replaced_and_stopping_answers_what_was_asked(server):
    """The last test of `server`: it stops it."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    (worker,) = map(int, children)
    os.kill(worker, signal.SIGKILL)
    time.sleep(0.2)
    server.wait()
    body = json.dumps({"instances": INSTANCES}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as open_:
        head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        open_.sendall(head.encode() + body[:10])
        time.sleep(0.5)
        server.process.terminate()
        time.sleep(1)
        assert server.process.poll() is None, "it waits for what is under way"
        open_.sendall(body[10:])
        answer = http.client.HTTPResponse(open_)
        answer.begin()
        assert (answer.status, len(json.loads(answer.read())["predictions"])) == (200, len(ROWS))
    assert server.process.wait(30) == 0, server.log.read_text()


def test_model_whose_bytes_changed_is_refused_and_nothing_is_served(spoilt):
    code, said = spoilt("saved_model.pb", b"other")
    assert code == 3
    assert "bytes are not those that were deployed" in said
    assert "Traceback" not in said


def test_model_that_another_key_signed_is_refused(spoilt, tmp_path):
    new_key_pair(tmp_path / "o.pem", tmp_path / "o.pub", None)
    code, said = spoilt("", b"", PENSTOCK_PUBLIC_KEY=public_key_text(tmp_path / "o.pub"))
    assert code == 3
    assert "this key did not sign it" in said


@pytest.mark.parametrize("variant", ["serving", "lambda"])
def test_self_test_passes(serving, lambda_, variant):
    content = Content(variant, f"{ARGUMENTS['BASE_NAME']}@{ARGUMENTS['BASE_DIGEST']}", "aa", "bb", "cc")
    command = verify_commands("docker", content, "penstock")[1]
    words = command[command.index("--entrypoint") + 1 :]
    words.remove("penstock")
    done = {"serving": serving, "lambda": lambda_}[variant].run(words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answer"] == [{"double": 3.0}, {"double": -4.0}]


class RuntimeApi(ThreadingHTTPServer):
    """Lambda's side of the runtime interface: hands out events, and keeps what is answered.

    Source: "Using the Lambda runtime API", AWS Lambda Developer Guide.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Runtime)
        self.events, self.answers = queue.Queue(), queue.Queue()

    def invoke(self, event, timeout_s=60):
        """Path and content of what the function answers."""
        self.events.put(event)
        return self.answers.get(timeout=timeout_s)


class _Runtime(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        assert self.path == "/2018-06-01/runtime/invocation/next"
        event = json.dumps(self.server.events.get()).encode()
        self.send_response(200)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "request-1",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:returns",
            "Content-Type": "application/json",
            "Content-Length": str(len(event)),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.answers.put((self.path.removeprefix("/2018-06-01/runtime/"), json.loads(body)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def function(lambda_, tmp_path):
    """Starts the function; gives Lambda's side of it."""
    with contextlib.ExitStack() as stack:

        def start(**environment):
            api = stack.enter_context(RuntimeApi())
            stack.callback(api.shutdown)
            threading.Thread(target=api.serve_forever, daemon=True).start()
            address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}"}
            process = lambda_.start([*lambda_.entrypoint, *lambda_.words], tmp_path / "log", **address, **environment)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return api

        yield start


def test_function_answers_events_as_lambda_hands_them_out(function, lambda_, model, tmp_path):
    assert lambda_.user == "10001"
    unpacked(lambda_, model, tmp_path)
    api = function()
    path, answer = api.invoke({"body": json.dumps({"instances": INSTANCES}), "isBase64Encoded": False})
    assert (path, answer["statusCode"]) == ("invocation/request-1/response", 200), answer
    scores = [prediction["scores"] for prediction in json.loads(answer["body"])["predictions"]]
    np.testing.assert_allclose(scores, expected_scores(model[1], ROWS), rtol=1e-5)
    path, answer = api.invoke({"body": "{"})
    assert (path, answer["statusCode"]) == ("invocation/request-1/response", 400)


def test_model_that_is_not_there_is_the_functions_error(function):
    path, answer = function(PENSTOCK_MODEL_DIR="/nowhere").invoke({"instances": INSTANCES})
    assert (path, answer["errorType"]) == ("invocation/request-1/error", "ModelRefused")
