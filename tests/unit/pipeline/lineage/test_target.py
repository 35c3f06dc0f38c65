import pytest
from synthetic_store import SyntheticStore

from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.target import find_target
from pipeline.metadata import LineageStore


@pytest.fixture
def store(tmp_path):
    return SyntheticStore(tmp_path / "root")


def find(store, word):
    return find_target(word, LineageGraph.read(LineageStore(store.runs.metadata_uri)), store.runs, "reviews")


def test_a_pushed_version_stands_for_the_model_that_was_pushed(store, monkeypatch):
    made = store.add_run("run-1", pushed=True, files=True)
    model, pushed = made.artifacts["Trainer", "model"], made.artifacts["Pusher", "pushed_model"]
    folder = store.root / "pushed" / "reviews" / str(1000 + pushed)
    monkeypatch.chdir(store.root)
    for word in (folder.name, str(folder), f"{folder}/saved_model.pb", f"pushed/reviews/{folder.name}", str(pushed)):
        target = find(store, word)
        assert (target.artifact.artifact_id, target.run_id) == (model, "run-1"), word


def test_a_copy_of_a_pushed_version_is_known_by_its_receipt(store, tmp_path):
    made = store.add_run("run-1", pushed=True, files=True)
    version = next((store.root / "pushed" / "reviews").iterdir())
    elsewhere = tmp_path / "served" / "7"
    version.rename(elsewhere.parent.mkdir() or elsewhere)
    assert find(store, str(elsewhere)).artifact.artifact_id == made.artifacts["Trainer", "model"]


def test_an_artifact_is_found_by_id_and_by_place(store):
    made = store.add_run("run-1")
    examples = made.artifacts["ArrowExampleGen", "examples"]
    uri = str(store.root / "artifacts" / "reviews" / "ArrowExampleGen" / "examples" / "1")
    for word in (str(examples), uri, f"{uri}/Split-train/data.gz"):
        assert find(store, word).artifact.artifact_id == examples, word


def test_a_run_and_the_latest_run_are_found(store):
    store.add_run("run-1", started_at="2026-11-01T00:00:00+00:00")
    store.add_run("run-2", started_at="2026-11-02T00:00:00+00:00")
    assert find(store, "run-1").run_id == "run-1"
    assert find(store, "latest").run_id == "run-2"
    assert find(store, "run-1").artifact is None


def test_a_run_is_of_the_pipeline_that_is_asked_for_if_that_has_one_of_its_id(store):
    store.add_run("run-1")
    other = SyntheticStore(store.root, "churn")
    made = other.add_run("run-1")
    other.add_run("run-2")
    assert find(store, "run-1").pipeline_name == "reviews"
    assert find(store, "run-2").pipeline_name == "churn"
    assert find(store, str(made.artifacts["ArrowExampleGen", "examples"])).pipeline_name == "churn"


def test_a_misspelt_name_names_the_nearest(store):
    store.add_run("20261122-222439-a42b")
    with pytest.raises(NotFound, match="Like it are: 20261122-222439-a42b"):
        find(store, "20261122-222439-a42c")


def test_an_unlike_name_names_the_newest(store):
    made = store.add_run("run-1", pushed=True)
    version = 1000 + made.artifacts["Pusher", "pushed_model"]
    with pytest.raises(NotFound, match=f"runs run-1; pushed versions {version}"):
        find(store, "!")


@pytest.mark.parametrize("word", ["latest", "x", "1", "/nowhere", "s3://bucket/model", "²", "a\0b", "x" * 5000])
def test_nothing_there_is_said_for_any_word(store, word):
    with pytest.raises(NotFound, match=r"start (one|a run) with: penstock run"):
        find(store, word)
