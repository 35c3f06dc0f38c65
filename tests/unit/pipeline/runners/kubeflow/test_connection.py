"""What a server that is not as it should be is told as, by the real client against a server of a few lines."""

import contextlib
import dataclasses
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kfp_server_api
import pytest
from certificates import write_certificates
from kubeflow_config import SETTINGS

from pipeline.errors import ConfigError, NotFound, PlatformBusy, PlatformRefused
from pipeline.runners.kubeflow import connection
from pipeline.runners.kubeflow.api import KubeflowApi, make_api

PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"


class Server(ThreadingHTTPServer):
    """Answers as it is told: to the question whether it is well, to what is posted, and to all else."""

    daemon_threads = True
    health, answer, posted = (200, b'{"multi_user": true}', {}), (200, b"{}", {}), None
    health_delay_s = delay_s = 0.0
    seen = None

    def settings(self, scheme="http"):
        return dataclasses.replace(SETTINGS, endpoint=f"{scheme}://127.0.0.1:{self.server_port}", namespace="team")


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Says nothing."""

    def do_GET(self):
        if self.path.endswith("/healthz"):
            self.say(*self.server.health, self.server.health_delay_s)
        else:
            self.say(*self.server.answer, self.server.delay_s)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.say(*(self.server.posted or self.server.answer), self.server.delay_s)

    def say(self, status, body, headers, delay_s):
        self.server.seen = self.headers
        time.sleep(delay_s)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)


@pytest.fixture
def server():
    made = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ((200, PAGE, {"Content-Type": "text/html"}), PlatformRefused, "a page for people.*/pipeline.*Sign in"),
        ((302, b"", {"Location": "https://id.example.com/dex"}), PlatformRefused, "on to https://id.example.com/dex"),
        ((401, b'{"message": "expired"}', {}), PlatformRefused, "answered 401 .*expired.* Sign in"),
        ((403, PAGE, {}), PlatformRefused, "answered 403 .*: a page for people.* Ask for the role kubeflow-edit"),
        ((404, PAGE, {}), NotFound, r"answered 404 .*the path in kubeflow\.endpoint"),
        ((502, PAGE, {}), PlatformBusy, "answered 502 .*: a page for people. Do the same again in a minute"),
        ((500, b"caf\xe9", {}), PlatformRefused, "cannot read"),
        ((200, b'{"multi_user": tru', {}), PlatformRefused, "half an answer"),
    ],
)
def test_an_answer_to_the_first_question_that_is_none_is_told_with_what_to_do(server, answer, kind, told):
    server.health = answer
    with pytest.raises(kind, match=told):
        make_api(server.settings(), {})


def test_who_was_signed_out_meanwhile_is_told_so_and_no_id_is_made_up_from_a_page(server):
    api = make_api(server.settings(), {})
    server.answer = (200, PAGE, {"Content-Type": "text/html"})
    for ask in (
        lambda: api.pipeline_id("x"),
        lambda: api.known_experiment("x"),
        lambda: api.experiment("x"),
        lambda: api.start("x", "e", ("p", "v"), {}),
        lambda: api.run("r"),
        lambda: api.terminate("r"),
    ):
        with pytest.raises(PlatformRefused, match="a page for people"):
            ask()


def test_an_answer_without_the_id_of_what_was_made_is_no_answer(server):
    api = make_api(server.settings(), {})
    with pytest.raises(PlatformRefused, match=r"Could not start run 'x': the answer has no run_id"):
        api.start("x", "e", ("p", "v"), {})


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(server, monkeypatch):
    monkeypatch.setattr(connection, "_ANSWER_S", (0.1, 0.1))
    api = make_api(server.settings(), {})
    server.delay_s = 5.0
    with pytest.raises(PlatformBusy, match=r"did not answer in time.* penstock status before you ask for it again"):
        api.start("x", "e", ("p", "v"), {})
    monkeypatch.setattr(connection, "_HEALTH_S", (0.1, 0.1))
    server.health_delay_s = 5.0
    with pytest.raises(PlatformBusy, match=r"Could not sign in: .* did not answer in time"):
        make_api(server.settings(), {})


def test_an_upload_that_is_refused_without_a_reason_is_told_where_the_reason_is(server):
    """The server says no more where rights are missing (pipeline_upload_server.go), and says it with 400."""
    api = make_api(server.settings(), {})
    said = {"error_message": "Failed to create a pipeline", "error_details": "Failed to create a pipeline"}
    server.posted = (400, json.dumps(said).encode(), {})
    with pytest.raises(PlatformRefused, match=r"the log of the deployment ml-pipeline does.* kubeflow-edit"):
        api.upload("x", "v", "a: 1\n")


@pytest.mark.parametrize("variable", ["PENSTOCK_KFP_TOKEN", "PENSTOCK_KFP_COOKIE"])
def test_proof_of_who_asks_may_end_in_a_line_break_and_have_none_within(server, variable):
    make_api(server.settings(), {variable: "abc\n"})
    assert "abc" in (server.seen["Authorization"] or "") + (server.seen["Cookie"] or "")
    with pytest.raises(ConfigError, match=rf"\${variable} holds a line break"):
        make_api(server.settings(), {variable: "abc\r\nX-Other: 1"})


def test_a_pods_token_that_is_not_there_is_told(server, tmp_path, monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    with pytest.raises(ConfigError, match="The token of this pod cannot be read"):
        make_api(server.settings(), {"KF_PIPELINES_SA_TOKEN_PATH": str(tmp_path / "token")})


def test_a_server_with_a_certificate_of_ones_own_authority_is_reached_if_that_is_named(server, tmp_path):
    certificates = write_certificates(tmp_path / "certificates")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    settings = server.settings("https")
    server.answer = (200, b'{"pipelines": [{"pipeline_id": "p1"}]}', {})
    assert make_api(settings, {"PENSTOCK_KFP_CA": str(certificates.ca)}).pipeline_id("x") == "p1"
    for other in ({}, {"PENSTOCK_KFP_CA": str(certificates.stranger)}):
        with pytest.raises(PlatformBusy, match=r"authorities that sign its certificate in \$PENSTOCK_KFP_CA"):
            make_api(settings, other)
    with pytest.raises(ConfigError, match="which is no file here"):
        make_api(settings, {"PENSTOCK_KFP_CA": str(tmp_path / "none.pem")})


class Taken:
    """A client to whom somebody else is always a moment ahead: what is not there when it looks is when it makes it."""

    def __init__(self):
        self.there = {}

    def _listed(self, kind):
        found = self.there.get(kind)
        return {kind: [found] if found else [], "next_page_token": ""}

    def list_pipelines(self, **_):
        return self._listed("pipelines")

    def list_pipeline_versions(self, **_):
        return self._listed("pipeline_versions")

    def upload_pipeline(self, **_):
        self._make("pipelines", {"pipeline_id": "theirs"})

    def upload_pipeline_version(self, **_):
        self._make("pipeline_versions", {"pipeline_version_id": "theirs-too"})

    def create_experiment(self, **_):
        if "experiments" not in self.there:
            self._make("experiments", {"experiment_id": "ours"})
        return self.there["experiments"]

    def _make(self, kind, made):
        self.there[kind] = made
        raise kfp_server_api.ApiException(status=409, reason="Conflict")


def test_two_who_submit_the_same_new_pipeline_at_once_both_have_it():
    api = KubeflowApi(Taken(), SETTINGS)
    assert api.upload("x", "v1", "a: 1\n") == ("theirs", "theirs-too")
    assert api.experiment("x") == "ours"


def test_a_conflict_about_something_else_stays_one():
    client = Taken()
    client.list_pipelines = lambda **_: {"pipelines": [], "next_page_token": ""}
    with pytest.raises(PlatformRefused, match="answered 409 Conflict"):
        KubeflowApi(client, SETTINGS).upload("x", "v1", "a: 1\n")
