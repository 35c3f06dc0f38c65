"""How long a node's work takes on an instance, from what runs measured on another machine.

The assumption, told to the user with every estimate: work that kept `cpu_s / wall_s` processors busy takes the same
time where there are as many vCPUs, and as long as its processor time divided by them where there are fewer. More vCPUs
than it kept busy do not make it faster. Time grows in proportion to the data.
"""

import dataclasses
from collections.abc import Iterable

from pipeline.costs.prices import Assumptions, InstancePrice
from pipeline.run_store import RunRecord


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What a node took in its last complete run; bytes as `NodeRecord` has them."""

    run_id: str
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int


def measurements(runs: Iterable[RunRecord], pipeline_name: str) -> dict[str, Measurement]:
    """What each node took when it last ran to its end (never from the cache) in any run, runs newest first."""
    found: dict[str, Measurement] = {}
    for run in runs:
        for node in run.nodes if run.pipeline_name == pipeline_name else ():
            if node.state == "COMPLETE" and node.node_id not in found:
                found[node.node_id] = Measurement(run.run_id, node.wall_s, node.cpu_s, node.peak_memory_bytes)
    return found


def work_s(
    measured: Measurement | None, instance: InstancePrice, assumptions: Assumptions, data_factor: float
) -> float:
    """Seconds of a node's work on one such instance; the assumed time where nothing was measured.

    Args:
      measured: None if no run has measured the node.
      instance: where it would run.
      assumptions: speed of its processors, and what is assumed of a node that was not measured.
      data_factor: times as much data as in the measured run.
    """
    if measured is None:
        return assumptions.unmeasured_s
    busiest = max(measured.wall_s, measured.cpu_s / instance.cpus)
    return data_factor * busiest / assumptions.cpu_speed


def shared_s(seconds: float, instances: int, assumptions: Assumptions) -> float:
    """Seconds where several instances share the work, each further one adding a part of the first's."""
    return seconds / (1 + (instances - 1) * assumptions.instance_efficiency)
