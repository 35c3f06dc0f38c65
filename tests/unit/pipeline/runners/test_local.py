import pytest

from pipeline.errors import ConfigError
from pipeline.run_store import NodeRecord, RunRecord, RunStore
from pipeline.runners.base import Document
from pipeline.runners.local import LocalRunner, RunOptions
from pipeline.runners.selection import select


def test_a_base_without_the_outputs_is_refused_before_a_run_is_begun(tmp_path):
    store = RunStore(tmp_path)
    nodes = (NodeRecord("Gen", "COMPLETE"), NodeRecord("Trainer", "FAILED"))
    start = "2026-11-22T10:00:00+00:00"
    store.write(RunRecord("half", "rents", "FAILED", start, None, 1, "", ("Gen", "Trainer", "Pusher"), nodes))
    upstream = {"Gen": (), "Trainer": ("Gen",), "Pusher": ("Trainer",)}
    runner = LocalRunner(store, None, RunOptions(run_id="new", first="Pusher", base_run_id="half"))
    document = Document("local", "rents", "{}", tuple(upstream), (), ir="{}")
    with pytest.raises(ConfigError, match="--base half: that run has no outputs of Trainer"):
        runner._begin("new", document, upstream, select(upstream, first="Pusher"))
    assert [run.run_id for run in store.runs()] == ["half"]
