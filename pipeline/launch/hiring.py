"""A chief's side of a training whose other machines are pods that it asks for itself, once there is something to train.

A node whose answer is in the cache, or that a condition leaves out, costs one pod.
"""

import sys
from contextlib import AbstractContextManager
from typing import Self

from pipeline.launch.cluster import Cluster
from pipeline.launch.crew import Crew
from pipeline.launch.follower_job import FollowerJob
from pipeline.launch.interruption import MachineLost
from pipeline.launch.patience import PATIENCE, GiveUp, Patience


class Hired:
    """See `pipeline.launch.crew.Crew`, whose place it takes."""

    def __init__(
        self, followers: FollowerJob, give_up: GiveUp, cluster: Cluster | None = None, patience: Patience = PATIENCE
    ) -> None:
        """Nobody is asked for yet."""
        self._followers, self._cluster, self._give_up = followers, cluster or Cluster(), give_up
        self._crew = Crew(followers.machines, self._leave, patience)
        self._is_open = self._has_asked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_open:
            self._crew.__exit__()
        self._take_away()

    def _leave(self, reason: str, code: int) -> None:
        """Gives up for a training that hangs: nothing else of this process is run any more."""
        self._take_away()
        self._give_up(reason, code)

    def _take_away(self) -> None:
        if not self._has_asked:
            return
        try:
            self._cluster.remove(self._followers.job, self._followers.service)
        except MachineLost as error:  # they go with this pod, or when they have ended: no reason to fail now
            sys.stderr.write(f"{error}\n")

    def announce(self, execution: bytes) -> None:
        """Asks for the other pods if there are none yet, and has them begin with an execution as soon as all are here.

        Raises:
          MachineLost: Kubernetes refuses, or one of them did not come, or has ended.
        """
        if not self._has_asked:
            self._crew.__enter__()  # before there is anybody to come
            self._is_open = True
            sys.stdout.write(f"Asks for {self._followers.machines.count - 1} more pods: Job {self._followers.name}.\n")
            sys.stdout.flush()
            self._cluster.start(self._followers.job, self._followers.service)
            self._has_asked = True
        self._crew.announce(execution)

    def training(self) -> AbstractContextManager[None]:
        """See `Crew.training`."""
        return self._crew.training()

    def end(self, text: str, *, waits: bool = True) -> None:
        """See `Crew.end`."""
        if self._has_asked:
            self._crew.end(text, waits=waits)
