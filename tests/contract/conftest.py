"""What a runner needs to be put through the contract: how to make one that works on this machine."""

import dataclasses
import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tiny_nodes_compile import compile_tiny, compile_what_is_asked

from pipeline.run_store import RunStore
from pipeline.runners.base import Capabilities, Document, Runner
from pipeline.runners.local import LocalRunner, RunOptions
from pipeline.runners.registry import RUNNERS, capabilities_of, runners_with
from pipeline.runners.warm import WarmProcess

RUNNING = runners_with("runs_here")


@dataclasses.dataclass
class Harness:
    """A runner under test, its pipelines and its lineage; `runner` is None if its runs need a platform.

    `compile` compiles in one process for all tests, `compile_elsewhere` in a process of its own.
    """

    name: str
    capabilities: Capabilities
    compile: Callable[..., Document]
    compile_elsewhere: Callable[[], Document]
    runner: Callable[..., Runner] | None
    store: RunStore


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> WarmProcess:
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


@pytest.fixture(scope="session")
def compiler(warm: WarmProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Document]]:
    """Compiles in one fork for all tests: to begin one takes ten times as long as to compile."""
    here, there = multiprocessing.Pipe()
    call = warm.start(compile_what_is_asked, there, log_path=tmp_path_factory.mktemp("compiler") / "compile.log")
    there.close()

    def compile_document(*asked: Any) -> Document:
        here.send(asked)
        answer = here.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    yield compile_document
    here.send(None)
    call.result()


@pytest.fixture(params=sorted(RUNNERS))
def harness(request: pytest.FixtureRequest, warm: WarmProcess, compiler: Any, tmp_path: Any) -> Harness:
    """Every runner, for what it compiles."""
    return make_harness(request.param, warm, compiler, tmp_path)


@pytest.fixture(params=sorted(RUNNING))
def running(request: pytest.FixtureRequest, warm: WarmProcess, compiler: Any, tmp_path: Any) -> Harness:
    """The runners that carry a run out on this machine."""
    return make_harness(request.param, warm, compiler, tmp_path)


def make_harness(name: str, warm: WarmProcess, compiler: Callable[..., Document], tmp_path: Any) -> Harness:
    store, artifacts = RunStore(tmp_path / "root"), tmp_path / "artifacts"
    makers = {"local": lambda **options: LocalRunner(store, warm, RunOptions(**options))}
    return Harness(
        name,
        capabilities_of(name),
        lambda **options: compiler(name, artifacts, options),
        lambda: warm.call(compile_tiny, name, artifacts, {}, log_path=tmp_path / "compile.log"),
        makers.get(name),
        store,
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which runners were not run here, and why."""
    for name in sorted(set(RUNNERS) - set(RUNNING)):
        terminalreporter.write_line(
            f"contract: only what {name} compiles is held to it here; its runs need a platform, and are tested on "
            "stand-ins in tests/integration (make test)."
        )
