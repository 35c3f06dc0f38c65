import json
import re
import shutil
from pathlib import Path

import pytest
from synthetic_store import SyntheticStore

from components.model_digest import model_digest
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import Ask, Registration
from components.signing.settings import SigningSettings
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.story import tell
from pipeline.lineage.target import find_target
from pipeline.lineage.text import artifact_tree, downstream_tree, story_tree
from pipeline.lineage.tree import lines_of
from pipeline.metadata import LineageStore
from pipeline.provenance import Provenance

DIGEST = "ab" * 32
CONFIG = {"model": {"units": [8, 4]}, "training": {"epochs": 3}, "features": {"not": "told"}}


@pytest.fixture
def store(tmp_path):
    """A run that pushed, and one that took its examples from the cache, beat the first model and failed to push."""
    store = SyntheticStore(tmp_path / "root")
    first = store.add_run(
        "run-1",
        pushed=True,
        files=True,
        properties={("ArrowExampleGen", "examples"): {"rows_in": 10, "rows_train": 8, "span": 3}},
        executions={
            "ArrowExampleGen": {
                "input_base": "/data",
                "input_config": json.dumps({"splits": [{"name": "all", "pattern": "day-3/rows.csv"}]}),
                "cache_parts": json.dumps({"data": {"day-3/rows.csv": DIGEST}, "code": {}}),
            },
            "Trainer": {
                "custom_config": json.dumps(CONFIG),
                "cache_parts": json.dumps({"code": {"models/x/train.py": "cd" * 32}}),
            },
            "ImportSchemaGen": {"schema_file": f"/runs/inputs/schema/{'ef' * 32}/schema.pbtxt"},
        },
    )
    cached = {("ArrowExampleGen", "examples"): first.artifacts["ArrowExampleGen", "examples"]}
    store.add_run("run-2", cached=cached, baseline=first.artifacts["Trainer", "model"], blessed=False, files=True)
    blessing = Path(uri(store, "Evaluator", "blessing", "run-1"))
    document = {"blessed": True, "reasons": ["good <b>enough</b>"], "metrics": {"accuracy": 0.5, "skill": None}}
    (blessing / "decision.json").write_text(json.dumps(document))
    noted = Provenance("c" * 40, True, "d" * 64, "3.11.7", "Linux", {"tfx": "1.21.0"}, 2, 10)
    (store.runs.provenance_path("run-1").write_text(noted.to_json()))
    return store


def graph_of(store):
    return LineageGraph.read(LineageStore(store.runs.metadata_uri))


def uri(store, node_id, key, run_id):
    outputs = graph_of(store).outputs_of_run(run_id)
    return next(artifact.uri for artifact in outputs if (artifact.node_id, artifact.key) == (node_id, key))


def story_of(store, word):
    graph = graph_of(store)
    return tell(find_target(word, graph, store.runs, "reviews"), graph, store.runs)


def text_of(store, word):
    return "\n".join(lines_of(story_tree(story_of(store, word))))


def test_the_data_is_named_with_its_files_and_their_digests(store):
    story = story_of(store, "run-1")
    assert (story.data.place, story.data.span) == ("/data/day-3/rows.csv", 3)
    assert [(file.path, file.digest) for file in story.data.files] == [("/data/day-3/rows.csv", DIGEST)]
    assert story.data.rows == {"rows_in": 10, "rows_train": 8}


def test_data_taken_from_the_cache_is_that_of_the_run_that_read_it(store):
    story = story_of(store, "run-2")
    assert [file.digest for file in story.data.files] == [DIGEST]
    assert story.taken_from == {"ArrowExampleGen": "run-1"}


def test_only_what_steers_training_is_a_hyperparameter(store):
    assert story_of(store, "run-1").hyperparameters == {"model.units": "[8, 4]", "training.epochs": "3"}


def test_the_code_is_that_of_the_training(store):
    assert story_of(store, "run-1").code == {"models/x/train.py": "cd" * 32}


def test_a_model_is_judged_in_its_own_evaluations_only(store):
    first, second = story_of(store, "run-1"), story_of(store, "run-2")
    assert [(verdict.run_id, verdict.positive) for verdict in first.judged] == [("run-1", True)]
    assert [(verdict.run_id, verdict.positive) for verdict in second.judged] == [("run-2", False)]
    assert second.judged[0].baseline == first.model


def test_a_push_says_whether_the_version_is_there(store):
    (push,) = story_of(store, "run-1").pushes
    assert push.is_there
    shutil.rmtree(push.destination)
    (push,) = story_of(store, "run-1").pushes
    assert not push.is_there
    assert "not there any more" in text_of(store, "run-1")


def test_an_approval_is_whatever_a_node_wrote_to_an_output_of_that_name(store):
    assert "approvals        none recorded" in text_of(store, "run-1")
    graph = graph_of(store)
    model = story_of(store, "run-1").model
    store.add_reader("Approver", model.artifact_id, "approval", {"approved": 1, "by": "the board"})
    assert graph_of(store).consumers(model.artifact_id) != graph.consumers(model.artifact_id)
    (approval,) = story_of(store, "run-1").approvals
    assert approval.properties["by"] == "the board"
    assert "by the board" in text_of(store, "run-1")


def test_a_registered_version_is_told_with_every_change_and_who_made_it(store, tmp_path):
    model = tmp_path / "5"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"graph")
    place = uri(store, "Trainer", "model", "run-1")
    registry = LocalRegistry(store.root / "registry/reviews", SigningSettings())
    registry.register(model, Registration("5", "run-1", place, model_digest(model), "", "rules", {}))
    registry.promote("5", "staging", Ask("ann", "looks right"))
    story = tell(find_target("run-1", graph_of(store), store.runs, "reviews"), graph_of(store), store.runs)
    assert [(version.version, version.stage) for version in story.versions] == [("5", "staging")]
    text = "\n".join(lines_of(story_tree(story)))
    assert "version 5, staging; unsigned: signing.mode is unsigned" in text
    assert re.search(r"promoted to staging by ann on \S+: looks right", text)
    other = tell(find_target("run-2", graph_of(store), store.runs, "reviews"), graph_of(store), store.runs)
    assert other.versions == ()


def test_the_tree_tells_everything(store):
    text = text_of(store, "run-1")
    for told in (
        "run run-1 of pipeline reviews",
        "/data/day-3/rows.csv  span 3",
        "sha256 abababababab",
        f"commit {'c' * 40}, with uncommitted changes",
        "models/x/train.py  cdcdcdcdcdcd",
        "training.epochs  3",
        "curated, sha256 efefefefefef",
        "good <b>enough</b>",
        "accuracy 0.5",
        "tfx 1.21.0",
    ):
        assert told in text, told


def test_what_is_gone_or_was_never_noted_is_said(store):
    shutil.rmtree(store.root / "artifacts")
    shutil.rmtree(store.root / "runs")
    text = text_of(store, "run-2")
    assert "its folder is not there any more" in text
    assert "no git commit noted" in text
    assert "its document is not in" in text
    assert "not noted (a run of an older version)" in text


def test_an_artifact_is_told_with_what_it_was_made_from_and_for(store):
    graph = graph_of(store)
    examples = graph.artifact(1)
    upwards = "\n".join(lines_of(artifact_tree(examples, graph, downstream=False)))
    assert "artifact 1 Examples of ArrowExampleGen" in upwards
    assert "in runs" in upwards
    assert "run-1, run-2" in upwards
    downwards = "\n".join(lines_of(artifact_tree(examples, graph, downstream=True)))
    assert downwards.count("Trainer") == 2


def test_what_was_made_from_a_run_is_told_run_by_run(store):
    graph = graph_of(store)
    text = "\n".join(lines_of(downstream_tree(story_of(store, "run-1"), graph)))
    assert "├─ run run-1" in text
    assert "└─ run run-2" in text


def test_no_character_of_a_name_acts_on_the_terminal(store):
    made = store.add_run("run-3", properties={("Evaluator", "blessing"): {"blessed": 1}}, files=True)
    folder = Path(uri(store, "Evaluator", "blessing", "run-3"))
    (folder / "decision.json").write_text(json.dumps({"reasons": ["\x1b[2Jgone\u202e", "x" * 100_000]}))
    assert made.artifacts
    text = text_of(store, "run-3")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2Jgone\\u202e" in text


@pytest.mark.parametrize("garbage", ["", "[]", "nonsense", '{"code": 5, "data": [1]}', "null", '{"custom_config": {}}'])
def test_garbage_in_the_store_is_not_noted_rather_than_an_error(tmp_path, garbage):
    store = SyntheticStore(tmp_path / "root")
    values = {"cache_parts": garbage, "custom_config": garbage, "input_config": garbage, "span": "x"}
    store.add_run("run-1", executions=dict.fromkeys(("ArrowExampleGen", "Trainer"), values))
    store.runs.config_path("run-1").write_text(garbage)
    store.runs.provenance_path("run-1").write_text(garbage)
    assert "not noted" in text_of(store, "run-1")
