"""SIGTERM, by which platforms stop a job: spot capacity is taken back, the run is stopped, or its time is up.

The signal becomes an exception that no `except Exception` of an executor or of TFX holds up. The node's execution
stays open in the lineage store, so that the same command goes on with it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM


class Interrupted(BaseException):
    """The platform asked this process to end."""


class MachineLost(BaseException):
    """Another machine of this job has ended or cannot be reached. As with SIGTERM, the node's execution stays open."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)  # one is enough: what ends now must not be disturbed again
    raise Interrupted


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns SIGTERM into `Interrupted` inside the block; does nothing in other threads than the first.

    Code that does not come back to the interpreter (one long call of a C++ library) is only interrupted when it does;
    the platform's SIGKILL, 30 to 120 s later, leaves the same execution open.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)
