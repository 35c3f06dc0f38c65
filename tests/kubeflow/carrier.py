"""Has local_run.py carry out what the API server is asked to run, each run in a process of its own.

The processes are forks of one that has imported kfp, which takes seconds.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Carrier:
    """Runs under way; everything is below `folder`, where setting.json says what pods find (pods.Setting)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(own)  # the process that is forked from starts like any other
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["local_run"])
        self._processes: dict[str, Any] = {}

    def start(self, run_id: str, document: str, parameters: Mapping[str, Any], setting: Mapping[str, Any]) -> Any:
        """The process that carries the run out, or goes on with it."""
        request = (document, run_id, dict(parameters), str(self.folder / run_id), dict(setting))
        process = self._context.Process(target=_carry_out, args=request)
        process.start()
        self._processes[run_id] = process
        return process

    def stop(self, run_id: str) -> None:
        """Has the run end what it has started."""
        self._processes[run_id].terminate()


def _carry_out(*request: Any) -> None:
    from local_run import Request, carry_out

    sys.exit(carry_out(Request(*request)))
