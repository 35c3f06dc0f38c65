"""What a runner needs to be put through the contract: how to make one that works on this machine."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from tiny_nodes_compile import compile_tiny

from pipeline.run_store import RunStore
from pipeline.runners.base import Capabilities, Document, Runner
from pipeline.runners.local import LocalRunner, RunOptions
from pipeline.runners.registry import RUNNERS, capabilities_of, runners_with
from pipeline.runners.warm import WarmProcess

RUNNING = runners_with("runs_here")


@dataclasses.dataclass
class Harness:
    """A runner under test, its pipelines and its lineage; `runner` is None if its runs need a platform."""

    name: str
    capabilities: Capabilities
    compile: Callable[..., Document]
    runner: Callable[..., Runner] | None
    store: RunStore


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> WarmProcess:
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


@pytest.fixture(params=sorted(RUNNERS))
def harness(request: pytest.FixtureRequest, warm: WarmProcess, tmp_path: Any) -> Harness:
    """Every runner, for what it compiles."""
    return make_harness(request.param, warm, tmp_path)


@pytest.fixture(params=sorted(RUNNING))
def running(request: pytest.FixtureRequest, warm: WarmProcess, tmp_path: Any) -> Harness:
    """The runners that carry a run out on this machine."""
    return make_harness(request.param, warm, tmp_path)


def make_harness(name: str, warm: WarmProcess, tmp_path: Any) -> Harness:
    store = RunStore(tmp_path / "root")

    def compile_document(**options: Any) -> Document:
        return warm.call(compile_tiny, name, tmp_path / "artifacts", options, log_path=tmp_path / "compile.log")

    makers = {"local": lambda **options: LocalRunner(store, warm, RunOptions(**options))}
    return Harness(name, capabilities_of(name), compile_document, makers.get(name), store)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which runners were not run here, and why."""
    for name in sorted(set(RUNNERS) - set(RUNNING)):
        terminalreporter.write_line(
            f"contract: only what {name} compiles is held to it here; its runs need a platform, and are tested on "
            "stand-ins in tests/integration (make test)."
        )
