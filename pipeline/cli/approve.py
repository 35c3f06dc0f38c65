"""The verbs by which people decide on models: `penstock approve`, `penstock reject`, `penstock approvals`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.errors import ComponentError
from pipeline.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    RunArgument,
    SetOption,
    command_line,
    echo_table,
    find_run,
    load,
    store_of,
)
from pipeline.cli.platform import OnAwsOption, PlatformOption, is_on_aws
from pipeline.terminal_text import inert_cell

if TYPE_CHECKING:
    from components.ledger.ledger import Entry
    from pipeline.approvals.deciding import Decision
    from pipeline.config import Config
    from pipeline.run_store import RunRecord, RunStore
    from pipeline.summary import RunSummary

ReasonOption = Annotated[str, typer.Option(help="Why; stands on record for good.")]
ByOption = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides; else the user who runs this.")]
SupersedeOption = Annotated[bool, typer.Option("--supersede", help="Replace the decision that stands.")]
NoRunOption = Annotated[bool, typer.Option("--no-run", help="Only put the decision on record.")]


def approve(
    reason: ReasonOption,
    run_id: RunArgument = "latest",
    by: ByOption = None,
    supersede: SupersedeOption = False,
    no_run: NoRunOption = False,
    runner: PlatformOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Approve the model of a run that waits for it, and push it; runs on platforms go on there."""
    if not _decide_on_platform("approved", reason, run_id, by, supersede, runner, config, overrides):
        _decide("approved", reason, run_id, by, supersede, no_run, config, overrides)


def reject(
    reason: ReasonOption,
    run_id: RunArgument = "latest",
    by: ByOption = None,
    supersede: SupersedeOption = False,
    no_run: NoRunOption = False,
    runner: PlatformOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Reject the model of a run that waits for an approval; it is not pushed."""
    if not _decide_on_platform("rejected", reason, run_id, by, supersede, runner, config, overrides):
        _decide("rejected", reason, run_id, by, supersede, no_run, config, overrides)


def approvals(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="Only this run's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the evidence.")] = False,
    runner: OnAwsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """List the models that wait for an approval, and every decision; checks that the record is whole."""
    from pipeline.approvals.deciding import ledger_of, requests
    from pipeline.approvals.platforms import record_of

    settings = load(config, overrides)
    runs_here = not is_on_aws(settings, runner)
    ledger = ledger_of(settings) if runs_here else record_of(settings)
    wanted = find_run(store_of(settings), run_id, settings).run_id if run_id and runs_here else run_id
    found = [asked for asked in requests(settings, ledger) if wanted in (None, asked.request.content["run"])]
    if as_json:
        typer.echo(json.dumps({"head": ledger.head, "requests": [asked.to_json() for asked in found]}, indent=1))
        return
    if not found:
        typer.echo("No run has asked for an approval yet. When one is asked for: approval.mode in the configuration.")
        return
    rows = [("run", "model", "state", "what", "when", "who", "why")]
    for asked in found:
        digest, why = asked.request.content["model_digest"][:12], "; ".join(asked.request.content["reasons"])
        name = asked.request.content["run"]
        rows.append((name, digest, asked.stands.state, "requested", asked.request.at, "", why))
        for entry in asked.history:
            content = entry.content
            kind = f"{entry.kind}, superseding" if content["supersedes"] else entry.kind
            rows.append(("", "", "", kind, entry.at, content["by"], content["reason"]))
    echo_table(rows)
    typer.echo(f"\nThe record is whole; its head is {ledger.head}.")
    typer.echo("Note the head down elsewhere: it shows if entries are ever cut off.")


def _decide_on_platform(
    kind: str,
    reason: str,
    run_id: str,
    by: str | None,
    supersede: bool,
    runner: str | None,
    config: Path,
    overrides: list[str] | None,
) -> bool:
    """Decides on a run that a platform has; False if this machine has it."""
    from pipeline.approvals.deciding import Decision, who
    from pipeline.approvals.platforms import decide_on_platform, record_of
    from pipeline.errors import PenstockError

    settings = load(config, overrides)
    platform = runner or _platform_of(settings, run_id)
    if platform is None:
        return False
    decision = Decision(kind, by or who(), reason, supersede)
    request, entry, stands = decide_on_platform(settings, record_of(settings), run_id, decision)
    digest, name = entry.content["model_digest"][:12], request.content["run"]
    typer.echo(f"Model {digest} of run '{name}' is {kind} by {inert_cell(decision.by)} (entry {entry.number}).")
    if stands.state == "pending":
        typer.echo(f"It waits for more approvals: {inert_cell(stands.sentence())}.")
        return True
    try:
        typer.echo(_told(settings, platform, request, decision))
    except (PenstockError, ComponentError):
        typer.echo(f"The decision is on record (entry {entry.number}); {platform} was not told.", err=True)
        raise
    return True


def _platform_of(settings: "Config", run_id: str) -> str | None:
    """The platform that a run of this name was submitted to from this folder; None if it is none."""
    if settings.aws is None or run_id == "latest":
        return None
    from pipeline.submissions import submitted

    handles = submitted(store_of(settings), settings.pipeline.name)
    return next((handle.runner for handle in handles if handle.run_id == run_id), None)


def _told(settings: "Config", platform: str, request: "Entry", decision: "Decision") -> str:
    """What the platform was told of a decision on record, in words."""
    from pipeline.approvals.platforms import Queue, record_of, tell_registry
    from pipeline.runners.aws.clients import make_client
    from pipeline.runners.registry import capabilities_of

    aws = settings.on_aws
    if not capabilities_of(platform).asks_in_registry:
        queue = Queue(make_client("sqs", aws.region), make_client("stepfunctions", aws.region), aws)
        return queue.answer(request.content["run"], decision.kind)
    said = tell_registry(settings, record_of(settings), make_client("sagemaker", aws.region), request, decision)
    if decision.kind == "rejected":
        return f"{said} The run has ended, and nothing is pushed."
    return (
        f"{said} EventBridge has the run go on. Where that rule is not set up: aws sagemaker start-pipeline-execution "
        f"--pipeline-name {settings.pipeline.name}-continue --pipeline-parameters "
        f"Name=RunId,Value={request.content['run']}"
    )


def _decide(
    kind: str,
    reason: str,
    run_id: str,
    by: str | None,
    supersede: bool,
    no_run: bool,
    config: ConfigOption,
    overrides: SetOption,
) -> None:
    from components.model_approval.decisions import REJECTED
    from pipeline.approvals.deciding import Decision, check_meant, take, who
    from pipeline.cli.run import echo_summary, exit_code_of
    from pipeline.errors import EXIT_NOT_PUSHED, PenstockError

    settings = load(config, overrides)
    store = store_of(settings)
    if run_id == "latest":
        check_meant(settings)
    run = find_run(store, run_id, settings)
    entry, stands = take(settings, store, run.run_id, Decision(kind, by or who(), reason, supersede))
    digest = entry.content["model_digest"][:12]
    by = inert_cell(entry.content["by"])
    typer.echo(f"Model {digest} of run '{run.run_id}' is {kind} by {by} (entry {entry.number}).")
    if stands.state == "pending":
        typer.echo(f"It waits for more approvals: {inert_cell(stands.sentence())}.")
        return
    later = f"Go on with: {_going_on(run, config, overrides)}"
    if no_run:
        typer.echo(later)
        return
    try:
        summary = _carried_out(settings, store, run)
    except PenstockError as error:
        typer.echo(f"The decision is on record (entry {entry.number}), and was not carried out. {later}", err=True)
        raise error
    echo_summary(store, summary, config, overrides or ())
    code = exit_code_of(summary)
    raise typer.Exit(0 if kind == REJECTED and code == EXIT_NOT_PUSHED else code)


def _carried_out(settings: "Config", store: "RunStore", run: "RunRecord") -> "RunSummary":
    """What came of the decision: with the pipeline and the configuration that the run was made with."""
    from pipeline.approvals.deciding import config_of
    from pipeline.cli.start import push_decided, screen

    store.check_free()
    return push_decided(config_of(store, run.run_id, settings), run, screen())


def _going_on(run: "RunRecord", config: Path, overrides: list[str] | None) -> str:
    """The command that carries a decision out later."""
    from pipeline.run_store import AWAITING_APPROVAL

    same = [] if config == DEFAULT_CONFIG else ["--config", str(config)]
    same += [f"--set={item}" for item in overrides or ()]
    waits = run.state == AWAITING_APPROVAL
    words = ["--resume", run.run_id] if waits else ["--from", "ModelApproval", "--base", run.run_id]
    return command_line("run", *words, *same)
