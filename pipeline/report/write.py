"""Writes the report of a run: one HTML file, from what the run left. Reads artifacts only, without TensorFlow."""

import datetime
import os
import sys
from pathlib import Path

from pipeline.errors import PenstockError
from pipeline.readers.run_view import RunView
from pipeline.report.page import render_page
from pipeline.report.run_page import page_sections, page_top
from pipeline.run_store import RunStore


def write_report(store: RunStore, run_id: str) -> Path:
    """Writes `runs/<run_id>/report/index.html` anew; a reader sees the old page or the new one, never half.

    Raises:
      NotFound: if there is no such run, or the lineage store is damaged.
    """
    return write_page(RunView.open(store, run_id))


def write_page(view: RunView) -> Path:
    """Writes the page of a run beside its record, as `write_report`; of a run on a platform below the copies here."""
    target = view.store.report_path(view.record.run_id)
    page = report_page(view)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"index.html.{os.getpid()}.tmp")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(target)
    return target


def report_page(view: RunView) -> str:
    """The run's report as HTML."""
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return render_page(
        title=f"{view.record.pipeline_name} · {view.record.run_id}",
        top=page_top(view),
        sections=page_sections(view, made),
        foot=f"Written by Penstock on {made}. This file asks for nothing over a network.",
    )


def main(root: str, run_id: str) -> int:
    """`python -m pipeline.report.write ROOT RUN`: as `write_report`, in a process of its own; returns the exit code."""
    try:
        write_report(RunStore(Path(root)), run_id)
    except PenstockError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
