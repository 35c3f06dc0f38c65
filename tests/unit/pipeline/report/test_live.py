"""The server of a running run: what it answers, to whom, and when it ends."""

import contextlib
import dataclasses
import http.client
import json
import socket
import threading
import time

import pytest
from run_folders import RunFolder

from pipeline.report.live import LivePage, LiveServer, serve
from pipeline.run_store import NodeRecord


@pytest.fixture
def running(tmp_path):
    """A run that holds its store."""
    run = RunFolder(tmp_path, state="RUNNING", node_ids=("A", "B"))
    log = run.store.log_path("run-1", "A", 1)
    log.parent.mkdir()
    log.write_text("<b>line</b>")
    (log.parent / "link.log").symlink_to("/etc/hostname")
    with run.store.lock("run-1", wait=False):
        yield run


@pytest.fixture
def server(running):
    with started(LiveServer(LivePage(running.store, "run-1"), 0)) as server:
        yield server


@contextlib.contextmanager
def started(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with server:
        yield server
        server.shutdown()
        thread.join()


def ask(server, path, method="GET", host=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def changes(server, since):
    return json.loads(ask(server, f"/live.json?since={since}")[1])


def end(run, state="COMPLETE"):
    run.store.write(dataclasses.replace(run.store.read("run-1"), state=state, ended_at="2026-01-02T03:05:05+00:00"))


def test_the_page_says_that_it_is_live_and_may_ask_its_own_server_only(server):
    answer, body = ask(server, "/")
    assert answer.status == 200
    assert "The run is under way: 0 of 2 nodes done." in body
    assert "connect-src 'self'" in answer.getheader("Content-Security-Policy")
    assert "frame-ancestors 'none'" in answer.getheader("Content-Security-Policy")


def test_only_what_changed_is_sent_again(server, running):
    first = changes(server, 0)
    assert {"top", "run", "now", "contents", "statistics"} <= set(first["parts"])
    assert changes(server, first["version"])["parts"] == {}
    running.store.write(running.store.read("run-1").with_node(NodeRecord("A", "COMPLETE", wall_s=1.0)))
    second = changes(server, first["version"])
    assert {"top", "run"} <= set(second["parts"])
    assert "configuration" not in second["parts"]
    assert "1 of 2 nodes done" in second["parts"]["top"]


def test_progress_reaches_the_page_without_drawing_the_rest_anew(server, running):
    before = changes(server, 0)["version"]
    event = {
        "event": "node_progress",
        "node_id": "A",
        "done": 3,
        "total": 4,
        "unit": "epochs",
        "metrics": {"loss": 0.25},
    }
    running.store.events_path("run-1").write_text(json.dumps(event) + "\n" + '{"half a li')
    found = changes(server, before)["parts"]
    assert "3 of 4 epochs · loss 0.25" in found["now"]
    assert "statistics" not in found


def test_the_end_of_the_run_is_told_once_it_is_there(server, running):
    assert changes(server, 0)["ended"] is False
    end(running)
    assert changes(server, 0)["ended"] is True
    assert server.page.has_told_the_end


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example", "0.0.0.0", " "]
)
@pytest.mark.parametrize("path", ["/", "/live.json", "/logs/A.1.log"])
def test_other_names_of_this_machine_get_nothing(server, host, path):
    answer, body = ask(server, path, host=host)
    assert answer.status == 403
    assert "churn" not in body


def test_a_request_without_a_host_gets_nothing(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 403 " in connection.recv(200)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_but_get_is_answered(server, method):
    assert ask(server, "/", method=method)[0].status == 501


@pytest.mark.parametrize(
    "path",
    [
        "/logs/", "/logs", "/logs/../run.json", "/logs/..%2frun.json", "/logs/%2e%2e%2frun.json", "/logs/link.log",
        "/run.json", "/logs/A.1.log/", "/logs//etc/passwd", "/../../metadata.sqlite", "//etc/passwd",
        "/logs/A.1.log%00", "/live.json/x", "/index.html",
    ],
)  # fmt: skip
def test_no_other_file_and_no_list_of_files_is_given(server, path):
    answer, body = ask(server, path)
    assert (answer.status, body) == (404, "There is nothing here.")


def test_a_log_is_plain_text_to_every_browser(server):
    answer, body = ask(server, "/logs/A.1.log")
    assert (answer.status, body) == (200, "<b>line</b>")
    assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert "sandbox" in answer.getheader("Content-Security-Policy")


@pytest.mark.parametrize("since", ["", "x", "-1", "1e9", "٣", "9" * 400])
def test_a_version_that_is_none_is_no_error(server, since):
    import urllib.parse

    assert ask(server, f"/live.json?since={urllib.parse.quote(since)}")[0].status == 200


def test_it_listens_on_this_machine_only(server):
    assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_an_error(server, running):
    with pytest.raises(OSError, match="in use"):
        LiveServer(LivePage(running.store, "run-1"), server.server_port)


def test_serving_ends_with_the_run_when_nobody_looks(running):
    server, told = LiveServer(LivePage(running.store, "run-1"), 0), []
    thread = threading.Thread(target=serve, args=(server, told.append), kwargs={"look_every_s": 0.02})
    thread.start()
    time.sleep(0.2)
    assert thread.is_alive()
    end(running)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert told == [server.address]


def test_an_open_page_hears_of_the_end_before_the_server_goes(running):
    server = LiveServer(LivePage(running.store, "run-1"), 0)
    thread = threading.Thread(target=serve, args=(server, lambda _: None), kwargs={"look_every_s": 0.02})
    thread.start()
    changes(server, 0)
    end(running)
    time.sleep(0.3)
    assert thread.is_alive()
    assert changes(server, 0)["ended"] is True
    thread.join(timeout=60)
    assert not thread.is_alive()
