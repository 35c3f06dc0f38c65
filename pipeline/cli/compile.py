"""`penstock compile`: the document that a platform takes, without sending it anywhere."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, load, near
from pipeline.cli.start import echo_notes, echo_warnings

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.runners.base import Document


def compile_document(
    runner: Annotated[str, typer.Option(help="The platform: local, kubeflow, sagemaker or step_functions.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; else to standard output.")
    ] = None,
    diff_deployed: Annotated[
        bool, typer.Option("--diff-deployed", help="Say in words what differs from what the platform has.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Compile the pipeline for a platform and check the document; the same pipeline gives the same bytes."""
    from pipeline.errors import CannotCheck, ConfigError
    from pipeline.runners.registry import capabilities_of, platform_problems

    capabilities_of(runner)
    settings = load(config, overrides)
    document = compiled(runner, settings)
    echo_warnings(document)
    try:
        if problems := platform_problems(document):
            raise ConfigError(problems)
    except CannotCheck as error:
        typer.echo(f"note: not checked: {error}", err=True)
    if diff_deployed:
        _echo_differences(runner, settings, document)
    elif output is None:
        sys.stdout.write(document.text + "\n")
    if output is None:
        return
    for path, part in files_of(output, document).items():
        path.write_text(part.text + "\n", encoding="utf-8")
        typer.echo(f"Wrote {near(path)}: {len(part.node_ids)} nodes, {len(part.text.encode()):,} bytes.")


def _echo_differences(runner: str, settings: "Config", document: "Document") -> None:
    """What the platform would get that it has not, document by document."""
    from pipeline.errors import PlatformRefused
    from pipeline.runners.document_diff import read, told
    from pipeline.runners.registry import remote_runner
    from pipeline.terminal_text import inert

    platform = remote_runner(runner, settings)
    for part in (document, document.continuation):
        if part is None:
            continue
        deployed = platform.deployed(part.pipeline_name)
        if deployed is not None:
            read(deployed, f"What {runner} has as '{part.pipeline_name}'", PlatformRefused)
        for line in told(part.pipeline_name, deployed, part.text):
            typer.echo(inert(line))


def compiled(runner: str, settings: "Config") -> "Document":
    """The pipeline's document for a runner, compiled in a warm process, because that needs TFX."""
    from pipeline.planning import make_plan
    from pipeline.runners.registry import build_document, placed_for
    from pipeline.runners.warm import WarmProcess

    plan, logs = make_plan(placed_for(runner, settings)), settings.root / "logs"
    if sys.stdout.isatty():
        echo_notes(plan)
    warm = WarmProcess(logs / "warm.log")
    document: Document = warm.call(build_document, runner, settings, plan, log_path=logs / "compile.log")
    return document


def files_of(output: Path, document: "Document") -> "dict[Path, Document]":
    """Where the document goes, and beside it the one that goes on after an approval; a device or pipe has no beside."""
    files = {output: document}
    if document.continuation is not None and (output.is_file() or not output.exists()):
        files[output.with_stem(f"{output.stem}-continue")] = document.continuation
    return files
