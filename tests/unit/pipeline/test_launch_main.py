"""`python -m pipeline.launch` refuses bad arguments, all at once, before anything slow; and its exit codes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import launch
from pipeline.cache_policy import NodePolicy
from pipeline.errors import ConfigError
from pipeline.launch import job
from pipeline.metadata import connection_config

ROOT = Path(__file__).parents[3]
STORE = "sqlite:////store/metadata.sqlite"


@pytest.fixture
def ir(tmp_path):
    nodes = [{"pipelineNode": {"nodeInfo": {"id": name}}} for name in ("MakeNumber", "Double")]
    path = tmp_path / "ir.json"
    path.write_text(json.dumps({"nodes": nodes}))
    return str(path)


@pytest.fixture
def launched(monkeypatch):
    """The requests that reach the launcher, and the outcomes to answer with, by node."""
    requests, failures = [], {}

    def run_node(request, node_id, sharing=None):
        requests.append((node_id, request))
        failure = failures.get(node_id)
        return launch.NodeOutcome(node_id, "FAILED" if failure else "COMPLETE", 7, failure=failure)

    monkeypatch.setattr(job, "run_node", run_node)
    monkeypatch.setattr(sys, "argv", ["launch.py", "--not-for-executors"])
    monkeypatch.setenv("PENSTOCK_SCRATCH", "/scratch")
    return requests, failures


def arguments(ir, nodes="MakeNumber,Double", metadata=STORE, *more):
    return ["--ir", ir, "--nodes", nodes, "--run-id", "run-1", "--metadata", metadata, *more]


def test_the_arguments_become_a_request_and_nodes_run_in_the_order_given(ir, launched, capsys):
    more = ("--param", "value=5", "--param", "path=a=b", "--param", "empty=")
    assert launch.main(arguments(ir, "Double,MakeNumber", STORE, *more)) == 0
    requests, _ = launched
    assert [node_id for node_id, _ in requests] == ["Double", "MakeNumber"]
    assert requests[0][1] == launch.LaunchRequest(
        ir,
        ("Double", "MakeNumber"),
        "run-1",
        STORE,
        {"value": "5", "path": "a=b", "empty": ""},
        scratch=Path("/scratch"),
    )
    assert capsys.readouterr().out == "NODE Double COMPLETE execution 7\nNODE MakeNumber COMPLETE execution 7\n"
    assert sys.argv == ["launch.py"], "TFX would hand our arguments to executors"


def test_a_platform_is_told_of_every_node_that_has_ended_however_it_did(ir, launched):
    _, failures = launched
    failures["Double"] = launch.Failure("gate", "the gate says no")
    told = []
    assert launch.main(arguments(ir), told=lambda request, outcome: told.append((request.run_id, outcome.state))) == 4
    assert told == [("run-1", "COMPLETE"), ("run-1", "FAILED")]


@pytest.mark.parametrize(("kind", "code"), [("data", 4), ("gate", 4), ("other", 3)])
def test_a_failing_node_ends_the_launch_with_its_exit_code_and_message(ir, launched, capsys, kind, code):
    requests, failures = launched
    failures["MakeNumber"] = launch.Failure(kind, "the number is odd")
    assert launch.main(arguments(ir)) == code
    assert [node_id for node_id, _ in requests] == ["MakeNumber"]
    assert capsys.readouterr().err == "the number is odd\n"


def test_every_argument_that_makes_no_sense_is_reported_and_nothing_runs(ir, launched):
    with pytest.raises(ConfigError) as refused:
        launch.main(arguments(ir, "MakeNumber,Treble", "file:///db", "--param", "value", "--decide", "Trebel"))
    assert refused.value.problems == [
        "--nodes Treble: the pipeline has no such node; it has MakeNumber, Double.",
        "--param value: expected NAME=VALUE.",
        "--metadata file:///db: expected sqlite:////absolute/path, mysql://user@host:port/database or "
        "secretsmanager:NAME.",
        "--decide Trebel: the pipeline has no such node; it has MakeNumber, Double.",
        "--decide: say where to write what is decided, with --decisions DIR.",
    ]
    assert launched[0] == []


def test_a_store_at_a_relative_path_is_refused(ir, launched):
    with pytest.raises(ConfigError, match="absolute"):
        launch.main(arguments(ir, metadata="sqlite:///metadata.sqlite"))


def test_a_missing_pipeline_is_named(launched, tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.json: cannot be read"):
        launch.main(arguments(str(tmp_path / "gone.json")))


def test_an_argument_that_is_left_out_is_refused_with_the_usage(ir, launched):
    with pytest.raises(
        ConfigError, match=r"required: --nodes, --run-id, --metadata\. usage: python -m pipeline.launch"
    ):
        launch.main(["--ir", ir])


def test_the_reason_of_a_failing_node_is_left_where_the_platform_looks_for_it(ir, launched, tmp_path):
    launched[1]["MakeNumber"] = launch.Failure("other", "ValueError: odd", "nodes.py:3 in Do: raise")
    assert launch.main(arguments(ir), tmp_path) == 3
    for name in ("failure", "message"):
        assert (tmp_path / "output" / name).read_text() == "MakeNumber: ValueError: odd (nodes.py:3 in Do: raise)"


def test_arguments_that_make_no_sense_are_told_to_the_platform_too(ir, launched, tmp_path):
    with pytest.raises(ConfigError):
        launch.main(arguments(ir, "Treble"), tmp_path)
    assert (tmp_path / "output/failure").read_text().startswith("--nodes Treble: the pipeline has no such node")


def test_a_defect_of_the_launcher_is_told_to_the_platform_too(ir, launched, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "run_node", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        launch.main(arguments(ir), tmp_path)
    assert (tmp_path / "output/failure").read_text() == "ZeroDivisionError: division by zero"


def test_where_there_is_no_platform_nothing_is_written(ir, launched, tmp_path):
    launched[1]["MakeNumber"] = launch.Failure("other", "odd")
    assert launch.main(arguments(ir), tmp_path / "none") == 3
    assert not (tmp_path / "none").exists()


def test_without_decisions_a_node_that_waits_for_approval_ends_the_launch_with_exit_code_8(ir, launched):
    launched[1]["MakeNumber"] = launch.Failure("approval", "somebody must look")
    assert launch.main(arguments(ir)) == 8


def test_sigterm_ends_the_launch_with_a_reason_and_what_handled_it_before_handles_it_again(
    ir, launched, tmp_path, monkeypatch, capsys
):
    before = signal.getsignal(signal.SIGTERM)
    swallowed = []

    def interrupted(*_):
        try:
            signal.raise_signal(signal.SIGTERM)
        except Exception as error:
            swallowed.append(error)

    monkeypatch.setattr(job, "run_node", interrupted)
    assert launch.main(arguments(ir), tmp_path) == 143
    assert (tmp_path / "output/failure").read_text().startswith("Interrupted by SIGTERM.")
    assert swallowed == [], "an executor that catches every exception must not go on"
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("path", ["/a#b/metadata.sqlite", "/a?b/metadata.sqlite", "/a%20b/é.sqlite"])
def test_the_stores_path_is_taken_as_it_stands(path):
    assert connection_config(f"sqlite:///{path}", writable=True).sqlite.filename_uri == path


def test_the_program_ends_with_exit_code_2_and_a_message_without_traceback(ir):
    command = [sys.executable, "-m", "pipeline.launch", *arguments(ir, "Treble")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr == "--nodes Treble: the pipeline has no such node; it has MakeNumber, Double.\n"


def test_caching_reaches_the_launcher_and_nonsense_does_not(ir, launched):
    policy = '{"Double": {"cache": false}, "MakeNumber": {"cache_ttl_hours": 24}}'
    assert launch.main(arguments(ir, "Double", STORE, "--caching", policy)) == 0
    ((_, request),) = launched[0]
    assert request.caching.of("Double") == NodePolicy(cache=False)
    assert request.caching.of("MakeNumber") == NodePolicy(cache_ttl_hours=24)
    assert request.index_path == Path("/store/fingerprints.json")
    for nonsense in ("[]", "{", '{"Double": {"ttl": 3}}', '{"Duble": {}}', '{"Double": {"cache_ttl_hours": 0}}'):
        with pytest.raises(ConfigError, match="--caching"):
            launch.main(arguments(ir, "Double", STORE, "--caching", nonsense))
