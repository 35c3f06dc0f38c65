"""The nodes of one command line, one after the other: what is told to whoever started them, and the exit code."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PenstockError
from pipeline.launch.arguments import SELF_TEST, Job, parse, read_ir
from pipeline.launch.decisions import SKIP, WAITING, approval_of, behind, decide, write_decisions
from pipeline.launch.interruption import EXIT_CODE, Interrupted, interruptible
from pipeline.launch.job_machine import JOB_FOLDER, checkpoint_variables, leader_of, scratch_folder
from pipeline.launch.job_output import tell, tell_failure
from pipeline.launch.node import bound_ir, node_of, run_node
from pipeline.launch.outcome import EXIT_CODES, Failure, NodeOutcome
from pipeline.metadata import connection_config


def main(argv: Sequence[str] | None = None, job_folder: Path = JOB_FOLDER) -> int:
    """Runs the nodes named on the command line; returns the exit code.

    0, a failed node's as in pipeline/errors.py, or 143 after SIGTERM.

    Args:
      argv: the words of the command line, this process's own if None.
      job_folder: the platform's, if it is there (pipeline/launch/job_machine.py); gets the reason of a failure.

    Raises:
      ConfigError: listing every argument that makes no sense, before any node runs.
      StoreUnreachable: the lineage store does not let us in.
      NodeFailed: a decision that is asked for cannot be taken.
    """
    if SELF_TEST in (sys.argv[1:] if argv is None else argv):
        from pipeline.launch.self_test import self_test

        return self_test(os.environ)
    try:
        with interruptible():
            if (leader := leader_of(job_folder)) is not None:
                sys.stdout.write(f"The nodes of this job run on {leader}; this machine has nothing to do.\n")
                return 0
            job = parse(argv, scratch_folder(os.environ, job_folder))
            os.environ.update(checkpoint_variables(os.environ, job_folder))
            del sys.argv[1:]  # TFX hands sys.argv[1:] to executors as extra flags
            logging.basicConfig(stream=sys.stdout, level=logging.INFO)
            return _run(job, job_folder)
    except Interrupted:
        text = "Interrupted by SIGTERM. What was running is left open: the same command goes on with it."
        sys.stderr.write(f"{text}\n")
        tell_failure(text, job_folder)
        return EXIT_CODE
    except Exception as error:
        tell_failure(str(error) if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}", job_folder)
        raise


def _run(job: Job, job_folder: Path) -> int:
    outcomes: list[NodeOutcome] = []
    for node_id in job.request.node_ids:
        outcome = run_node(job.request, node_id)
        outcomes.append(outcome)
        sys.stdout.write(f"NODE {node_id} {outcome.state} execution {outcome.execution_id}\n")
        sys.stdout.flush()
        if outcome.failure is None:
            continue
        sys.stderr.write(f"{outcome.failure.message}\n")
        if outcome.failure.kind == "approval" and job.decisions is not None:
            tell(outcome.failure.message, job_folder)
            break
        tell_failure(_reason(node_id, outcome.failure), job_folder)
        return EXIT_CODES[outcome.failure.kind]
    if job.decisions is not None:
        _decide(job, outcomes, job.decisions)
    return 0


def _reason(node_id: str, failure: Failure) -> str:
    where = f" ({failure.where})" if failure.where else ""
    return f"{node_id}: {failure.message}{where}"


def _decide(job: Job, outcomes: Sequence[NodeOutcome], folder: str) -> None:
    """Writes what the orchestrator branches on; what is behind a node that waits is left out of the run."""
    from pipeline.caching.metadata_lock import LockedMetadata

    connection = LockedMetadata(connection_config(job.request.metadata_uri, writable=True))
    ir, answers = bound_ir(job.request), {}
    waiting: frozenset[str] = frozenset()
    for outcome in outcomes:
        if outcome.failure is not None:
            answers[outcome.node_id] = WAITING
            waiting = behind(read_ir(job.request.ir_path), outcome.node_id)
        elif found := approval_of(node_of(ir, outcome.node_id), outcome.execution_id, connection):
            answers[outcome.node_id] = found
    answers |= dict.fromkeys(waiting.intersection(job.decide), SKIP)
    decidable = [node_id for node_id in job.decide if node_id not in waiting]
    answers |= decide(ir, decidable, connection)
    write_decisions(answers, folder)
    sys.stdout.write(f"DECIDED {answers}\n")
