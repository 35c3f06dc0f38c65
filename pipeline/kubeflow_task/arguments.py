"""The words of a task that are not the launcher's."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from pipeline.errors import ConfigError
from pipeline.kubeflow_task.outputs import Outputs

RUN_ID = "{run_id}"
"""In `kubeflow.report_url`, where the run's id stands."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One task of a run.

    Attributes:
      outputs: what Kubeflow waits for.
      report_url: of reports of runs, with `{run_id}` in it; None: they are on no server.
    """

    outputs: Outputs
    report_url: str | None = None

    def report_of(self, run_id: str) -> str | None:
        """Where the report of that run is to be read, None if it is on no server."""
        return None if self.report_url is None else self.report_url.replace(RUN_ID, quote(run_id, safe=""))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError([f"{message}. {self.format_usage().strip()}"])


def parse(argv: Sequence[str]) -> tuple[Task, list[str]]:
    """The task, and the launcher's words.

    Raises:
      ConfigError: listing every argument that makes no sense.
    """
    parser = _Parser(prog="python -m pipeline.kubeflow_task", allow_abbrev=False, add_help=False)
    parser.add_argument("--executor-input", required=True, metavar="JSON")
    parser.add_argument("--show", action="append", default=[], metavar="OUTPUT=FILE")
    parser.add_argument("--report-url", metavar="URL")
    args, words = parser.parse_known_args(argv)
    if problems := [f"--show {item}: expected OUTPUT=FILE." for item in args.show if "=" not in item]:
        raise ConfigError(problems)
    files = {name: Path(path) for name, _, path in (item.partition("=") for item in args.show)}
    try:
        outputs = Outputs.of(args.executor_input, files)
    except ValueError as error:
        raise ConfigError([f"--executor-input: {error}. Kubeflow puts it there in place of {{{{$}}}}."]) from error
    return Task(outputs, args.report_url), words
