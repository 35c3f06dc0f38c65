"""The last task of a run on Kubeflow Pipelines: tells how the run ended, and leaves the report of all of it for the UI.

    python -m pipeline.kubeflow_task.farewell --executor-input JSON --show report=FILE --ir IR --root ROOT NOTIFICATION…

NOTIFICATION stands for the words of `python -m pipeline.launch.notification`, which comes first and decides about the
exit code. Unlike cards, which Kubeflow drops if their task failed, this report says why nodes did.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.kubeflow_task.ended_run import EndedRun
from pipeline.launch import notification

MOST_BYTES = 8 * 2**20
"""Of a page that the UI is given: it loads all of it before it shows the task."""


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Tells, and leaves the report; returns the exit code of telling."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow_task.farewell", allow_abbrev=False)
    for option in ("--executor-input", "--show", "--ir", "--root", "--pipeline", "--run-id", "--status", "--url-from"):
        parser.add_argument(option, required=True)
    args = parser.parse_args(argv)
    told = ["--pipeline", args.pipeline, "--run-id", args.run_id, "--status", args.status, "--url-from", args.url_from]
    code = notification.main(told, environ)
    run = EndedRun(args.pipeline, args.run_id, args.ir, args.root, args.status)
    leave_report(run, args.executor_input, args.show)
    return code


def leave_report(run: EndedRun, executor_input: str, show: str) -> None:
    """Writes the report into the output; where that fails it is told in the log."""
    try:
        from pipeline.kubeflow_task.outputs import Outputs, Shown
        from pipeline.kubeflow_task.run_report import page_of

        name, _, path = show.partition("=")
        page = page_of(run)
        if len(page.encode()) > MOST_BYTES:
            raise ValueError(f"the report has {len(page.encode()):,} bytes, and at most {MOST_BYTES:,} are shown")
        Outputs.of(executor_input, {name: Path(path)}).write({name: Shown(page)})
    except Exception as error:  # noqa: BLE001 - everybody who is to know has been told how the run ended
        sys.stderr.write(
            f"The report is not in Kubeflow's UI, because of this: {type(error).__name__}: {error}\n"
            f"To make it: penstock report {run.run_id} --runner kubeflow\n"
        )


if __name__ == "__main__":
    sys.exit(main())
