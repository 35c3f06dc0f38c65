"""From the configuration to a document that a platform may be given: compiled, checked, and its inputs put in place."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Config
    from pipeline.runners.base import Document


def checked_document(settings: "Config", runner: str, parameters: "Mapping[str, str]") -> "Document":
    """The checked document; what its jobs read beside artifacts is put where they can reach it.

    Raises:
      ConfigError: listing what keeps the pipeline from running there.
    """
    from pipeline.cli.start import echo_notes, echo_warnings
    from pipeline.errors import ConfigError
    from pipeline.planning import check_data, make_plan
    from pipeline.platform_root import use_region
    from pipeline.runners.registry import build_document, check_place, placed_for, platform_problems
    from pipeline.runners.remote import check_given
    from pipeline.runners.warm import WarmProcess
    from pipeline.staging import stage_inputs

    placed, logs = placed_for(runner, settings), settings.root / "logs"
    use_region(runner, settings)
    for note in check_place(runner, placed):
        typer.echo(f"note: {note}", err=True)
    plan = make_plan(placed)
    echo_notes(plan)
    if unseen := check_data(placed, plan):
        typer.echo(f"note: {unseen}", err=True)
    warm = WarmProcess(logs / "warm.log")
    document: Document = warm.call(build_document, runner, settings, plan, log_path=logs / "compile.log")
    echo_warnings(document)
    check_given(document, parameters)
    if problems := platform_problems(document):
        raise ConfigError(problems)
    stage_inputs(placed, plan)
    _note(settings, runner, document)
    return document


def _note(settings: "Config", runner: str, document: "Document") -> None:
    """Leaves configuration and provenance where the pages of the run are made from; says so where that fails."""
    from pipeline import provenance
    from pipeline.fetched_runs import note_submission
    from pipeline.platform_root import platform_root
    from pipeline.runners.registry import why_unreached
    from pipeline.storage.errors import StorageError

    if why_unreached(runner, settings):  # which has been told
        return
    config = settings.model_dump_json(indent=1, by_alias=True)
    try:
        note_submission(platform_root(runner, settings), document.ir, config, provenance.collect().to_json())
    except StorageError as error:
        typer.echo(f"warning: the run's report will lack its configuration: {error}", err=True)
