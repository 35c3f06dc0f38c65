"""The cost of one run: each job's billed seconds times its price, on demand, on managed spot, under a savings plan."""

import dataclasses
from collections.abc import Mapping, Sequence

from pipeline.costs.durations import Measurement, shared_s, work_s
from pipeline.costs.prices import PriceTable, Use
from pipeline.errors import ConfigError

_HOUR_S = 3600.0


@dataclasses.dataclass(frozen=True)
class PlannedJob:
    """What would be started.

    Attributes:
      name: of the job.
      node_ids: the nodes that it runs, one after the other.
      use: processing or training.
      volume_gb: disk of each instance.
      spot: True if the configuration asks for managed spot.
      depends_on: jobs that must have ended before.
      lookups: those nodes that only look in the lineage store, which is as quick as an answer from the cache.
    """

    name: str
    node_ids: tuple[str, ...]
    use: Use
    instance_type: str
    instances: int
    volume_gb: float
    spot: bool
    depends_on: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class JobCost:
    """One job's estimate; amounts in the table's currency, seconds of each instance.

    Attributes:
      measured_in: runs whose measurements were used; empty if the time is assumed.
      assumed_nodes: nodes whose time no run has measured.
      work_s: of the nodes.
      billed_s: `work_s` and the part of the start that is paid.
      as_configured: on demand, or on managed spot where the configuration asks for it.
      on_demand: all of it at the list price.
      spot: on managed spot where the platform has it (training), else on demand.
      savings_plan: at the plan's price.
      cached: on demand, if its nodes take their answers from the cache.
    """

    job: PlannedJob
    per_hour: float
    measured_in: tuple[str, ...]
    assumed_nodes: tuple[str, ...]
    work_s: float
    billed_s: float
    as_configured: float
    on_demand: float
    spot: float
    savings_plan: float
    cached: float


@dataclasses.dataclass(frozen=True)
class RunCost:
    """The estimate of a run.

    Attributes:
      orchestration: what the orchestrator itself charges.
      wall_s: from submitting to the last job's end, jobs in parallel as their dependencies allow.
    """

    jobs: tuple[JobCost, ...]
    orchestration: float
    wall_s: float

    def total(self, column: str) -> float:
        """The sum of the jobs' amounts in that column of `JobCost`, and of what the orchestrator charges."""
        return self.orchestration + sum((float(getattr(job, column)) for job in self.jobs), 0.0)


def estimate_run(
    jobs: Sequence[PlannedJob],
    measured: Mapping[str, Measurement],
    prices: PriceTable,
    *,
    data_factor: float = 1.0,
    orchestration_per_job: float = 0.0,
) -> RunCost:
    """The estimate of a run of these jobs, in topological order.

    Raises:
      ConfigError: listing each instance type that the table has no price for.
    """
    lacking = [
        f"Job '{job.name}': {prices.lacking(job.instance_type, job.use)}"
        for job in jobs
        if prices.hourly(job.instance_type, job.use) is None
    ]
    if lacking:
        raise ConfigError(lacking)
    costs = tuple(_estimate_job(job, measured, prices, data_factor) for job in jobs)
    return RunCost(costs, orchestration_per_job * len(jobs), _critical_path_s(costs, prices.assumptions.start_s))


def _estimate_job(
    job: PlannedJob, measured: Mapping[str, Measurement], prices: PriceTable, data_factor: float
) -> JobCost:
    instance, assumptions = prices.instances[job.instance_type], prices.assumptions
    seconds = {node_id: work_s(measured.get(node_id), instance, assumptions, data_factor) for node_id in job.node_ids}
    seconds |= {node_id: assumptions.cached_s for node_id in job.lookups if node_id not in measured}
    work = shared_s(sum(seconds.values()), job.instances, assumptions)
    if job.use == "training" and instance.gpus:
        work /= assumptions.gpu_speedup
    billed = work + assumptions.billed_start_s
    price = _Price(job, prices)
    on_demand = price.of(billed, 1.0)
    spot = price.of(billed + work * prices.spot.repeated_share, prices.spot.price_share)
    known = [node_id for node_id in job.node_ids if node_id in measured]
    return JobCost(
        job=job,
        per_hour=price.per_hour,
        measured_in=tuple(dict.fromkeys(measured[node_id].run_id for node_id in known)),
        assumed_nodes=tuple(name for name in job.node_ids if name not in measured and name not in job.lookups),
        work_s=work,
        billed_s=billed,
        as_configured=spot if job.spot else on_demand,
        on_demand=on_demand,
        spot=spot if job.use == "training" else on_demand,
        savings_plan=price.of(billed, prices.savings_plan.price_share),
        cached=price.of(assumptions.billed_start_s + assumptions.cached_s * len(job.node_ids), 1.0),
    )


class _Price:
    """What seconds of a job cost: its instances at a share of their price, and their volumes, which know no share."""

    def __init__(self, job: PlannedJob, prices: PriceTable) -> None:
        hourly = prices.hourly(job.instance_type, job.use)
        assert hourly is not None, "checked before"
        self.per_hour = hourly
        self._instances = job.instances
        self._volume_per_hour = job.volume_gb * prices.storage.volume_gb_month / prices.assumptions.hours_per_month

    def of(self, seconds: float, price_share: float) -> float:
        """Of so many seconds of each instance."""
        return self._instances * (self.per_hour * price_share + self._volume_per_hour) * seconds / _HOUR_S


def _critical_path_s(costs: Sequence[JobCost], start_s: float) -> float:
    """The longest chain of jobs that wait for each other."""
    ends: dict[str, float] = {}
    for cost in costs:
        begin = max((ends[name] for name in cost.job.depends_on), default=0.0)
        ends[cost.job.name] = begin + start_s + cost.billed_s
    return max(ends.values(), default=0.0)
