"""Workers of Beam's: the processes and machines of whichever runner the node was given.

Beam hands out shares. What comes of one travels back as a file: a runner that is not of this process returns nothing
else, and a share that was lost, or done twice, is noticed or does no harm.
"""

import dataclasses
import logging
import os
import pickle
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from components.arrow_example_gen.shares import IN_THIS_PROCESS, Result, Share, Tell, Workers
from components.errors import ComponentError

_RUNNERS_HERE = ("FnApiRunner", "CountingRunner", "DirectRunner", "BundleBasedDirectRunner")
_RUNNERS_AFAR = ("DataflowRunner",)  # no folder is both the node's and its workers'

_log = logging.getLogger(__name__)


class ShareLost(RuntimeError):
    """A share was handed out and nothing came back."""


def workers_for(beam_pipeline_args: Sequence[str], make_pipeline: Callable[[], Any], folder: str) -> Workers:
    """The runner's workers, or this process where the runner has none, or none that see its folders.

    Args:
      make_pipeline: makes an empty Beam pipeline.
      folder: what all workers can write to.
    """
    from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

    options = PipelineOptions(list(beam_pipeline_args))
    runner = (options.view_as(StandardOptions).runner or "DirectRunner").rpartition(".")[2]
    if runner in _RUNNERS_AFAR:
        return IN_THIS_PROCESS
    if runner in _RUNNERS_HERE and options.view_as(DirectOptions).direct_running_mode == "in_memory":
        return IN_THIS_PROCESS
    return BeamWorkers(make_pipeline, folder)


@dataclasses.dataclass(frozen=True)
class _Left:
    """What a worker left of a share: its result, or why the data cannot be used."""

    worker: str
    outcome: Any


class BeamWorkers:
    """Reads shares in a Beam pipeline; see `shares.Workers`. A single share is not worth a pipeline."""

    def __init__(self, make_pipeline: Callable[[], Any], folder: str) -> None:
        """See `workers_for`."""
        self._make_pipeline, self._folder = make_pipeline, folder

    def to_survey(self, shares: Sequence[Share]) -> Sequence[Share]:
        """As they are, for many workers."""
        return shares

    def each(self, work: Callable[[Share, Tell], Result], shares: Sequence[Share], tell: Tell) -> Iterator[Result]:
        """What came of every share.

        Raises:
          BadData: as `work` raises it.
          ShareLost: a worker could not leave its result, or the runner forgot a share.
        """
        if len(shares) == 1:
            yield from IN_THIS_PROCESS.each(work, shares, tell)
            return
        folder = os.path.join(self._folder, f".shares-{uuid.uuid4().hex}")
        os.makedirs(folder)  # with its parents: nothing has been written yet
        try:
            self._run(work, shares, folder)
            left = [what_is_left(share, len(shares), folder) for share in shares]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _log.info("%d shares of the input were read by %d workers", len(shares), len({item.worker for item in left}))
        for item in left:
            if isinstance(item.outcome, ComponentError):
                raise item.outcome
            tell(item.outcome.rows)
            yield item.outcome

    def _run(self, work: Callable[[Share, Tell], Result], shares: Sequence[Share], folder: str) -> None:
        import apache_beam as beam

        with self._make_pipeline() as pipeline:
            _ = (
                pipeline
                | "Shares" >> beam.Create(list(shares))
                | "Spread" >> beam.Reshuffle()
                | "Read" >> beam.Map(leave_result, work, folder)
            )


def leave_result(share: Share, work: Callable[[Share, Tell], Any], folder: str) -> None:
    """Works on a share and writes what came of it, or why the data cannot be used; on a worker."""
    try:
        outcome = work(share, _tell_nobody)
    except ComponentError as error:
        outcome = error
    left = _Left(f"{socket.gethostname()}:{os.getpid()}", outcome)
    own = os.path.join(folder, f"{share.number}-{uuid.uuid4().hex}")
    with open(own, "wb") as file:
        pickle.dump(left, file)
    os.replace(own, os.path.join(folder, str(share.number)))


def _tell_nobody(rows: int) -> None:
    """Progress of a worker: who ran the pipeline hears of whole shares."""


def what_is_left(share: Share, total: int, folder: str) -> _Left:
    """What `leave_result` has written.

    Raises:
      ShareLost: there is nothing.
    """
    try:
        with open(os.path.join(folder, str(share.number)), "rb") as file:
            left: _Left = pickle.load(file)  # noqa: S301 (by our own workers, of this run)
    except FileNotFoundError as error:
        raise ShareLost(
            f"Share {share.number + 1} of {total} of the input was handed to Beam and left no result in {folder}. Its "
            "workers have to see the folders of this process, at the same paths: give the pipeline a root and data on "
            "a volume that all of them mount. If they do, the Beam runner lost it: run with in_memory, and report it."
        ) from error
    return left
