"""Starts a run on this machine for the verbs that run nodes, shows it while it goes, and leaves its report."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import RESUME, command_line, near, store_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.caching.request import RequestDescription
    from pipeline.config import Config
    from pipeline.definition import Plan
    from pipeline.progress.json_lines import JsonProgress
    from pipeline.progress.screen import Progress
    from pipeline.run_store import RunRecord, RunStore
    from pipeline.runners.base import Document
    from pipeline.runners.local import RunOptions
    from pipeline.runners.schedule import Expectation
    from pipeline.summary import RunSummary

    MakeProgress = Callable[[Mapping[str, Expectation], int], Progress | JsonProgress]


_REPORT_TIMEOUT_S = 120


def echo_notes(plan: "Plan") -> None:
    """Prints what the user should know before the run."""
    for note in plan.notes:
        typer.echo(f"note: {note}")


def echo_warnings(document: "Document") -> None:
    """Says on standard error what whoever starts a run of the document should know first."""
    for warning in document.warnings:
        typer.echo(f"warning: {warning}", err=True)


def screen() -> "MakeProgress":
    """Makes the display of a run for the terminal, or plain lines where there is none."""
    from rich.console import Console

    from pipeline.progress.screen import Progress

    def make(expected: "Mapping[str, Expectation]", workers: int) -> "Progress":
        cost_s = {node_id: expectation.wall_s for node_id, expectation in expected.items()}
        return Progress(Console(highlight=False), workers=workers, cost_s=cost_s)

    return make


def run_to_its_end(
    settings: "Config",
    plan: "Plan",
    parameters: "Mapping[str, str]",
    options: "RunOptions",
    make_progress: "MakeProgress",
) -> "RunSummary":
    """Compiles and runs in a warm process; returns what came of it."""
    from pipeline.caching.request import describe_request
    from pipeline.runners.registry import build_document
    from pipeline.staging import stage_inputs

    request = describe_request(settings, parameters)

    def describe(folder: Path) -> None:
        stage_inputs(settings, plan)  # while the store is held, so that no clean-up takes it away
        write_origin(folder, settings, request)

    make_document = partial(build_document, "local", settings, plan)
    return _carry_out(settings, make_document, describe, parameters, options, make_progress)


def push_decided(settings: "Config", run: "RunRecord", make_progress: "MakeProgress") -> "RunSummary":
    """Carries out ModelApproval and what follows it, after a decision about the run's model; nothing else.

    A run that waits goes on. One that has ended gets a successor that takes everything before from it. Either way
    the pipeline is the one that was compiled then: neither the configuration, nor the data, nor newer runs count.

    Args:
      settings: the run's own, see `RunStore.config_path`.
      run: the run that asked for the decision.
      make_progress: shows what happens.
    """
    from pipeline.caching.request import read_request
    from pipeline.run_store import AWAITING_APPROVAL
    from pipeline.runners.local import RunOptions
    from pipeline.runners.registry import kept_document

    store = store_of(settings)
    request = read_request(store.run_folder(run.run_id))
    parameters = request.parts.get("parameters", {}) if request else {}
    options = RunOptions(run_id=run.run_id, caching=settings.caching)
    if run.state != AWAITING_APPROVAL:
        options = RunOptions(first="ModelApproval", base_run_id=run.run_id, caching=settings.caching)
    make_document = partial(kept_document, "local", run.pipeline_name, str(store.ir_path(run.run_id)))
    return _carry_out(
        settings,
        make_document,
        lambda folder: write_origin(folder, settings, request),
        {name: str(value) for name, value in parameters.items()},
        options,
        make_progress,
    )


def _carry_out(
    settings: "Config",
    make_document: "Callable[[], Document]",
    describe: "Callable[[Path], None]",
    parameters: "Mapping[str, str]",
    options: "RunOptions",
    make_progress: "MakeProgress",
) -> "RunSummary":
    """Makes the document in a warm process and runs it; `describe` gets the run's folder before any node runs."""
    from pipeline.errors import RunInterrupted
    from pipeline.metadata import LineageStore
    from pipeline.runners.local import LocalRunner, expectations
    from pipeline.runners.warm import WarmProcess
    from pipeline.summary import summarise

    store, logs = store_of(settings), settings.root / "logs"
    progress = make_progress(expectations(store, settings.pipeline.name), options.workers)
    begun: list[str] = []
    try:
        progress.begin("loading TensorFlow and TFX")
        warm = WarmProcess(logs / "warm.log")
        document = warm.call(make_document, log_path=logs / "compile.log")
        progress.end()
        typer.echo(
            f"{document.pipeline_name}: {len(document.node_ids)} nodes, everything goes to {near(settings.root)}"
        )

        def begin(folder: Path) -> None:
            begun.append(folder.name)
            describe(folder)

        runner = LocalRunner(store, warm, options, on_event=progress.show, on_begin=begin)
        handle = runner.submit(document, parameters)
    except RunInterrupted as stop:
        again = command_line("run", RESUME, stop.run_id, *_config_arguments())
        raise RunInterrupted(f"{stop} Continue it with: {again}", run_id=stop.run_id) from None
    finally:
        progress.end()
        if begun and store.has(begun[0]):
            _write_report(store, begun[0])
    return summarise(store.read(handle.run_id), LineageStore(store.metadata_uri))


def _write_report(store: "RunStore", run_id: str) -> None:
    """Writes the run's report in a process of its own: a defect of it is told, and changes nothing about the run."""
    import subprocess

    command = [sys.executable, "-m", "pipeline.report.write", str(store.root), run_id]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_REPORT_TIMEOUT_S)
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done.returncode else ""
    except subprocess.TimeoutExpired:
        why = f"it took more than {_REPORT_TIMEOUT_S} s"
    if why:
        again = command_line("report", run_id, *_config_arguments())
        typer.echo(f"note: the run's report could not be written: {why}. Try again with: {again}", err=True)


def write_origin(folder: Path, settings: "Config", request: "RequestDescription | None") -> None:
    """Writes what a run was asked to do, the configuration and where the code comes from into its folder.

    Of a run that goes on these stay as they are; the later start has a `provenance.<n>.json` of its own.
    """
    from pipeline import provenance
    from pipeline.caching.request import write_request
    from pipeline.staging import write_whole

    if request is not None:
        write_request(folder, request)

    config, origin = folder / "config.json", folder / "provenance.json"
    if not config.exists():
        write_whole(config, settings.model_dump_json(indent=1, by_alias=True))
    if origin.exists():
        origin = folder / f"provenance.{len(list(folder.glob('provenance*.json'))) + 1}.json"
    write_whole(origin, provenance.collect().to_json())


def _config_arguments() -> list[str]:
    """The options of this command line that say which configuration is meant."""
    found, arguments = [], sys.argv[1:]
    for position, argument in enumerate(arguments):
        name = argument.partition("=")[0]
        if name in ("--config", "-c", "--set"):
            found += [argument] if "=" in argument and name != "-c" else arguments[position : position + 2]
    return found
