"""Whether the model can be served, from ServingCheck's report.json."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

REPORT_FILE = "report.json"


@dataclasses.dataclass(frozen=True)
class Latency:
    """How long one signature took for requests of one size, in milliseconds."""

    signature: str
    batch_size: int
    p50_ms: float | None
    p95_ms: float | None
    calls: int


@dataclasses.dataclass(frozen=True)
class ServingCheck:
    """What ServingCheck measured; empty or None where it did not get so far.

    Attributes:
      blessed: True if nothing speaks against serving the model.
      reasons: why not, one sentence each.
      rows: rows sent.
      rows_not_sent: rows of the sample that lack a required column.
      load_s: time to load the model.
      max_difference: the largest difference between two ways to ask, by their names; None = not comparable.
      failing_request: the request that went wrong, with every answer to it.
    """

    blessed: bool
    reasons: tuple[str, ...]
    rows: int
    rows_not_sent: int
    load_s: float | None
    latencies: tuple[Latency, ...]
    max_difference: Mapping[str, float | None]
    failing_request: Mapping[str, Any] | None


def read_serving_check(folder: Path) -> ServingCheck:
    """The report in an InfraBlessing artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / REPORT_FILE
    data = read_object(path)
    try:
        return ServingCheck(
            blessed=data["blessed"],
            reasons=tuple(data["reasons"]),
            rows=data.get("rows", 0),
            rows_not_sent=len(data.get("rows_not_sent", ())),
            load_s=data.get("load_s"),
            latencies=tuple(
                Latency(signature, int(batch_size), of["p50"], of["p95"], of["calls"])
                for signature, by_batch in data.get("latency_ms", {}).items()
                for batch_size, of in by_batch.items()
            ),
            max_difference=data.get("max_difference", {}),
            failing_request=data.get("failing_request"),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotFound(f"{path}: not a report of ServingCheck ({error!r}).") from error
