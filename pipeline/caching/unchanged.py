"""Whether a run would do nothing: the answer in well under a second, without TensorFlow and TFX."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.caching.answers import why_changed
from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import INDEX_NAME
from pipeline.caching.history import PastExecution, execution_with_id, past_of_run
from pipeline.caching.parts import same
from pipeline.caching.request import RequestDescription, compare, describe_request, read_request
from pipeline.config import Config
from pipeline.metadata import LineageStore
from pipeline.run_store import RunRecord, RunStore


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How what is asked for now compares with the newest run of the pipeline.

    Attributes:
      run_id: that run, None if there is none.
      differences: what was asked for differently, in words: data, configuration, code, packages, parameters.
      obstacles: why that run's outcome does not stand even if nothing was asked for differently, in words.
    """

    run_id: str | None
    differences: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """True if a run would do nothing at all."""
        return self.run_id is not None and not self.differences and not self.obstacles


def unchanged_since(
    config: Config, parameters: Mapping[str, str], store: RunStore, now: datetime.datetime | None = None
) -> Comparison:
    """Compares with the newest run of this pipeline.

    After a run that blessed a model, the next one would compare that model with itself; this counts as nothing.

    Raises:
      BadData: no file matches `data.path`.
      NotFound: the lineage store is damaged.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    run = next((run for run in store.runs() if run.pipeline_name == config.pipeline.name), None)
    if run is None:
        return Comparison(None)
    earlier = read_request(store.run_folder(run.run_id))
    if earlier is None:
        return Comparison(run.run_id, obstacles=("what it was asked to do is not known",))
    differences = tuple(compare(earlier, describe_request(config, parameters, now)))
    obstacles = () if differences else tuple(_obstacles(config, store, run, earlier, now))
    return Comparison(run.run_id, differences, obstacles)


def _obstacles(
    config: Config, store: RunStore, run: RunRecord, request: RequestDescription, now: datetime.datetime
) -> Iterator[str]:
    """Why the run's outcome does not stand, the cheapest checks first."""
    if run.state != "COMPLETE":
        yield f"it is {run.state.lower().replace('_', ' ')}"
    if not config.pipeline.cache:
        yield "pipeline.cache is false"
    for node_id in run.node_ids:
        if not config.caching.of(node_id).cache:
            yield f"nodes.{node_id}.cache is false"
        if (node := run.node(node_id)) is not None and node.state == "REUSED":
            yield f"it took the outputs of {node_id} from another run, whatever had changed"
    lineage = LineageStore(store.metadata_uri)
    if lineage.ml_metadata is None:
        yield f"{store.metadata_uri} is not there"
        return
    yield from _of_executions(config, lineage.ml_metadata, run, request, int(now.timestamp() * 1000))
    with FileIndex(store.root / INDEX_NAME) as index:
        for artifact in lineage.outputs_of_run(run.run_id, run.pipeline_name):
            if reason := why_changed(artifact.uri, artifact.properties, index):
                yield reason


def _of_executions(
    config: Config, ml_metadata: Any, run: RunRecord, request: RequestDescription, now_ms: int
) -> Iterator[str]:
    """Executions that are too old now, or that ran with other code or data than the run began with."""
    for past in past_of_run(ml_metadata, run.run_id, run.pipeline_name):
        policy = config.caching.of(past.node_id)
        taken = None if past.cached_from is None else execution_with_id(ml_metadata, past.cached_from)
        if policy.has_expired((taken or past).ended_ms, now_ms):
            yield f"{past.node_id} is older than {policy.cache_ttl_hours:g} h (cache_ttl_hours)"
        if past.not_reusable:
            yield f"{past.node_id}: {past.not_reusable}"
        yield from _of_other_parts(past, request)


def _of_other_parts(past: PastExecution, request: RequestDescription) -> Iterator[str]:
    for section in ("code", "data"):
        now = request.parts.get(section, {})
        for name, value in (past.parts or {}).get(section, {}).items():
            if name in now and not same(now[name], value):
                yield f"{past.node_id} ran with another {name} than the run began with"
