"""cfn-lint's opinion of the templates, where it is installed: it knows every property of every resource."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = "cfn-lint"


def find_linter() -> str | None:
    """Path of cfn-lint: beside this Python, or on the PATH; None if there is none."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.is_file() else shutil.which(PROGRAM)


def lint_problems(linter: str, templates: list[Path], region: str) -> list[str]:
    """What cfn-lint finds, one sentence each.

    Raises:
      RuntimeError: it answered something else than findings.
    """
    command = [linter, "--format", "json", "--regions", region, "--", *map(str, templates)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(answer.stdout or "[]")
    except json.JSONDecodeError as error:
        raise RuntimeError(f"{linter} answered {answer.returncode}: {answer.stderr.strip()}") from error
    return [_sentence(finding) for finding in found]


def _sentence(finding: Mapping[str, Any]) -> str:
    line = finding["Location"]["Start"]["LineNumber"]
    return f"{Path(finding['Filename']).name}:{line}: {finding['Rule']['Id']}: {finding['Message']}"
