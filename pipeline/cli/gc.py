"""`penstock gc`: removes what old runs left, and nothing that a pushed or approved model needs.

On S3 only what was never published goes; see `pipeline/retention/remote.py`.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, load, near, store_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.config import Config
    from pipeline.platform_root import PlatformRoot
    from pipeline.retention.plan import CleaningPlan, Removal, Stay
    from pipeline.retention.remote import Leftover, RemotePlan
    from pipeline.run_store import RunStore


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    keep_last: Annotated[int, typer.Option(min=0, help="Runs of each pipeline that stay whole.")] = 5,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Remove what old runs left; what pushed, approved and the latest blessed models need stays.

    On S3 (aws.root, kubeflow.root) only what killed uploads left goes, after a day; published outputs stay, whatever
    run they are of. A kubeflow.root on a volume is left alone.
    """
    from pipeline.retention.clean import clean, plan_cleaning

    settings = load(config, overrides)
    store, push_folder = store_of(settings), Path(settings.push_directory)
    roots = _roots(settings)
    _refuse_shared(store, roots)
    plan = (plan_cleaning if dry_run else clean)(store, keep_last, push_folder)
    _echo(plan, "would go" if dry_run else "went")
    for root in roots:
        _clean_there(root, keep_last, dry_run=dry_run)


def _roots(settings: "Config") -> "list[PlatformRoot]":
    """The roots of runs on the configuration's platforms, each once."""
    from pipeline.platform_root import platform_root, use_region

    found: dict[str, PlatformRoot] = {}
    for section, runner in ((settings.aws, "sagemaker"), (settings.kubeflow, "kubeflow")):
        if section is not None:
            use_region(runner, settings)
            root = platform_root(runner, settings)
            found.setdefault(root.place, root)
    return list(found.values())


def _refuse_shared(store: "RunStore", roots: "Iterable[PlatformRoot]") -> None:
    """Raises ConfigError where a platform's runs keep their outputs among those of runs here.

    The store of runs here knows nothing of them, and so they would be taken for what killed attempts left.
    """
    from pipeline.errors import ConfigError

    for root in roots:
        if not root.is_on_s3 and Path(root.place).resolve() == store.root.resolve():
            raise ConfigError(
                [
                    f"pipeline.root and {root.runner}.root are both {root.place}: what runs on {root.runner} made is "
                    "not in the lineage store of runs here, and could not be told from what killed attempts left. "
                    "Nothing was removed. Give runs on this machine a pipeline.root of their own."
                ]
            )


def _clean_there(root: "PlatformRoot", keep_last: int, *, dry_run: bool) -> None:
    """Cleans a platform's root, or says why that is left alone: what goes here does not depend on it."""
    from components.errors import ComponentError
    from pipeline.errors import PenstockError
    from pipeline.retention.remote import clean_remote, plan_of_jobs

    typer.echo()
    if not root.is_on_s3:
        typer.echo(
            f"note: {root.place}, where runs on {root.runner} keep everything, is on a volume and is left alone: on "
            "platforms this command cleans S3 only. What old runs left there stays until somebody removes it."
        )
        return
    try:
        plan = plan_of_jobs(root, keep_last)
        if not dry_run:
            clean_remote(plan)
    except (PenstockError, ComponentError) as error:
        typer.echo(f"note: {root.place} is left alone: {error}")
        return
    _echo_remote(root.place, plan, "would go" if dry_run else "went")


def _echo_remote(root: str, plan: "RemotePlan", went: str) -> None:
    for word, items in ((went, plan.removals), ("stays", plan.stays)):
        if items:
            echo_table([(word, "bytes", "why"), *((item.uri, f"{item.size_bytes:,}", item.why) for item in items)])
            typer.echo()
    typer.echo(
        f"{root}: {len(plan.removals):,} {went}, {_total(plan.removals)}; {len(plan.stays):,} stay, "
        f"{_total(plan.stays)}; {plan.published:,} published outputs, {_size(plan.published_bytes)}, are left alone."
    )


def _total(items: "Iterable[Leftover]") -> str:
    return _size(sum(item.size_bytes for item in items))


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
