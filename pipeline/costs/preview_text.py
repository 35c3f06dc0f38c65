"""A cost preview in words and as JSON; every input is shown beside what follows from it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pipeline.costs.endpoint import EndpointCost
from pipeline.costs.estimate import JobCost, RunCost
from pipeline.costs.prices import PriceTable

Rows = list[tuple[str, ...]]

LEFT_OUT = (
    "data transfer, NAT gateways, VPC endpoints and KMS requests",
    "S3 storage and requests",
    "the database of the lineage store, which costs as long as it exists",
    "CloudWatch logs and alarms, ECR storage, Secrets Manager",
    "requests that an endpoint captures, and its traffic",
    "taxes, free tiers, support and private discounts",
)
"""What no amount here includes; docs/sagemaker.md says which of them matter."""

_TOTALS = (
    ("as_configured", "as configured"),
    ("on_demand", "all on demand"),
    ("spot", "training on managed spot"),
    ("savings_plan", "under a savings plan"),
    ("cached", "everything from the cache"),
)


@dataclasses.dataclass(frozen=True)
class Preview:
    """All that is told; `notes` are sentences about inputs that the user should look at."""

    runner: str
    pipeline_name: str
    prices: PriceTable
    prices_file: str
    data_factor: float
    run: RunCost
    runs_per_month: float
    endpoint: EndpointCost
    notes: tuple[str, ...] = ()


def job_rows(preview: Preview) -> Rows:
    """One row a job, and the sums."""
    head = ("job", "kind", "instance", "an hour", "billed s", "as configured", "on demand", "spot", "savings plan")
    rows = [
        (
            cost.job.name,
            cost.job.use,
            f"{cost.job.instances} x {cost.job.instance_type}",
            f"{cost.per_hour:.4f}",
            f"{cost.billed_s:,.0f}{'*' if cost.assumed_nodes else ''}",
            _money(cost.as_configured),
            _money(cost.on_demand),
            _money(cost.spot) if cost.job.use == "training" else "-",
            _money(cost.savings_plan),
        )
        for cost in preview.run.jobs
    ]
    totals = [_money(preview.run.total(column)) for column in ("as_configured", "on_demand", "spot", "savings_plan")]
    return [head, *rows, ("sum", "", "", "", "", *totals)]


def summary_rows(preview: Preview) -> Rows:
    """What a run, and a month of the endpoint and of runs, costs."""
    run, endpoint, currency = preview.run, preview.endpoint, preview.prices.currency
    rows: Rows = [(f"a run, {words}", f"{_money(run.total(column))} {currency}") for column, words in _TOTALS]
    if run.orchestration:
        rows.append(("of it Step Functions", f"{run.orchestration:.5f} {currency}"))
    rows.append(("a run takes about", f"{run.wall_s / 60:,.0f} minutes, of which jobs wait for machines in part"))
    if preview.runs_per_month:
        month = preview.runs_per_month * run.total("as_configured")
        rows.append((f"{preview.runs_per_month:g} runs a month", f"{month:,.2f} {currency}"))
    size = f"{endpoint.endpoint.min_instances} to {endpoint.endpoint.max_instances} x {endpoint.endpoint.instance_type}"
    rows += [
        (f"an endpoint's month ({size})", f"{_range(endpoint.least, endpoint.most)} {currency}"),
        (
            "the same under a savings plan",
            f"{_range(endpoint.least_savings_plan, endpoint.most_savings_plan)} {currency}",
        ),
    ]
    return rows


def hardware_rows(preview: Preview) -> Rows:
    """The instance types that are used: their sizes, and what an hour costs by use."""
    used = [cost.job.instance_type for cost in preview.run.jobs] + [preview.endpoint.endpoint.instance_type]
    rows: Rows = [("instance", "vCPUs", "GiB", "GPUs", "processing", "training", "hosting")]
    for name in dict.fromkeys(used):
        found = preview.prices.instances[name]
        gpus = f"{found.gpus} {found.gpu_kind or ''}".strip() if found.gpus else "-"
        prices = [found.hourly(use) for use in ("processing", "training", "hosting")]
        told = ["-" if price is None else f"{price:.4f}" for price in prices]
        rows.append((name, str(found.cpus), f"{found.memory_gb:g}", gpus, *told))
    return rows


def input_lines(preview: Preview) -> list[str]:
    """Where each number comes from."""
    table, assumed = preview.prices, preview.prices.assumptions
    return [
        f"This is an estimate to check, not an offer. Prices: {preview.prices_file}, of {table.date}, {table.region}, "
        f"{table.currency}; {table.source}.",
        *_measured_lines(preview.run.jobs),
        f"Scaling: a node takes its measured time where it has as many vCPUs as it kept busy, else its processor time "
        f"divided by the vCPUs; a vCPU does {assumed.cpu_speed:g} of a measured processor's work, a GPU trains "
        f"{assumed.gpu_speedup:g} times as fast, each further instance adds {assumed.instance_efficiency:g}, the data "
        f"is {preview.data_factor:g} times the measured.",
        f"Each job waits {assumed.start_s:g} s for its machine unpaid and takes {assumed.billed_start_s:g} s of paid "
        f"time to start; from the cache a node takes {assumed.cached_s:g} s.",
        f"Managed spot: {table.spot.price_share:.0%} of the price, {table.spot.repeated_share:.0%} of the work done "
        f"again; savings plan: {table.savings_plan.price_share:.0%} of the price. Processing has no spot.",
        f"Volumes: {table.storage.volume_gb_month:g} a GB and month of {assumed.hours_per_month:g} hours.",
        f"Left out: {'; '.join(LEFT_OUT)}.",
    ]


def _measured_lines(jobs: Sequence[JobCost]) -> list[str]:
    runs = sorted({run_id for cost in jobs for run_id in cost.measured_in}, reverse=True)
    assumed = [node_id for cost in jobs for node_id in cost.assumed_nodes]
    lines = [f"Times measured in: {', '.join(runs)}."] if runs else []
    if assumed:
        lines.append(f"* not measured by any run, time assumed: {', '.join(assumed)}.")
    return lines


def as_json(preview: Preview) -> dict[str, Any]:
    """The same for programs: amounts in `currency`, seconds in `…_s`, all prices that were used."""
    used = {cost.job.instance_type for cost in preview.run.jobs} | {preview.endpoint.endpoint.instance_type}
    table = preview.prices.model_dump(mode="json")
    table["instances"] = {name: table["instances"][name] for name in sorted(used)}
    return {
        "runner": preview.runner,
        "pipeline_name": preview.pipeline_name,
        "is_estimate": True,
        "currency": preview.prices.currency,
        "run": {
            "jobs": [dataclasses.asdict(cost) for cost in preview.run.jobs],
            "orchestration": preview.run.orchestration,
            "wall_s": preview.run.wall_s,
            **{column: preview.run.total(column) for column, _ in _TOTALS},
        },
        "runs_per_month": preview.runs_per_month,
        "endpoint": {
            **preview.endpoint.endpoint.model_dump(),
            "per_hour": preview.endpoint.per_hour,
            "month_least": preview.endpoint.least,
            "month_most": preview.endpoint.most,
            "month_least_savings_plan": preview.endpoint.least_savings_plan,
            "month_most_savings_plan": preview.endpoint.most_savings_plan,
        },
        "inputs": {"prices_file": preview.prices_file, "data_factor": preview.data_factor, "prices": table},
        "left_out": list(LEFT_OUT),
        "notes": list(preview.notes),
    }


def _money(amount: float) -> str:
    return f"{amount:.4f}" if amount < 1 else f"{amount:,.2f}"


def _range(least: float, most: float) -> str:
    return f"{least:,.2f}" if least == most else f"{least:,.2f} to {most:,.2f}"
