"""`penstock quality`: propose constraints from the data, and check those of the configuration, without a run."""

import datetime

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, load

quality_app = typer.Typer(
    help="Propose and check constraints on the data.", no_args_is_help=True, rich_markup_mode=None
)


@quality_app.command()
def suggest(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Print constraints that the data keeps to, ready for the configuration."""
    from pipeline.constraint_text import suggestions_text
    from pipeline.data_quality import suggest_constraints

    found = suggest_constraints(load(config, overrides))
    if not found:
        typer.echo("The data has fewer than 100 rows: too few to propose anything from.")
        return
    typer.echo("# Proposed from this data, which keeps to all of it. Keep what must hold for the next data too.")
    typer.echo(suggestions_text(item.to_json() for item in found))


@quality_app.command()
def check(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Measure the configuration's constraints on the data; exit code 4 if one of severity error does not hold."""
    from components.errors import GateRefused
    from pipeline.data_quality import check_quality

    verdict = check_quality(load(config, overrides), datetime.datetime.now(datetime.UTC))
    rows = [("", "constraint", "found")]
    rows += [(_word(item.passed, item.refuses), item.check, item.sentence) for item in verdict.findings]
    if verdict.findings:
        echo_table(rows)
    for remark in verdict.remarks:
        typer.echo(remark)
    if not verdict.passed:
        raise GateRefused(f"\n{verdict.refusal()}")


def _word(passed: bool | None, refuses: bool) -> str:
    if passed is None:
        return "not decided"
    return "passed" if passed else "refuses" if refuses else "warns"
