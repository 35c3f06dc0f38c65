"""The Tuner node under TFX's own launcher: what stops a search does not cost the trials that were finished."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture
def start(tmp_path, request):
    """Starts the nodes of the search in a run; the Tuner's outcome."""
    from tiny_tuner import create_pipeline

    from pipeline.ir import compile_ir
    from pipeline.launch import LaunchRequest, run_node

    for split in ("train", "eval"):
        (tmp_path / f"examples/Split-{split}").mkdir(parents=True)
    (tmp_path / "ir.json").write_text(compile_ir(create_pipeline(tmp_path, request.param)))

    def run(run_id):
        uri = f"sqlite:///{tmp_path / 'metadata.sqlite'}"
        launched = LaunchRequest(str(tmp_path / "ir.json"), ("examples", "Tuner"), run_id, uri)
        return [run_node(launched, node_id) for node_id in launched.node_ids][-1]

    return run


def started_trials(tmp_path):
    return (tmp_path / "starts").read_text().split()


def trial_files(tmp_path):
    return list((tmp_path / "Tuner").rglob("trial.json"))


@pytest.mark.parametrize("start", ["interrupted", "raises"], indirect=True)
def test_a_search_that_was_stopped_goes_on_with_the_trial_it_was_stopped_in(start, tmp_path, request):
    if "interrupted" in request.node.name:
        with pytest.raises(KeyboardInterrupt):
            start("run-1")
    else:
        failed = start("run-1")
        assert failed.state == "FAILED"
        assert "stopped in the second trial" in failed.failure.message
    assert started_trials(tmp_path) == ["0", "1"]
    assert trial_files(tmp_path), "the first trial is lost"

    assert start("run-1").state == "COMPLETE"
    assert started_trials(tmp_path) == ["0", "1", "1", "2"]
    (results,) = (tmp_path / "Tuner").rglob("tuner_results.json")
    trials = json.loads(results.read_text())
    assert sorted(trial["trial_id"] for trial in trials) == ["0", "1", "2"]
    (best,) = (tmp_path / "Tuner").rglob("best_hyperparameters.txt")
    assert json.loads(best.read_text())["values"]["number"] == max(trial["score"] for trial in trials)
    assert trial_files(tmp_path) == [], "a finished search leaves its trials behind"

    assert start("run-1").state == "COMPLETE"
    assert start("run-2").state == "CACHED", "the folder of the run is part of the cache key"
    assert len(started_trials(tmp_path)) == 4


@pytest.mark.parametrize("start", ["interrupted"], indirect=True)
def test_another_run_does_not_take_up_the_trials_of_a_run_that_was_stopped(start, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start("run-1")
    assert start("run-2").state == "COMPLETE"
    assert started_trials(tmp_path) == ["0", "1", "0", "1", "2"]
    folders = {
        path.relative_to(tmp_path / "Tuner/.system/stateful_working_dir").parts[0] for path in trial_files(tmp_path)
    }
    assert folders == {"run-1"}


def test_a_launcher_that_offers_no_lasting_folder_is_refused(tmp_path: Path):
    from components.errors import ComponentError
    from components.tuner.executor import Executor

    executor = Executor(Executor.Context(tmp_dir=str(tmp_path), unique_id="1"))
    with pytest.raises(ComponentError, match="no folder for its trials"):
        executor.Do({}, {}, {"custom_config": "{}", "tuner_fn": "tiny_tuner.tuner_fn"})
