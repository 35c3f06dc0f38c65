"""Says how many rows have been read, on the logger `penstock.progress`."""

import logging
import time
from collections.abc import Callable

TELL_EVERY_S = 1.0

_log = logging.getLogger("penstock.progress")


class RowTeller:
    """Counts the rows of one pass over the input, and says about every second how many there were."""

    def __init__(self, what: str, total: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Of the pass that `what` describes; `total` rows, None if nobody has counted them yet."""
        self._what, self._total, self._clock = what, total, clock
        self._rows = 0
        self._told = clock()

    def add(self, rows: int) -> None:
        """So many rows more are done."""
        self._rows += rows
        now = self._clock()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            self._tell(logging.DEBUG)

    def end(self) -> None:
        """The pass is over."""
        self._tell(logging.INFO)

    def _tell(self, level: int) -> None:
        said = {"done": self._rows, "total": self._total, "unit": "rows"}
        _log.log(level, "%s", self._what, extra={"progress": said})
