"""What was done to the training rows, as HTML: rows and shares of each class before and after."""

from markupsafe import Markup

from components.training_balancer.targets import Balance, ClassBalance
from pipeline.report.section import note
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, number, percent

_DONE = {
    "downsample": "Rows of frequent values were left out",
    "upsample": "Rows of rare values were repeated",
    "class_weights": "Rows of rare values weigh more",
}


def balance_view(balance: Balance) -> Markup:
    """What was done and to how many rows, what fell short, and every class."""
    columns = (
        Column(clipped(balance.column, 60)),
        Column("rows before", numeric=True),
        Column("rows after", numeric=True),
        Column("weight", numeric=True),
        Column("share before", numeric=True),
        Column("share after", numeric=True),
        Column("correction", numeric=True),
    )
    warnings = [
        tag("p", tag("span", "!", class_="pn-state pn-busy"), f" {clipped(text, 500)}") for text in balance.warnings
    ]
    return join(
        [
            tag("p", _sentence(balance)),
            *warnings,
            table(columns, [_row(item) for item in balance.classes], caption="Training rows by class"),
            note(
                "Only the train split was balanced: metrics are measured on rows as they came. The model's "
                "probabilities times the correction, scaled to sum to 1, hold for the shares before."
            ),
        ]
    )


def _sentence(balance: Balance) -> str:
    settings = balance.settings
    without = f" {balance.unclassed:,} rows without a class stay as they are." if balance.unclassed else ""
    return (
        f"{_DONE.get(settings.method, settings.method)} ({settings.method}, target {settings.target:g}, seed "
        f"{settings.seed}): {balance.rows_before:,} rows became {balance.rows_after:,}.{without}"
    )


def _row(item: ClassBalance) -> tuple[object, ...]:
    return (
        clipped(item.name, 120),
        Cell(f"{item.before:,}", order=item.before),
        Cell(f"{item.after:,}", order=item.after),
        Cell(number(item.weight), order=item.weight),
        Cell(percent(item.share_before), order=item.share_before),
        Cell(percent(item.share_after), order=item.share_after),
        None if item.correction is None else Cell(number(item.correction), order=item.correction),
    )
