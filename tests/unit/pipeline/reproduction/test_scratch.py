import json

import pytest
from synthetic_store import SyntheticStore

from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.target import Target
from pipeline.metadata import LineageStore
from pipeline.reproduction.reproduce import recipe_of
from pipeline.reproduction.scratch import baseline_ingredient, baseline_of, make_scratch
from pipeline.run_store import RunStore

CONFIG = {"pipeline": {"name": "reviews", "root": "/real", "cache": True}, "push": {"directory": "/real/served"}}


@pytest.fixture
def store(tmp_path):
    store = SyntheticStore(tmp_path / "root")
    first = store.add_run("run-1", files=True)
    second = store.add_run("run-2", files=True, baseline=first.artifacts["Trainer", "model"])
    store.add_run("run-3", files=True, baseline=second.artifacts["Trainer", "model"])
    return store


def graph_of(runs):
    return LineageGraph.read(LineageStore(runs.metadata_uri))


def live_blessings(runs):
    return [a.artifact_id for a in graph_of(runs).artifacts_of_type("ModelBlessing") if a.is_live]


def test_the_resolver_will_find_the_baseline_that_the_run_had(store, tmp_path):
    graph = graph_of(store.runs)
    baseline = baseline_of(graph, graph.executions_of_run("run-2"))
    make_scratch(tmp_path / "again", store.runs, CONFIG, baseline)
    (kept,) = live_blessings(RunStore(tmp_path / "again"))
    assert "run-1" in graph.runs_of(kept)
    assert len(live_blessings(store.runs)) == 3, "the real store stays as it is"


def test_a_run_without_baseline_finds_none(store, tmp_path):
    graph = graph_of(store.runs)
    assert baseline_of(graph, graph.executions_of_run("run-1")) is None
    make_scratch(tmp_path / "again", store.runs, CONFIG, None)
    assert live_blessings(RunStore(tmp_path / "again")) == []


def test_it_never_pushes_where_models_are_served_and_takes_nothing_from_the_cache(store, tmp_path):
    root = tmp_path / "again"
    make_scratch(root, store.runs, CONFIG, None)
    written = json.loads((root / "config.json").read_text())
    assert written["pipeline"] == {"name": "reviews", "root": str(root), "cache": False}
    assert written["push"] == {"directory": None}


def test_a_baseline_that_was_removed_is_said(store):
    graph = graph_of(store.runs)
    baseline = baseline_of(graph, graph.executions_of_run("run-2"))
    assert baseline_ingredient(baseline).standing == "same"
    LineageStore(store.runs.metadata_uri).mark_deleted([baseline.artifact_id])
    graph = graph_of(store.runs)
    gone = baseline_of(graph, graph.executions_of_run("run-2"))
    assert baseline_ingredient(gone).standing == "differs"
    assert baseline_ingredient(None).standing == "same"


def test_a_run_that_kept_no_configuration_cannot_be_run_again(store):
    with pytest.raises(NotFound, match="did not keep its configuration"):
        recipe_of(Target(None, "run-1"), graph_of(store.runs), store.runs, {})


def test_an_artifact_of_no_run_cannot_be_run_again(store):
    graph = graph_of(store.runs)
    with pytest.raises(NotFound, match="No run of this store made artifact 1"):
        recipe_of(Target(graph.artifact(1), None), graph, store.runs, {})


def test_parameters_and_compiling_code_are_those_that_the_run_noted(store):
    runs = store.runs
    runs.config_path("run-1").write_text(json.dumps(CONFIG))
    runs.ir_path("run-1").write_text(json.dumps({"runtimeParameter": {"name": "epochs"}}))
    code = {"pipeline/planning.py": "not its digest", "pipeline/report/page.py": "does not matter"}
    request = {"parts": {"parameters": {"epochs": "3"}, "code": code}, "packages": {}}
    (runs.run_folder("run-1") / "request.json").write_text(json.dumps(request))
    recipe = recipe_of(Target(None, "run-1"), graph_of(runs), runs, {})
    assert recipe.parameters == {"epochs": "3"}
    (found,) = (item.seen for item in recipe.ingredients if item.name == "code")
    assert "pipeline/planning.py changed since" in found
    assert "report" not in found
    assert recipe_of(Target(None, "run-1"), graph_of(runs), runs, {"epochs": "4"}).parameters == {"epochs": "4"}
