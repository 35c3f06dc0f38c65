"""A verdict in its artifact: `decision.json`, and the properties by which ML Metadata knows it."""

import datetime
import json
import os

from absl import logging
from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.errors import GateRefused
from components.gate.verdict import Verdict

DECISION_FILE = "decision.json"


def today_utc() -> datetime.date:
    """The day on which waivers are looked at."""
    return datetime.datetime.now(datetime.UTC).date()


def write_verdict(verdict: Verdict, result: Artifact) -> None:
    """Writes `decision.json` into a `GateResult`, sets its properties, and logs the verdict."""
    document = json.dumps(verdict.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(result.uri, DECISION_FILE), document)
    result.passed = int(verdict.passed)
    result.warnings = len(verdict.warnings)
    result.waived = len(verdict.waived)
    logging.info("%s: %s", verdict.gate, "passed" if verdict.passed else verdict.refusal())


def read_verdict(result: Artifact) -> Verdict | None:
    """The verdict in a `GateResult`, None if it holds none: a gate that left no evidence has not passed.

    Raises:
      ValueError: the document is damaged or of another format.
    """
    path = os.path.join(result.uri, DECISION_FILE)
    return Verdict.from_json(json.loads(io_utils.read_string_file(path))) if fileio.exists(path) else None


def stop_if_refused(verdict: Verdict) -> None:
    """For a gate on data: raises GateRefused unless the verdict passed; what the node wrote is kept."""
    if not verdict.passed:
        raise GateRefused(verdict.refusal())
