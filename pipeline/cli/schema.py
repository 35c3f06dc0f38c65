"""`penstock schema`: propose a schema from a run, show what would change and why, write the reviewed file."""

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, RunArgument, SetOption, find_run, load, store_of

if TYPE_CHECKING:
    from models.tabular_text.features import FeatureSpec
    from pipeline.config import Config

schema_app = typer.Typer(
    help="Propose, compare and accept the data's schema.", no_args_is_help=True, rich_markup_mode=None
)


@schema_app.command()
def infer(
    run_id: RunArgument = "latest",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here instead of the screen.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Propose a schema from a run's statistics."""
    from google.protobuf import text_format

    from pipeline.errors import ConfigError
    from pipeline.schema_review.files import write_schema
    from pipeline.schema_review.inference import infer_schema

    if output is not None and output.exists() and not force:
        raise ConfigError([f"{output} is there already, perhaps reviewed by somebody. Replace it with --force."])
    run, statistics, features = _evidence(load(config, overrides), run_id)
    with _quiet():
        schema = infer_schema(statistics, features)
    if output is None:
        typer.echo(text_format.MessageToString(schema, as_utf8=True))
        return
    write_schema(output, schema, f"Proposed from the statistics of run {run}: review it like code.")
    typer.echo(f"Wrote {output} ({len(schema.feature)} columns). Review it, then set in the configuration: schema.path")


@schema_app.command()
def diff(run_id: RunArgument = "latest", config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Show how the reviewed schema would have to change for a run's data, and why."""
    from pipeline.schema_review.diff import diff_schemas, format_changes

    settings = load(config, overrides)
    _, statistics, features = _evidence(settings, run_id)
    reviewed, proposed = _proposal(settings, statistics, features)
    for line in format_changes(diff_schemas(reviewed, proposed, statistics)):
        typer.echo(line)


@schema_app.command()
def accept(
    run_id: RunArgument = "latest",
    feature: Annotated[list[str] | None, typer.Option(help="Only this column's changes, repeatable.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write the changes that a run's data needs into the reviewed schema."""
    from pipeline.schema_review.diff import apply_changes, diff_schemas, format_changes
    from pipeline.schema_review.files import update_schema

    settings = load(config, overrides)
    _, statistics, features = _evidence(settings, run_id)
    reviewed, proposed = _proposal(settings, statistics, features)
    accepted = apply_changes(reviewed, proposed, feature or None)
    path = Path(str(settings.schema_.path))
    for line in format_changes(diff_schemas(reviewed, accepted, statistics)):
        typer.echo(line)
    if accepted != reviewed:
        update_schema(path, accepted)
        typer.echo(f"Wrote {path}.")


def _evidence(settings: "Config", run_id: str) -> "tuple[str, Any, FeatureSpec | None]":
    """A run's id, its statistics by split, and the plan it was made with."""
    from pipeline.errors import NotFound
    from pipeline.ir import feature_spec
    from pipeline.metadata import LineageStore, single
    from pipeline.schema_review.files import load_all_statistics

    store = store_of(settings)
    run = find_run(store, run_id, settings)
    outputs = LineageStore(store.metadata_uri).outputs_of_run(run.run_id, run.pipeline_name)
    artifact = single(outputs, "statistics", "StatisticsGen")
    if artifact is None:
        raise NotFound(f"Run '{run.run_id}' has no statistics: it did not get as far as StatisticsGen.")
    document = store.ir_path(run.run_id).read_text(encoding="utf-8")
    return run.run_id, load_all_statistics(artifact.uri), feature_spec(document)


def _proposal(settings: "Config", statistics: Any, features: "FeatureSpec | None") -> tuple[Any, Any]:
    """The reviewed schema, and what it would have to be."""
    from pipeline.errors import ConfigError
    from pipeline.schema_review.files import read_schema
    from pipeline.schema_review.inference import propose_schema

    if settings.schema_.path is None:
        advice = "Make one with: penstock schema infer --output schema.pbtxt, then set schema.path."
        raise ConfigError([f"The configuration has no schema.path, so there is nothing to compare with. {advice}"])
    reviewed = read_schema(Path(settings.schema_.path))
    with _quiet():
        return reviewed, propose_schema(reviewed, statistics, features)


def _quiet() -> contextlib.redirect_stderr[io.StringIO]:
    """Keeps the import chatter of TensorFlow off the screen."""
    return contextlib.redirect_stderr(io.StringIO())
