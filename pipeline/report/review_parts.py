"""The rows that people should look at, as HTML."""

from markupsafe import Markup

from components.human_review.queue import Question, Queue
from pipeline.report.section import note
from pipeline.report.table import Column, table
from pipeline.report.tags import join
from pipeline.report.text import clipped

_ROWS = 20
_COLUMNS = 6


def review_view(queue: Queue) -> Markup:
    """How many rows are below the threshold, and the least confident of them."""
    columns = (
        Column("row"),
        Column("predicted"),
        Column("confidence", numeric=True, meaning="probability of the predicted class"),
        Column("given", meaning="what the data says"),
        Column("values", wide=True),
    )
    rows = [_row(question) for question in queue.questions[:_ROWS]]
    return join(
        [
            note(queue_sentence(queue)),
            *(note(clipped(remark, 500)) for remark in queue.remarks),
            table(columns, rows, caption="Least confident rows") if rows else "",
        ]
    )


def queue_sentence(queue: Queue) -> str:
    """`37 of 1,824 evaluated rows are below 0.9; …`."""
    if not queue.looked_at:
        return "No row was looked at."
    what = "evaluated rows" if queue.origin.path is None else "rows to label"
    said = f"{queue.below:,} of {queue.looked_at:,} {what} have a confidence below {queue.threshold:g}"
    done = f", {queue.answered:,} of them answered before" if queue.answered else ""
    ask = f" The {len(queue.questions):,} least confident wait for people: penstock review." if queue.questions else ""
    return f"{said}{done}.{ask}"


def _row(question: Question) -> tuple[object, ...]:
    known = [(name, value) for name, value in question.columns.items() if value is not None]
    known.sort(key=lambda item: -len(str(item[1]).split()))  # texts say most to people, ids least
    known = known[:_COLUMNS]
    values = "; ".join(f"{clipped(name, 60)}: {clipped(str(value), 120)}" for name, value in known)
    return (
        question.row,
        clipped(question.predicted, 60),
        f"{question.confidence:.3f}",
        clipped(question.given or "", 60),
        values,
    )
