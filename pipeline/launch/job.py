"""The nodes of one command line, one after the other: what is told to whoever started them, and the exit code."""

import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import NodeFailed, PenstockError
from pipeline.launch.arguments import SELF_TEST, Job, parse, read_ir
from pipeline.launch.crew import Crew
from pipeline.launch.decisions import SKIP, WAITING, approval_of, behind, decide, write_answers, write_decisions
from pipeline.launch.follower_job import FollowerJob, ThisPod
from pipeline.launch.following import Following
from pipeline.launch.hiring import Hired
from pipeline.launch.interruption import EXIT_CODE, Interrupted, MachineLost, interruptible
from pipeline.launch.job_machine import JOB_FOLDER, checkpoint_variables, scratch_folder
from pipeline.launch.job_output import tell, tell_failure
from pipeline.launch.machines import Machines, machines_of
from pipeline.launch.node import bound_ir, node_of, run_node
from pipeline.launch.node_report import leave_report
from pipeline.launch.outcome import EXIT_CODES, Failure, NodeOutcome
from pipeline.launch.patience import GiveUp
from pipeline.launch.request import LaunchRequest
from pipeline.launch.share import run_share
from pipeline.metadata import connection_config
from pipeline.storage import Sharing

Told = Callable[[LaunchRequest, NodeOutcome], None]
"""What a platform has done about a node that has just ended; whatever becomes of that, the node stays what it is."""


def _nobody(request: LaunchRequest, outcome: NodeOutcome) -> None:
    """Nobody wants to know."""


def ended(start: Callable[[], int]) -> int:
    """The exit code of a program; why it refused to start is told on the standard error."""
    try:
        return start()
    except PenstockError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def main(argv: Sequence[str] | None = None, job_folder: Path = JOB_FOLDER, told: Told = _nobody) -> int:
    """Runs the nodes named on the command line; returns the exit code.

    0, a failed node's as in pipeline/errors.py, or 143 after SIGTERM.

    Args:
      argv: the words of the command line, this process's own if None.
      job_folder: the platform's, if it is there (pipeline/launch/job_machine.py); gets the reason of a failure.
      told: of every node that has ended.

    Raises:
      ConfigError: listing every argument that makes no sense, before any node runs.
      StoreUnreachable: the lineage store does not let us in.
      NodeFailed: a decision that is asked for cannot be taken, or another machine of the job was lost.
    """
    if SELF_TEST in (sys.argv[1:] if argv is None else argv):
        from pipeline.launch.self_test import self_test

        return self_test(os.environ)
    try:
        with interruptible():
            machines = machines_of(os.environ, job_folder)
            words = tuple(sys.argv[1:] if argv is None else argv)
            job = parse(argv, scratch_folder(os.environ, job_folder))
            del sys.argv[1:]  # TFX hands sys.argv[1:] to executors as extra flags
            logging.basicConfig(stream=sys.stdout, level=logging.INFO)
            if machines is not None and not machines.is_chief:
                return _follow(job, machines, job_folder)
            os.environ.update(checkpoint_variables(os.environ, job_folder))
            crew = _crew(job, words, machines, functools.partial(_give_up, job_folder))
            return _run(job, job_folder, told) if crew is None else _lead(job, crew, job_folder, told)
    except Interrupted:
        text = "Interrupted by SIGTERM. What was running is left open: the same command goes on with it."
        sys.stderr.write(f"{text}\n")
        tell_failure(text, job_folder)
        return EXIT_CODE
    except MachineLost as lost:
        sys.stderr.write(f"{lost}\n")
        tell_failure(str(lost), job_folder)
        return NodeFailed.exit_code
    except Exception as error:
        tell_failure(str(error) if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}", job_folder)
        raise


def _crew(job: Job, words: tuple[str, ...], machines: Machines | None, give_up: GiveUp) -> Crew | Hired | None:
    """The other machines of the job: those that the platform started, those to be asked for, or none."""
    if machines is not None:
        return Crew(machines, give_up)
    if job.followers is None:
        return None
    return Hired(FollowerJob(job.followers, ThisPod.of(os.environ), words), give_up)


def _lead(job: Job, others: Crew | Hired, job_folder: Path, told: Told) -> int:
    """Runs the nodes, with the job's other machines for what can be shared."""
    with others as crew:
        try:
            code = _run(job, job_folder, told, crew)
        except BaseException as error:
            crew.end(f"it failed ({type(error).__name__})", waits=isinstance(error, Exception))
            raise
        crew.end(f"its exit code is {code}")
        return code


def _follow(job: Job, machines: Machines, job_folder: Path) -> int:
    """Shares the work of the machine that leads; 0 whatever became of it, because that machine reports it."""
    name = machines.name(machines.workers.index)
    sys.stdout.write(f"The nodes of this job run on {machines.chief}; {name} trains with it if it is asked to.\n")
    sys.stdout.flush()
    following = Following(machines, functools.partial(_give_up, job_folder))
    with machines.told_to(os.environ):
        last_word = following.run(lambda execution: run_share(job.request, execution))
    sys.stdout.write(f"{machines.chief} has ended: {last_word}\n")
    return 0


def _give_up(job_folder: Path, reason: str, code: int) -> None:
    """Ends the process from whatever thread, because the one that should hangs in TensorFlow."""
    sys.stderr.write(f"{reason}\n")
    if code:
        tell_failure(reason, job_folder)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(job: Job, job_folder: Path, told: Told, sharing: Sharing | None = None) -> int:
    outcomes: list[NodeOutcome] = []
    for node_id in job.request.node_ids:
        outcome = run_node(job.request, node_id, sharing)
        outcomes.append(outcome)
        sys.stdout.write(f"NODE {node_id} {outcome.state} execution {outcome.execution_id}\n")
        sys.stdout.flush()
        leave_report(job.request, outcome)
        told(job.request, outcome)
        if outcome.failure is None:
            continue
        sys.stderr.write(f"{outcome.failure.message}\n")
        if outcome.failure.kind == "approval" and job.is_asked:
            tell(outcome.failure.message, job_folder)
            break
        tell_failure(_reason(node_id, outcome.failure), job_folder)
        return EXIT_CODES[outcome.failure.kind]
    if job.is_asked:
        _decide(job, outcomes)
    return 0


def _reason(node_id: str, failure: Failure) -> str:
    where = f" ({failure.where})" if failure.where else ""
    return f"{node_id}: {failure.message}{where}"


def _decide(job: Job, outcomes: Sequence[NodeOutcome]) -> None:
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
    if job.decisions is not None:
        write_decisions(answers, job.decisions)
    write_answers(answers, job.answers)
    sys.stdout.write(f"DECIDED {answers}\n")
