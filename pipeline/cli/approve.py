"""The verbs by which people decide on models: `penstock approve`, `penstock reject`, `penstock approvals`."""

import dataclasses
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
from pipeline.cli.platform import PlatformOption, WhoseRunsOption, platform_run, same_arguments
from pipeline.terminal_text import inert_cell

if TYPE_CHECKING:
    from components.ledger.ledger import Entry
    from pipeline.approvals.deciding import Decision
    from pipeline.config import Config
    from pipeline.platform_root import PlatformRoot
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
    said = Said("approved", reason, run_id, by, supersede, no_run)
    if not _decide_on_platform(said, runner, config, overrides):
        _decide(said, config, overrides)


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
    said = Said("rejected", reason, run_id, by, supersede, no_run)
    if not _decide_on_platform(said, runner, config, overrides):
        _decide(said, config, overrides)


def approvals(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="Only this run's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the evidence.")] = False,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """List the models that wait for an approval, and every decision; checks that the record is whole."""
    from pipeline.approvals.deciding import ledger_of, requests
    from pipeline.approvals.platforms import record_of
    from pipeline.platform_root import reached_root

    settings = load(config, overrides)
    root = reached_root(runner, settings)
    ledger = ledger_of(settings) if root is None else record_of(root)
    wanted = find_run(store_of(settings), run_id, settings).run_id if run_id and root is None else run_id
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


@dataclasses.dataclass(frozen=True)
class Said:
    """What the command line says of a decision, see `approve`."""

    kind: str
    reason: str
    run_id: str
    by: str | None
    supersede: bool
    no_run: bool

    def decision(self) -> "Decision":
        """The decision, by the user who runs this if nobody is named."""
        from pipeline.approvals.deciding import Decision, who

        return Decision(self.kind, self.by or who(), self.reason, self.supersede)


def _decide_on_platform(said: Said, runner: str | None, config: Path, overrides: list[str] | None) -> bool:
    """Decides on a run that a platform has; False if this machine has it."""
    from pipeline.approvals.platforms import decide_on_platform, record_of
    from pipeline.errors import PenstockError
    from pipeline.platform_root import reached_root

    settings = load(config, overrides)
    root = reached_root(runner or _platform_of(settings, said.run_id), settings)
    if root is None:
        return False
    _check_no_run(said, root.runner)
    decision = said.decision()
    request, entry, stands = decide_on_platform(settings, record_of(root), said.run_id, decision)
    digest, name = entry.content["model_digest"][:12], request.content["run"]
    typer.echo(f"Model {digest} of run '{name}' is {said.kind} by {inert_cell(decision.by)} (entry {entry.number}).")
    if stands.state == "pending":
        typer.echo(f"It waits for more approvals: {inert_cell(stands.sentence())}.")
        return True
    same = same_arguments(config, overrides)
    later = command_line("resume", name, "--runner", root.runner, *same)
    if said.no_run:
        typer.echo(f"Go on with: {later}")
        return True
    try:
        typer.echo(_told(settings, root, request, decision, same))
    except (PenstockError, ComponentError):
        again = f" Go on with: {later}" if _goes_on_when_told(root.runner) else ""
        typer.echo(f"The decision is on record (entry {entry.number}); {root.runner} was not told.{again}", err=True)
        raise
    return True


def _goes_on_when_told(runner: str) -> bool:
    from pipeline.runners.registry import capabilities_of

    return capabilities_of(runner).continues_when_told


def _check_no_run(said: Said, runner: str) -> None:
    """Raises ConfigError where a decision cannot be carried out later by a command of ours."""
    from pipeline.errors import ConfigError

    if said.no_run and not _goes_on_when_told(runner):
        raise ConfigError([f"--no-run: {runner} goes on by what it is told of a decision, which is not told twice."])


def _platform_of(settings: "Config", run_id: str) -> str | None:
    """The platform that a run of this name was submitted to from this folder; None if it is none."""
    if run_id == "latest" or (settings.aws is None and settings.kubeflow is None):
        return None
    from pipeline.submissions import submitted

    handles = submitted(store_of(settings), settings.pipeline.name)
    return next((handle.runner for handle in handles if handle.run_id == run_id), None)


def _told(settings: "Config", root: "PlatformRoot", request: "Entry", decision: "Decision", same: list[str]) -> str:
    """What the platform was told of a decision on record, in words."""
    from pipeline.approvals.platforms import Queue, record_of, tell_registry
    from pipeline.runners.aws.clients import make_client
    from pipeline.runners.registry import capabilities_of

    if _goes_on_when_told(root.runner):
        return _continued(settings, root.runner, request.content["run"], same)
    aws = settings.on_aws
    if not capabilities_of(root.runner).asks_in_registry:
        queue = Queue(make_client("sqs", aws.region), make_client("stepfunctions", aws.region), aws)
        return queue.answer(request.content["run"], decision.kind)
    said = tell_registry(settings, record_of(root), make_client("sagemaker", aws.region), request, decision)
    if decision.kind == "rejected":
        return f"{said} The run has ended, and nothing is pushed."
    return (
        f"{said} EventBridge has the run go on. Where that rule is not set up: aws sagemaker start-pipeline-execution "
        f"--pipeline-name {settings.pipeline.name}-continue --pipeline-parameters "
        f"Name=RunId,Value={request.content['run']}"
    )


def _continued(settings: "Config", runner: str, run_id: str, same: list[str]) -> str:
    """Has the run go on: after an approval to the pushed model, after a rejection to its end without one."""
    found, handle = platform_run(settings, runner, run_id)
    if found.watch(handle).state == "COMPLETE":
        anew = command_line("submit", "--runner", runner, *same)
        return (
            f"Run {run_id} has ended by an earlier decision. A new run takes this one, and all else as it was: {anew}"
        )
    going_on = found.resume(handle)
    look = command_line("status", run_id, "--wait", "--runner", runner, *same)
    return f"Run {run_id} goes on as {going_on.execution_arn}. To follow it: {look}"


def _decide(said: Said, config: ConfigOption, overrides: SetOption) -> None:
    from components.model_approval.decisions import REJECTED
    from pipeline.approvals.deciding import check_meant, take
    from pipeline.cli.run import echo_summary, exit_code_of
    from pipeline.errors import EXIT_NOT_PUSHED, PenstockError

    settings = load(config, overrides)
    store = store_of(settings)
    if said.run_id == "latest":
        check_meant(settings)
    run = find_run(store, said.run_id, settings)
    entry, stands = take(settings, store, run.run_id, said.decision())
    digest = entry.content["model_digest"][:12]
    by = inert_cell(entry.content["by"])
    typer.echo(f"Model {digest} of run '{run.run_id}' is {said.kind} by {by} (entry {entry.number}).")
    if stands.state == "pending":
        typer.echo(f"It waits for more approvals: {inert_cell(stands.sentence())}.")
        return
    later = f"Go on with: {_going_on(run, config, overrides)}"
    if said.no_run:
        typer.echo(later)
        return
    try:
        summary = _carried_out(settings, store, run)
    except PenstockError as error:
        typer.echo(f"The decision is on record (entry {entry.number}), and was not carried out. {later}", err=True)
        raise error
    echo_summary(store, summary, config, overrides or ())
    code = exit_code_of(summary)
    raise typer.Exit(0 if said.kind == REJECTED and code == EXIT_NOT_PUSHED else code)


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
