"""The report of a run from what its nodes left at the root, inside a pod of the run."""

import dataclasses
import os

from pipeline.fetched_runs import ReportedLineage, run_record
from pipeline.kubeflow_task.ended_run import EndedRun
from pipeline.kubeflow_task.node_view import elsewhere_of, shown_store
from pipeline.launch.arguments import read_ir
from pipeline.launch.job_machine import scratch_folder
from pipeline.node_reports import NodeReport, merged, read_reports
from pipeline.readers.run_view import RunView
from pipeline.report.write import report_page
from pipeline.run_handle import RunHandle
from pipeline.run_store import AWAITING_APPROVAL, RunRecord
from pipeline.runners.base import RunState
from pipeline.runners.remote import RunProgress


def page_of(run: EndedRun) -> str:
    """The report as HTML.

    Raises:
      StorageError: the root cannot be read.
    """
    ir_text, reports = read_ir(run.ir), read_reports(run.root, run.pipeline_name, run.run_id)
    store = shown_store(scratch_folder(os.environ), run.run_id, ir_text)
    elsewhere = elsewhere_of(run.root, ReportedLineage(merged(reports)), store.root)
    return report_page(RunView(store, _record(run, reports, ir_text), elsewhere))


def _record(run: EndedRun, reports: list[NodeReport], ir_text: str) -> RunRecord:
    """The run by its nodes' own words; one that was killed left none, and is shown as not run."""
    waits = any(report.node.state == AWAITING_APPROVAL for report in reports)
    state: RunState = "COMPLETE" if run.succeeded else "FAILED"
    if run.succeeded and waits:
        state = "AWAITING_APPROVAL"
    starts = [report.node.started_at for report in reports if report.node.started_at]
    ends = [report.node.ended_at for report in reports if report.node.ended_at]
    handle = RunHandle("kubeflow", run.pipeline_name, run.run_id, submitted_at=min(starts, default=""))
    made = run_record(handle, RunProgress(state, ()), reports, ir_text)
    return dataclasses.replace(made, ended_at=max(ends, default=None))
