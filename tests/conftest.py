"""What every test shares: surroundings, seeds, golden files, and the rule that CI does not skip in silence."""

import difflib
import gc
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from surroundings import settle
from xdist.scheduler import LoadFileScheduling

settle()

pytest.register_assert_rewrite("run_contract", "contract_on_platforms")

# By hypothesis's own seed, the same examples each time; no deadline, because machines are shared.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

ALLOWED_SKIPS = {
    "tests/e2e/": "need an account or a cluster",
    "tests/integration/test_beam_modes.py::test_with_the_jar": "Beam's job servers where Maven refuses them to .ci/run",
    "tests/integration/test_beam_modes.py::test_prism": "Beam's runner in Go, which .ci/run cannot build",
    "tests/integration/test_kubeflow_api.py::test_the_requests_are_checked_wherever_the_document_is": (
        "Kubeflow's OpenAPI document is not part of the project; .ci/run fetches the proxy wherever the document is"
    ),
}
"""Where tests may be skipped in CI, by the start of their path, and why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="Write golden files instead of comparing with them.")


def pytest_configure(config: pytest.Config) -> None:
    if IN_CI and config.getoption("--update-goldens"):
        raise pytest.UsageError("--update-goldens is refused in CI: update them on your machine and commit the change.")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Garbage is looked for less often, and not in what is imported: with TensorFlow, each time takes half a second."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks and folders must agree: `make check` leaves marked tests out, `make test` adds only that folder."""
    for item in items:
        is_slow_folder = item.path.is_relative_to(Path(__file__).parent / "integration")
        if is_slow_folder != (item.get_closest_marker("integration") is not None):
            raise pytest.UsageError(
                f"{item.nodeid}: tests marked `integration` belong in tests/integration, and only they."
            )


class OneWarmProcess(LoadFileScheduling):
    """Tests of one file go to one worker; so do files that compile in a warm process, which takes ten seconds to start.

    In tests/integration, where nearly every file does, another rule holds.
    """

    def _split_scope(self, nodeid: str) -> str:
        is_warm = nodeid.startswith(("tests/contract/", "tests/golden/"))
        return "warm" if is_warm else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return OneWarmProcess(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI, turns a skip into a failure that shows the skip's reason; expected failures (xfail) stay as they are."""
    if not IN_CI or not report.skipped or hasattr(report, "wasxfail") or report.nodeid.startswith(tuple(ALLOWED_SKIPS)):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = (
        f"{reason}\nIn CI a skip is a failure, unless it is allowed by ALLOWED_SKIPS in tests/conftest.py."
    )


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """`assert_golden(text, path)`: fails with the difference unless the file at `path` holds exactly `text`."""

    def compare(text: str, path: Path) -> None:
        if request.config.getoption("--update-goldens"):
            path.write_text(text, encoding="utf-8")
            return
        golden = path.read_text(encoding="utf-8") if path.exists() else ""
        lines = difflib.unified_diff(golden.splitlines(), text.splitlines(), str(path), "now", lineterm="")
        difference = "\n".join(lines) or "only the ends of lines differ"
        assert text == golden, (
            f"{difference}\nIf the change is meant, write it with: pytest {path.parent} --update-goldens"
        )

    return compare
