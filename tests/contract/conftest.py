"""What a runner needs to be put through the contract: what compiles it, and how one works that runs on this machine."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from run_contract import Ended
from tiny_compiler import compiler_in
from tiny_nodes_compile import compile_tiny

from pipeline.errors import NodeFailed
from pipeline.run_store import RunStore
from pipeline.runners.base import Capabilities, Document, RunHandle, RunStatus
from pipeline.runners.local import LocalRunner, RunOptions
from pipeline.runners.registry import RUNNERS, capabilities_of, runners_with
from pipeline.runners.warm import WarmProcess

HERE = runners_with("runs_here")


@dataclasses.dataclass
class Harness:
    """A runner under test; `compile` compiles in one process for all tests, `compile_elsewhere` in one of its own."""

    name: str
    capabilities: Capabilities
    compile: Callable[..., Document]
    compile_elsewhere: Callable[[], Document]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> WarmProcess:
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


@pytest.fixture(scope="session")
def compiler(warm: WarmProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Document]]:
    with compiler_in(warm, tmp_path_factory.mktemp("compiler") / "compile.log") as compile_document:
        yield compile_document


@pytest.fixture(params=sorted(RUNNERS))
def harness(request: pytest.FixtureRequest, warm: WarmProcess, compiler: Any, tmp_path: Path) -> Harness:
    """Every runner."""
    name, artifacts, log = request.param, tmp_path / "artifacts", tmp_path / "compile.log"
    return Harness(
        name,
        capabilities_of(name),
        lambda **options: compiler(name, artifacts, options),
        lambda: warm.call(compile_tiny, name, artifacts, {}, log_path=log),
    )


@pytest.fixture(params=sorted(HERE))
def running(request: pytest.FixtureRequest, warm: WarmProcess, compiler: Any, tmp_path: Path) -> "OnThisMachine":
    """The runners that carry a run out on this machine; those of platforms are in tests/integration."""
    return OnThisMachine(request.param, warm, compiler, tmp_path)


class OnThisMachine:
    """See `run_contract.Running`."""

    killed = "SIGKILL"

    def __init__(self, name: str, warm: WarmProcess, compiler: Callable[..., Document], folder: Path) -> None:
        self.name, self.capabilities = name, capabilities_of(name)
        self.store = RunStore(folder / "root")
        self._compiler, self._artifacts = compiler, folder / "artifacts"
        self._makers = {"local": lambda options: LocalRunner(self.store, warm, options)}

    @property
    def store_uri(self) -> str:
        return self.store.metadata_uri

    def runner(self, **options: Any) -> Any:
        """One for a run with those options."""
        return self._makers[self.name](RunOptions(max_workers=2, **options))

    def compile(self, **options: Any) -> Document:
        return self._compiler(self.name, self._artifacts, options)

    def carry_out(self, document: Document, parameters: Mapping[str, str] = {}) -> Ended:
        return self._carry_out(f"run-{len(self.run_ids())}", document, parameters)

    def _carry_out(self, run_id: str, document: Document, parameters: Mapping[str, str]) -> Ended:
        try:
            return Ended(self.runner(run_id=run_id).submit(document, parameters))
        except NodeFailed as failed:
            assert Path(failed.log_file).is_file()
            return Ended(RunHandle(self.name, document.pipeline_name, run_id), str(failed))

    def go_on(self, ended: Ended, document: Document) -> Ended:
        return self._carry_out(ended.handle.run_id, document, {})

    def status(self, handle: RunHandle) -> RunStatus:
        status: RunStatus = self.runner().status(handle)
        return status

    def log(self, handle: RunHandle, node_id: str) -> str:
        logs = (self.store.run_folder(handle.run_id) / "logs").glob(f"{node_id}.*log")
        return max(logs, key=lambda path: path.stat().st_mtime_ns).read_text()

    def read(self, uri: str) -> str:
        return Path(uri).read_text()

    def run_ids(self) -> list[str]:
        return [run.run_id for run in self.store.runs()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which runners were not run here, and where they are."""
    for name in sorted(set(RUNNERS) - set(HERE)):
        terminalreporter.write_line(
            f"contract: only what {name} compiles is held to it here; its runs need the stand-ins of a platform, and "
            "keep the same promises in tests/integration/test_contract_on_platforms.py (make test)."
        )
