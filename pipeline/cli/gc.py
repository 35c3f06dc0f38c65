"""`penstock gc`: removes what old runs left, and nothing that a pushed or approved model needs."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, load, near, store_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.retention.plan import CleaningPlan, Removal, Stay


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    keep_last: Annotated[int, typer.Option(min=0, help="Runs of each pipeline that stay whole.")] = 5,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Remove what old runs left; what pushed, approved and the latest blessed models need stays."""
    from pipeline.retention.clean import clean, plan_cleaning

    settings = load(config, overrides)
    store, push_folder = store_of(settings), Path(settings.push_directory)
    plan = (plan_cleaning if dry_run else clean)(store, keep_last, push_folder)
    _echo(plan, "would go" if dry_run else "went")


def _echo(plan: "CleaningPlan", went: str) -> None:
    if plan.removals:
        echo_table([(went, "bytes", "why"), *_removals(plan.removals)])
        typer.echo()
    if plan.stays:
        echo_table([("stays", "bytes", "why"), *_stays(plan.stays)])
        typer.echo()
    for note in plan.notes:
        typer.echo(f"note: {note}.")
    kept = sum(item.size_bytes for item in plan.stays)
    typer.echo(f"{len(plan.removals):,} {went}, {_size(plan.freed_bytes)}; {len(plan.stays):,} stay, {_size(kept)}.")


def _removals(removals: "Iterable[Removal]") -> list[tuple[str, str, str]]:
    """One row for each thing; what is empty is counted by reason."""
    rows = [(near(item.path), f"{item.size_bytes:,}", item.why) for item in removals if item.size_bytes]
    empty = Counter(item.why for item in removals if not item.size_bytes)
    return rows + [(f"{count:,} empty", "0", why) for why, count in empty.items()]


def _stays(stays: "Iterable[Stay]") -> list[tuple[str, str, str]]:
    """One row for each reason: how many things, and their bytes together."""
    by_reason: dict[str, list[Stay]] = {}
    for item in stays:
        by_reason.setdefault(item.why, []).append(item)
    return [
        (f"{len(items):,} folders", f"{sum(item.size_bytes for item in items):,}", why)
        for why, items in by_reason.items()
    ]


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:,.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:,.1f} GiB"
