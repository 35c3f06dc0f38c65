"""`python -m pipeline.launch` as an orchestrator uses it, on nodes of a moment; every start is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_nodes_compile import compile_tiny

from pipeline import launch
from pipeline.errors import ConfigError
from pipeline.runners.warm import WarmProcess

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
NODES = "MakeNumber,Double,Report"


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


class Launches:
    """Starts of the launcher in one store, whose path holds what has a meaning in URIs."""

    def __init__(self, warm, folder):
        self._warm, self.folder, self.log = warm, folder, folder / "launch.log"
        self.store = folder / "a#b?c" / "metadata.sqlite"
        self.store.parent.mkdir()

    def compile(self, **options):
        document = self._warm.call(compile_tiny, "local", self.folder / "artifacts", options, log_path=self.log)
        (self.folder / "ir.json").write_text(document.text)

    def arguments(self, *more, nodes=NODES, run_id="run-1"):
        ir, uri = str(self.folder / "ir.json"), f"sqlite:///{self.store}"
        return ["--ir", ir, "--nodes", nodes, "--run-id", run_id, "--metadata", uri, *more]

    def start(self, *more, **options):
        """The exit code of a start in a fork of the warm process."""
        return self._warm.call(launch.main, self.arguments(*more, **options), log_path=self.log)

    def start_program(self, *more):
        """The ended process of a start as an orchestrator makes it."""
        command = [sys.executable, "-m", "pipeline.launch", *self.arguments(*more)]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests/fixtures")])
        environment = {**os.environ, "PYTHONPATH": paths}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def doubles(self):
        """How often Double was carried out."""
        marker = self.folder / "artifacts" / "marker"
        return marker.read_text().count("started") if marker.exists() else 0


@pytest.fixture
def launches(warm, tmp_path):
    return Launches(warm, tmp_path)


def test_a_node_that_is_finished_is_not_started_again(launches):
    launches.compile()
    first = launches.start_program()
    assert first.returncode == 0, first.stderr
    assert "NODE Double COMPLETE execution 2\n" in first.stdout
    assert "REPORT 42" in first.stdout
    assert launches.store.is_file()
    for _ in range(2):
        launches.log.write_text("")
        assert launches.start() == 0
        assert "NODE Double COMPLETE execution 2\n" in launches.log.read_text()
        assert "REPORT" not in launches.log.read_text()
    assert launches.doubles() == 1


@pytest.mark.parametrize(("mode", "code"), [("raise", 3), ("bad_data", 4), ("refuse", 4)])
def test_a_node_that_fails_ends_the_launch_with_its_exit_code(launches, mode, code):
    launches.compile(mode=mode)
    assert launches.start() == code
    log = launches.log.read_text()
    assert "NODE MakeNumber COMPLETE" in log
    assert "NODE Double FAILED" in log
    assert "NODE Report" not in log


@pytest.mark.parametrize(("mode", "kept"), [("raise", []), ("refuse", ["ABANDONED"])])
def test_only_a_gate_that_refuses_leaves_what_it_wrote(launches, mode, kept):
    launches.compile(mode=mode)
    launches.start()
    outputs = [artifact for artifact in lineage(launches.store).outputs_of_run("run-1") if artifact.key == "doubled"]
    assert [artifact.state for artifact in outputs] == kept
    written = [path for path in (launches.folder / "artifacts/Double/doubled").rglob("*") if path.is_file()]
    assert len(written) == len(kept)


def test_what_a_refusing_gate_wrote_is_taken_by_no_node(launches):
    launches.compile(mode="refuse")
    launches.start()
    launches.compile(mode="")
    assert launches.start() == 0
    assert "REPORT 42" in launches.log.read_text()


def test_a_resolver_or_importer_that_is_started_again_in_its_run_keeps_what_it_found(launches):
    launches.compile(with_system_nodes=True)
    assert launches.start(nodes="MakeNumber", run_id="run-1") == 0
    assert launches.start(nodes="Earlier,Given", run_id="run-2") == 0
    found = launches.log.read_text()
    launches.compile(with_system_nodes=True, value=3)
    assert launches.start(nodes="MakeNumber", run_id="run-3") == 0
    launches.log.write_text("")
    assert launches.start(nodes="Earlier,Given", run_id="run-2") == 0
    said = [line for line in launches.log.read_text().splitlines() if line.startswith("NODE ")]
    assert len(said) == 2
    assert all(line in found for line in said), "another execution"
    snapshot = lineage(launches.store).snapshot()
    assert len(snapshot.executions) == 4
    assert len({event.artifact_id for event in snapshot.events if event.kind == "resolved"}) == 1


def lineage(store):
    from pipeline.metadata import LineageStore

    return LineageStore(f"sqlite:///{store}")


def test_a_parameter_of_the_command_line_reaches_the_node(launches):
    launches.compile(with_parameter=True)
    assert launches.start("--param", "value=5") == 0
    assert "REPORT 10" in launches.log.read_text()


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        ("valeu=5", "--param valeu: the pipeline has no such parameter; it has: value"),
        ("value=five", "--param value: expected INT, found 'five'."),
        ("value", "--param value: expected NAME=VALUE."),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_before_anything_runs(launches, parameter, problem):
    launches.compile(with_parameter=True)
    with pytest.raises(ConfigError) as refused:
        launches.start("--param", parameter)
    assert len(refused.value.problems) == 1
    assert str(refused.value).startswith(problem)
    assert refused.value.exit_code == 2
    assert not launches.store.exists()


def test_a_wrong_parameter_ends_the_program_with_exit_code_2(launches):
    launches.compile()
    answer = launches.start_program("--param", "value=5")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1].startswith("--param value: the pipeline has no such parameter; it has: ")
    assert "Traceback" not in answer.stderr
    assert not launches.store.exists()
