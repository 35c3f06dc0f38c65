"""Writes the report of a run: one HTML file, from what the run left. Reads artifacts only, without TensorFlow."""

import datetime
import os
from pathlib import Path

from pipeline.readers.run_view import RunView
from pipeline.report.page import render_page
from pipeline.report.run_page import page_sections, page_top
from pipeline.run_store import RunStore


def report_path(store: RunStore, run_id: str) -> Path:
    """Where the report of a run is."""
    return store.run_folder(run_id) / "report" / "index.html"


def write_report(store: RunStore, run_id: str) -> Path:
    """Writes `runs/<run_id>/report/index.html` anew; a reader sees the old page or the new one, never half.

    Raises:
      NotFound: if there is no such run, or the lineage store is damaged.
    """
    target = report_path(store, run_id)
    page = report_page(RunView.open(store, run_id))
    target.parent.mkdir(exist_ok=True)
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
