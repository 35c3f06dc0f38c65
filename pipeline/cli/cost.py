"""`penstock cost`: what a run and an endpoint would cost on AWS, before anything is started."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, load, near, store_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.config import Config
    from pipeline.costs.durations import Measurement
    from pipeline.costs.estimate import PlannedJob
    from pipeline.costs.preview_text import Preview
    from pipeline.costs.prices import Endpoint, PriceTable

_RUNNERS = ("sagemaker", "step_functions")
_COUNTS = re.compile(r"(?P<least>[1-9]\d{0,3})(?:-(?P<most>[1-9]\d{0,3}))?")
_FULL = 0.9
_GIB = 2**30


def cost(
    runner: Annotated[str, typer.Option(help="Where it would run: sagemaker or step_functions.")] = "sagemaker",
    prices: Annotated[
        Path | None, typer.Option(help="Your own table of prices and assumptions, a changed copy of the shipped one.")
    ] = None,
    data_factor: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="Times as much data as in the runs that were measured.")
    ] = 1.0,
    runs_per_month: Annotated[float, typer.Option(min=0, max=1e5, help="For the month's sum.")] = 0.0,
    endpoint: Annotated[
        str | None, typer.Option(metavar="TYPE", help="The endpoint's instance type; else the table's.")
    ] = None,
    endpoint_instances: Annotated[
        str | None, typer.Option(metavar="N[-M]", help="Instances at least and at most; else the table's.")
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="RUN", help="Instead: what this run on the platform took, by the table's prices."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, all inputs included.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Estimate what a run, and a month of an endpoint, would cost on AWS; starts nothing there."""
    from pipeline.costs.durations import measurements
    from pipeline.costs.endpoint import estimate_endpoint
    from pipeline.costs.estimate import estimate_run
    from pipeline.costs.preview_text import Preview
    from pipeline.costs.prices import SHIPPED, load_prices
    from pipeline.errors import ConfigError

    if runner not in _RUNNERS:
        known = " or ".join(_RUNNERS)
        raise ConfigError([f"--runner {runner}: costs are known for {known}; {_no_price(runner)}."])
    settings, table = load(config, overrides), load_prices(prices)
    if run_id is not None:
        _echo_spent(settings, runner, run_id, table, as_json=as_json)
        return
    serving = estimate_endpoint(_endpoint(table, endpoint, endpoint_instances), table)
    measured = measurements(store_of(settings).runs(), settings.pipeline.name)
    jobs = _jobs(settings, table.region)
    transitions = table.step_functions.transitions_per_job if runner == "step_functions" else 0
    preview = Preview(
        runner=runner,
        pipeline_name=settings.pipeline.name,
        prices=table,
        prices_file=near(prices or SHIPPED),
        data_factor=data_factor,
        run=estimate_run(
            jobs,
            measured,
            table,
            data_factor=data_factor,
            orchestration_per_job=transitions * table.step_functions.per_1000_transitions / 1000,
        ),
        runs_per_month=runs_per_month,
        endpoint=serving,
        notes=tuple(_notes(settings, table, jobs, measured)),
    )
    _echo(preview, as_json=as_json)


def _no_price(runner: str) -> str:
    """Why a run there has none."""
    if runner == "kubeflow":
        return (
            "what a cluster's nodes cost only its owner knows. Pods bear kubeflow.labels, by which a cost tool of the "
            "cluster tells them apart"
        )
    return "a run on this machine has no price"


def _echo_spent(settings: "Config", runner: str, run_id: str, table: "PriceTable", *, as_json: bool) -> None:
    """What the run's last jobs took; jobs that were started again before are not among them."""
    import dataclasses
    import json

    from pipeline.cli.platform import platform_run
    from pipeline.costs.spent import spent_on

    found, handle = platform_run(settings, runner, run_id)
    jobs = spent_on(found.usage(handle), table)
    total = sum(job.amount for job in jobs)
    if as_json:
        told = [{**dataclasses.asdict(job), "saved": job.saved} for job in jobs]
        typer.echo(
            json.dumps({"run_id": handle.run_id, "currency": table.currency, "total": total, "jobs": told}, indent=1)
        )
        return
    rows = [("job", "kind", "instance", "an hour", "ran s", "billed s", "amount", "saved by spot")]
    for job in jobs:
        used = job.used
        machines = f"{used.instances} x {used.instance_type}"
        times = (f"{used.ran_s:,.0f}", f"{used.billed_s:,.0f}")
        amounts = (f"{job.amount:.4f}", f"{job.saved:.4f}" if job.saved else "-")
        rows.append((used.name, used.kind, machines, f"{job.per_hour:.4f}", *times, *amounts))
    echo_table([*rows, ("sum", "", "", "", "", "", f"{total:.4f}", "")])
    typer.echo(
        f"\nRun {handle.run_id}, in {table.currency}, by prices of {table.date} in {table.region}: times are the "
        "platform's own, of each node's last job; what is not here: penstock cost names it. The bill is in AWS Cost "
        "Explorer."
    )


def _endpoint(table: "PriceTable", instance_type: str | None, counts: str | None) -> "Endpoint":
    from pipeline.errors import ConfigError

    changes: dict[str, str | int] = {} if instance_type is None else {"instance_type": instance_type}
    if counts is not None:
        found = _COUNTS.fullmatch(counts)
        least, most = (int(found["least"]), int(found["most"] or found["least"])) if found else (0, 0)
        if not 0 < least <= most:
            raise ConfigError([f"--endpoint-instances {counts}: expected a number such as 2, or a range such as 1-4."])
        changes |= {"min_instances": least, "max_instances": most}
    return table.endpoint.model_copy(update=changes)


def _jobs(settings: "Config", region: str) -> "Sequence[PlannedJob]":
    """The jobs of the pipeline as it would be submitted, compiled anew."""
    from pipeline import ir as ir_documents
    from pipeline.costs.preview import planned_jobs, with_some_account
    from pipeline.jobs import plan_jobs
    from pipeline.planning import make_plan
    from pipeline.runners.registry import build_document
    from pipeline.runners.warm import WarmProcess

    priced = with_some_account(settings, region)
    read = priced.at(priced.on_aws.root) if "://" in settings.data.path else settings  # data is read where it is
    warm = WarmProcess(settings.root / "logs" / "warm.log")
    arguments = ("local", read, make_plan(read))
    ir_text = warm.call(build_document, *arguments, log_path=settings.root / "logs" / "compile.log").text
    return planned_jobs(plan_jobs(ir_text, priced), ir_documents.resolver_nodes(ir_text))


def _notes(
    settings: "Config", table: "PriceTable", jobs: "Sequence[PlannedJob]", measured: "Mapping[str, Measurement]"
) -> list[str]:
    notes = []
    if settings.aws is not None and settings.aws.region != table.region:
        notes.append(f"The prices are of {table.region}, the pipeline is in {settings.aws.region}: use --prices.")
    for job in jobs:
        instance = table.instances.get(job.instance_type)
        peaks = {name: measured[name].peak_memory_bytes / _GIB for name in job.node_ids if name in measured}
        notes += [
            f"{name} needed {peak:.1f} GiB of memory, {job.instance_type} has {instance.memory_gb:g}: ask for more "
            f"with resources.{name}.memory_gb."
            for name, peak in peaks.items()
            if instance and peak > _FULL * instance.memory_gb
        ]
    if not measured:
        notes.append("No run has been measured: all times are assumed. Run the pipeline here first: penstock run")
    return notes


def _echo(preview: "Preview", *, as_json: bool) -> None:
    import json

    from pipeline.costs import preview_text

    if as_json:
        typer.echo(json.dumps(preview_text.as_json(preview), indent=1))
        return
    echo_table(preview_text.job_rows(preview))
    typer.echo()
    echo_table(preview_text.summary_rows(preview))
    typer.echo()
    echo_table(preview_text.hardware_rows(preview))
    typer.echo()
    for note in preview.notes:
        typer.echo(f"note: {note}")
    for line in preview_text.input_lines(preview):
        typer.echo(line)
