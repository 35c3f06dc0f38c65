"""Runs `probe.py` in a fresh, isolated Python process."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("probe.py")

_STDERR_CHARACTERS = 4000


@dataclasses.dataclass(frozen=True)
class ProbeRun:
    """How the probe ended.

    Attributes:
      result: what it wrote, None if it did not get that far.
      exit_code: None if it was stopped for taking too long.
      stderr: the end of what it printed.
    """

    result: dict[str, Any] | None
    exit_code: int | None
    stderr: str


def run_probe(request: dict[str, Any], folder: Path, timeout_s: float) -> ProbeRun:
    """What a fresh process finds; it is killed after `timeout_s` seconds.

    Args:
      request: see `probe.py`.
      folder: an existing empty folder for the request and the result; the caller cleans up.
      timeout_s: for loading and all requests together.
    """
    request_path, result_path, log_path = folder / "request.json", folder / "result.json", folder / "stderr.txt"
    request_path.write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, "-I", str(PROBE), str(request_path), str(result_path)]
    with log_path.open("wb") as log:
        try:
            exit_code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=timeout_s, check=False, cwd=folder
            ).returncode
        except subprocess.TimeoutExpired:
            exit_code = None
    stderr = log_path.read_text(encoding="utf-8", errors="replace")[-_STDERR_CHARACTERS:]
    done = exit_code == 0 and result_path.exists()
    return ProbeRun(json.loads(result_path.read_text(encoding="utf-8")) if done else None, exit_code, stderr)
