"""What a cluster does with our document for Kubeflow Pipelines that other platforms do not do, or do otherwise.

That runs there keep the promises of all runners: test_contract_on_platforms.py; that they make the same as runs on this
machine: test_platforms_match.py.
"""

import http.server
import itertools
import json
import threading

import pytest
from kubeflow_pods import HURRY
from run_contract import NODES, executions_of, value_of

from pipeline.aws_settings import ResourceLine
from pipeline.kubeflow_settings import Secret
from pipeline.metadata import LineageStore

pytestmark = pytest.mark.integration

CONTEXTS = ("node", "pipeline", "pipeline_run")


@pytest.fixture
def told():
    """What is told, and the URL where."""
    messages = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield messages, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def configure(on_cluster, url, line):
    """Gives Double that line, and runs somebody who is told of their ends."""
    on_cluster.place.add_secret("notices", {"url": url})
    secrets = (*on_cluster.place.config.kubeflow.secrets, Secret("notices", environment={"NOTICES": "url"}))
    on_cluster.change({"Double": line}, secrets=secrets, notify_variable="NOTICES")


def test_a_node_beyond_its_time_is_ended_and_tried_again_and_who_wants_to_know_is_told_of_the_end(on_cluster, told):
    messages, url = told
    configure(on_cluster, url, ResourceLine(retries=1, timeout_s=120))
    ended = on_cluster.carry_out(on_cluster.compile(mode="sleep_once"))
    assert on_cluster.status(ended.handle).state == "COMPLETE", ended
    first, second = on_cluster.place.jobs()["Double"]
    assert (first["exit_code"], second["exit_code"]) == (143, 0)
    assert first["ended"] - first["started"] >= 120 / HURRY
    assert "longer than the specified deadline" in first["reason"]
    assert executions_of(on_cluster.store_uri, ended.handle.run_id) == {node_id: ["COMPLETE"] for node_id in NODES}
    assert value_of(on_cluster, ended) == 42
    assert [(told["run_id"], told["state"]) for told in messages] == [(ended.handle.run_id, "SUCCEEDED")]
    check_shown(on_cluster.place, ended.handle.run_id)


def check_shown(place, run_id):
    """What Kubeflow's UI is given of a run that has ended well."""
    for node_id in NODES:
        shown = place.shown(node_id)
        assert f"<h1>{node_id}</h1>" in shown.text("card")
        assert "ran in this run" in shown.text("card")
        assert f"penstock report {run_id} --runner kubeflow" in shown.text("links")
        assert set(shown.metadata()["metrics"]) == {"wall_s", "cpu_s", "peak_memory_mb"}
    made, read = place.shown("Double").text("card").split(">What it read</h2>")
    for part, key in ((made, "doubled"), (read, "number")):
        assert part.count(f"<code>{place.config.kubeflow.root}/artifacts/") == 1
        assert f">{key}</th>" in part
    report = place.farewell().text("report")
    assert f"Run {run_id}" in report
    for node_id in NODES:
        assert f'id="node-{node_id}"' in report


def test_a_node_that_fails_is_tried_as_often_as_its_line_says_with_growing_waits(on_cluster, told):
    messages, url = told
    configure(on_cluster, url, ResourceLine(retries=2))
    ended = on_cluster.carry_out(on_cluster.compile(mode="raise"))
    assert on_cluster.status(ended.handle).state == "FAILED"
    attempts = on_cluster.place.jobs()["Double"]
    assert [attempt["exit_code"] for attempt in attempts] == [3, 3, 3]
    waits = [after["started"] - before["ended"] for before, after in itertools.pairwise(attempts)]
    assert waits[0] >= 30 / HURRY
    assert waits[1] >= 60 / HURRY
    assert executions_of(on_cluster.store_uri, ended.handle.run_id)["Double"] == ["FAILED"], "one execution, tried anew"
    assert "Report" not in on_cluster.place.jobs()
    assert [told["state"] for told in messages] == ["FAILED"]
    assert "the number is odd in a strange way" in on_cluster.place.shown("Double").text("card")
    report = on_cluster.place.farewell().text("report")
    assert "The run failed in Double, so nothing was pushed." in report
    assert "the number is odd in a strange way" in report


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_three_nodes_that_start_at_once_on_an_empty_database_make_one_lineage(on_cluster, attempt):
    del attempt
    ended = on_cluster.carry_out(on_cluster.compile(with_system_nodes=True))
    assert on_cluster.status(ended.handle).state == "COMPLETE", ended
    jobs = on_cluster.place.jobs()
    first = [jobs[node_id][0] for node_id in ("MakeNumber", "Earlier", "Given")]
    assert max(job["started"] for job in first) < min(job["ended"] for job in first), "they ran one after the other"
    states = executions_of(on_cluster.store_uri, ended.handle.run_id)
    assert states.pop("Earlier") in (["COMPLETE"], ["FAILED"]), "whether it finds a number depends on who is first"
    assert states == {node_id: ["COMPLETE"] for node_id in (*NODES, "Given")}
    store = LineageStore(on_cluster.store_uri).ml_metadata
    contexts = {kind: [found.name for found in store.get_contexts_by_type(kind)] for kind in CONTEXTS}
    nodes = sorted(f"tiny.{node_id}" for node_id in ("Earlier", "Given", *NODES))
    assert sorted(contexts.pop("node")) == nodes
    assert contexts == {"pipeline": ["tiny"], "pipeline_run": [ended.handle.run_id]}
    for types in (store.get_execution_types(), store.get_artifact_types(), store.get_context_types()):
        names = [found.name for found in types]
        assert len(names) == len(set(names))
    assert value_of(on_cluster, ended) == 42
