"""Copies of what runs on platforms left."""

from kubeflow_config import config_on_kubeflow

from pipeline.fetched_runs import fetched_store
from pipeline.platform_root import PlatformRoot
from pipeline.run_store import RunRecord


def test_a_run_that_goes_on_elsewhere_is_not_called_interrupted_because_nothing_runs_here(tmp_path):
    store = fetched_store(PlatformRoot("kubeflow", config_on_kubeflow(), "mysql://u@h/d", tmp_path / "kept"))
    store.write(RunRecord("r1", "reviews", "RUNNING", "2026-11-27T03:00:00+00:00", None, 1, "d", ("Trainer",)))
    assert store.read("r1").state == "RUNNING"
