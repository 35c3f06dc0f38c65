"""What a server has answered so far, counted, and told in Prometheus' text format 0.0.4; no library.

Counters begin with the process, which is one a container. Source: "Exposition formats", Prometheus documentation.
"""

import bisect
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the classes of times; longer ones are in the class without an end."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metrics:
    """Counts of one server; used by many threads."""

    def __init__(self, model: Mapping[str, str], clock: Callable[[], float] = time.perf_counter) -> None:
        """Begins at nothing.

        Args:
          model: labels that say which model answers.
          clock: seconds, from any beginning.
        """
        self._model, self._clock = dict(model), clock
        self._lock = threading.Lock()
        self._by_status: Counter[int] = Counter()
        self._by_class = [0] * (len(BOUNDS_S) + 1)
        self._seconds, self._rows, self._under_way = 0.0, 0, 0

    @contextlib.contextmanager
    def one_request(self) -> Iterator[Callable[[int], None]]:
        """Around a request; what it gives is told the status of the answer, 500 if it is told none."""
        told = [500]
        with self._lock:
            self._under_way += 1
        begin = self._clock()
        try:
            yield lambda status: told.__setitem__(0, status)
        finally:
            taken = self._clock() - begin
            with self._lock:
                self._under_way -= 1
                self._by_status[told[0]] += 1
                self._seconds += taken
                self._by_class[bisect.bisect_left(BOUNDS_S, taken)] += 1

    def add_rows(self, number: int) -> None:
        """Rows that got a prediction."""
        with self._lock:
            self._rows += number

    def text(self) -> str:
        """All of it, each line `NAME{LABEL="…"} VALUE`."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head("model_info", "gauge", "The model that answers, in labels.")
        yield f"penstock_serving_model_info{_labels(self._model)} 1"
        yield from _head("requests_total", "counter", "Requests for predictions, by the status of their answer.")
        for status, number in sorted(self._by_status.items()):
            yield f"penstock_serving_requests_total{_labels({'status': str(status)})} {number}"
        yield from _head("rows_total", "counter", "Rows that got a prediction.")
        yield f"penstock_serving_rows_total {self._rows}"
        yield from _head("requests_under_way", "gauge", "Requests for predictions that are being answered.")
        yield f"penstock_serving_requests_under_way {self._under_way}"
        yield from _head("request_seconds", "histogram", "Time from a request for predictions to its answer.")
        up_to = 0
        for bound, number in zip((*BOUNDS_S, "+Inf"), self._by_class, strict=True):
            up_to += number
            yield f"penstock_serving_request_seconds_bucket{_labels({'le': str(bound)})} {up_to}"
        yield f"penstock_serving_request_seconds_sum {self._seconds!r}"
        yield f"penstock_serving_request_seconds_count {up_to}"


def _head(name: str, kind: str, said: str) -> Iterator[str]:
    yield f"# HELP penstock_serving_{name} {said}"
    yield f"# TYPE penstock_serving_{name} {kind}"


def _labels(labels: Mapping[str, str]) -> str:
    """The labels in braces.

    >>> _labels({"version": '7 "new"'})
    '{version="7 \\\\"new\\\\""}'
    """
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()) + "}"
