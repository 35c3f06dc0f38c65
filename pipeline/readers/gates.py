"""What each gate of a run decided, in the form that all gates share (components/gate/verdict.py)."""

from pathlib import Path

from components.gate.verdict import Verdict
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

GATE_RESULT = "PenstockGateResult"
"""The artifact type of a verdict."""

VERDICT_FILE = "decision.json"


def read_verdict(folder: Path) -> Verdict:
    """The verdict in a gate's artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / VERDICT_FILE
    data = read_object(path)
    try:
        return Verdict.from_json(data)
    except (KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{path}: not the decision of a gate ({error}).") from error
