"""The side of every machine of a job but the chief: does what the chief says, and ends when the chief ends.

Waits as long as the chief is there: how long a job may take is the platform's to limit.
"""

import base64
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import NodeFailed
from pipeline.launch.interruption import MachineLost
from pipeline.launch.machines import Machines, host_of
from pipeline.launch.patience import PATIENCE, Deadline, GiveUp, Patience
from pipeline.launch.peer import Peer

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Following:
    """The chief, as another machine of its job sees it."""

    def __init__(self, machines: Machines, give_up: GiveUp, patience: Patience = PATIENCE) -> None:
        self._machines, self._patience = machines, patience
        self._changed = threading.Condition()
        self._order: bytes | None = None
        self._end: str | None = None
        self._is_gone = False
        self._working = False
        self._deadline = Deadline(patience.grace_s, give_up)

    def run(self, work: Callable[[bytes], None]) -> str:
        """The chief's last word, after the work that it asked for, if it asked for any.

        `work` gets the execution (TFX's ExecutionInvocation). Its failure is the chief's to report: the chief is told.

        Raises:
          MachineLost: the chief cannot be reached, or ended without a word.
        """
        peer = Peer(self._connect(), self._heard, self._gone)
        peer.say({"machine": self._machines.workers.index})
        self._wait(lambda: self._order is not None or self._has_ended)
        if self._order is not None and not self._has_ended:
            self._work(work, self._order, peer)
        self._wait(lambda: self._has_ended)
        peer.close()
        if self._end is None:
            raise MachineLost(self._chief_is_gone)
        return self._end

    def _work(self, work: Callable[[bytes], None], order: bytes, peer: Peer) -> None:
        with self._changed:
            self._working = True
            self._set_deadline()
        try:
            work(order)
        except Exception as error:  # noqa: BLE001 - the chief reports it; this machine's log has all of it
            traceback.print_exc()
            peer.say({"failed": f"{type(error).__name__}: {error}"})
        else:
            peer.say({"done": True})
        finally:
            with self._changed:
                self._working = False
                self._deadline.call_off()

    @property
    def _has_ended(self) -> bool:
        return self._is_gone or self._end is not None

    @property
    def _chief_is_gone(self) -> str:
        return (
            f"{self._machines.chief}, the first machine of this job, ended without a word, or cannot be reached any "
            "more. Its own log says why; the same command goes on from the last checkpoint."
        )

    def _connect(self) -> socket.socket:
        place = (host_of(self._machines.workers.addresses[0]), self._machines.control_port)
        started, pause = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                connection = socket.create_connection(place, timeout=10)
            except OSError as error:  # not there yet; its name may not even be known yet
                if time.monotonic() - started > self._patience.muster_s:
                    raise MachineLost(
                        f"{self._machines.chief}, the first machine of this job, could not be reached at port "
                        f"{place[1]} within {self._patience.muster_s:.0f} s ({error}). Look at its log; in a VPC, "
                        "the job's security group must let its members reach each other."
                    ) from error
                time.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_PAUSE_S)
            else:
                connection.settimeout(None)
                return connection

    def _wait(self, holds: Callable[[], bool]) -> None:
        with self._changed:
            while not self._changed.wait_for(holds, 1.0):  # in steps, so that SIGTERM gets a word in
                pass

    def _heard(self, _: Peer, message: Mapping[str, Any]) -> None:
        with self._changed:
            if "run" in message:
                self._order = base64.b64decode(message["run"])
            elif "end" in message:
                self._end = str(message["end"])
                self._set_deadline()
            self._changed.notify_all()

    def _gone(self, _: Peer) -> None:
        with self._changed:
            self._is_gone = True
            self._set_deadline()
            self._changed.notify_all()

    def _set_deadline(self) -> None:
        """A training without its first machine ends by itself, or hangs."""
        if not self._working or not self._has_ended:
            return
        if self._end is not None:
            self._deadline.set(f"The first machine has ended: {self._end}", 0)
        else:
            self._deadline.set(self._chief_is_gone, NodeFailed.exit_code)
