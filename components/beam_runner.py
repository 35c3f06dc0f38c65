"""Beam's in-memory runner that says how far it has come: stages done, and elements read from files.

The launcher puts it in the place of `--runner=FnApiRunner`. What it says goes to the logger `penstock.progress`; the
pipeline that it runs, its stages and its results are FnApiRunner's own.

Beam 2.77's own progress requests do not help here: its in-memory worker answers a bundle before `ProgressRequester`
is started. So a thread looks at the running bundle's counters, which Beam keeps readable for just such requests.
`_execute_bundle` is not public; the lock holds Beam's version, and tests/integration/test_progress.py holds the counts.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from apache_beam.metrics import monitoring_infos
from apache_beam.portability import common_urns
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import EmbeddedWorkerHandler

LOOK_EVERY_S = 1.0
_READ_URN = common_urns.sdf_components.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS.urn

_BEAMS_OWN = ("ref_", "_", "(")  # names that Beam gives

_log = logging.getLogger("penstock.progress")


class CountingRunner(FnApiRunner):
    """FnApiRunner, counting; counts within a bundle are seen with an in-memory worker only, else at its end."""

    def run_stages(self, stage_context: Any, stages: list[Any]) -> Any:
        """Runs the stages as FnApiRunner does, and says how many of them are done."""
        self._progress = StageProgress(len(stages))
        with self._progress:
            return super().run_stages(stage_context, stages)

    def _execute_bundle(self, runner_execution_context: Any, bundle_context_manager: Any, bundle_input: Any) -> Any:
        stage, workers = bundle_context_manager.stage, bundle_context_manager.worker_handlers
        self._progress.begin(stage.name, title_of(stage.transforms), read_outputs(stage.transforms), workers)
        response = super()._execute_bundle(runner_execution_context, bundle_context_manager, bundle_input)
        self._progress.end(response.process_bundle.monitoring_infos)
        return response


class StageProgress:
    """Counts stages and elements of one Beam pipeline; use as a context, it looks about every second meanwhile."""

    def __init__(self, stages: int, look_every_s: float | None = None) -> None:
        """Of a pipeline of so many stages."""
        self._total, self._look_every_s = stages, look_every_s or LOOK_EVERY_S
        self._begun: set[str] = set()
        self._title = ""
        self._reads: frozenset[str] = frozenset()
        self._workers: list[Any] = []
        self._counted = self._seen = 0
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._looker = threading.Thread(target=self._look, name="beam-progress", daemon=True)

    def __enter__(self) -> Self:
        """Begins to look."""
        self._looker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops looking; after success says the totals."""
        self._is_over.set()
        self._looker.join()
        if error is None:
            self._say(logging.INFO, self._counted, len(self._begun))

    def begin(self, stage: str, title: str, reads: frozenset[str], workers: Iterable[Any]) -> None:
        """A bundle of the stage begins on these workers; `reads` are the PCollections that it reads from files."""
        with self._lock:
            self._begun.add(stage)
            self._title, self._reads, self._workers = title, reads, list(workers)

    def end(self, infos: Iterable[Any]) -> None:
        """The bundle that began last is done; its counters are final."""
        with self._lock:
            self._counted += elements_in(infos, self._reads)
            self._seen, self._reads, self._workers = 0, frozenset(), []

    def _look(self) -> None:
        while not self._is_over.wait(self._look_every_s):
            with self._lock:
                self._seen = max(self._seen, self._under_way())
                self._say(logging.DEBUG, self._counted + self._seen, max(0, len(self._begun) - 1))

    def _under_way(self) -> int:
        """Elements that the running bundle has read so far; 0 once its counters are put away, or while they grow."""
        if not self._reads:
            return 0
        try:
            counters = [infos for worker in self._workers for infos in running_counters(worker)]
        except RuntimeError:  # "dictionary changed size during iteration": the next look will do
            return 0
        return sum(elements_in(infos, self._reads) for infos in counters)

    def _say(self, level: int, elements: int, stages_done: int) -> None:
        stages = f"stage {min(stages_done + 1, self._total)}/{self._total}"
        message = f"{stages}, {self._title}" if self._title and stages_done < self._total else stages
        # A pipeline that reads no file, such as the Evaluator's sample, has no elements to tell.
        counts = {"done": elements, "unit": "elements"} if elements else {}
        metrics = {"stages_done": stages_done, "stages": self._total}
        _log.log(level, "%s", message, extra={"progress": {**counts, "metrics": metrics}})


def title_of(transforms: Iterable[Any]) -> str:
    """The outermost name, as the author of the Beam pipeline gave it, that most of a stage's transforms share."""
    names = Counter(item.unique_name.partition("/")[0] for item in transforms if "/" in item.unique_name)
    named = [(count, name) for name, count in names.items() if not name.startswith(_BEAMS_OWN)]
    return max(named, default=(0, ""))[1]


def read_outputs(transforms: Iterable[Any]) -> frozenset[str]:
    """Ids of the PCollections that these transforms fill from files: Beam reads by splittable DoFns."""
    return frozenset(name for item in transforms if item.spec.urn == _READ_URN for name in item.outputs.values())


def elements_in(infos: Iterable[Any], pcollections: frozenset[str]) -> int:
    """The element counters of the PCollections, added up."""
    return sum(
        int(monitoring_infos.extract_counter_value(info))
        for info in infos
        if info.urn == monitoring_infos.ELEMENT_COUNT_URN and info.labels["PCOLLECTION"] in pcollections
    )


def running_counters(worker: Any) -> list[list[Any]]:
    """The counters of each bundle that an in-memory worker is processing; of another worker none."""
    if not isinstance(worker, EmbeddedWorkerHandler):
        return []
    processors = list(worker.bundle_processor_cache.active_bundle_processors.values())
    return [processor.monitoring_infos() for _, processor in processors]
