"""How long machines of a job wait for each other."""

import dataclasses
import threading
from collections.abc import Callable

GiveUp = Callable[[str, int], None]
"""Ends this process, which hangs in a call that nothing interrupts: the reason, and the exit code."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """Seconds.

    Attributes:
      muster_s: from one machine's start to another's. They get the same image at the same time, so minutes are many.
      settle_s: from an error of TensorFlow's to the news of a machine that caused it, which may come second.
      grace_s: from such news to an error of TensorFlow's, which ends the training with a trace of where it was.
    """

    muster_s: float = 900
    settle_s: float = 5
    grace_s: float = 60


PATIENCE = Patience()


class Deadline:
    """Gives up some time after the first word of trouble, unless it is called off."""

    def __init__(self, seconds: float, give_up: GiveUp) -> None:
        self._seconds, self._give_up = seconds, give_up
        self._timer: threading.Timer | None = None

    def set(self, reason: str, code: int) -> None:
        """From now on; only the first reason counts."""
        if self._timer is None:
            self._timer = threading.Timer(self._seconds, self._give_up, (reason, code))
            self._timer.daemon = True
            self._timer.start()

    def call_off(self) -> None:
        """Nothing hangs."""
        if self._timer is not None:
            self._timer.cancel()
