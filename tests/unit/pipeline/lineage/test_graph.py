import time

import pytest
from synthetic_store import SyntheticStore

from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import LineageStore


def graph_of(store):
    return LineageGraph.read(LineageStore(store.runs.metadata_uri))


@pytest.fixture
def two_runs(tmp_path):
    """A run, and a second one that took examples and schema from the cache and was compared with the first."""
    store = SyntheticStore(tmp_path / "root")
    first = store.add_run("run-1", pushed=True)
    cached = {key: first.artifacts[key] for key in [("ArrowExampleGen", "examples"), ("ImportSchemaGen", "schema")]}
    second = store.add_run("run-2", cached=cached, baseline=first.artifacts["Trainer", "model"])
    return store, first, second


def names(graph, closure):
    return sorted((graph.artifact(number).node_id, graph.artifact(number).key) for number in closure.artifacts)


def test_a_model_comes_from_what_was_read_on_the_way_to_it(two_runs):
    store, first, second = two_runs
    graph = graph_of(store)
    closure = graph.upstream([second.artifacts["Trainer", "model"]])
    assert names(graph, closure) == [
        ("ArrowExampleGen", "examples"),
        ("ImportSchemaGen", "schema"),
        ("Trainer", "model"),
        ("Transform", "transform_graph"),
        ("Transform", "transformed_examples"),
    ]
    assert closure.executions == {
        first.executions["ArrowExampleGen"],
        first.executions["ImportSchemaGen"],
        second.executions["Transform"],
        second.executions["Trainer"],
    }


def test_a_baseline_is_no_material(two_runs):
    store, first, second = two_runs
    graph = graph_of(store)
    blessing = graph.upstream([second.artifacts["Evaluator", "blessing"]])
    assert first.artifacts["Trainer", "model"] not in blessing.artifacts
    reached = graph.downstream([first.artifacts["Trainer", "model"]])
    assert second.artifacts["Evaluator", "blessing"] not in reached.artifacts
    assert second.executions["Evaluator"] in {
        execution.execution_id for execution in graph.consumers(first.artifacts["Trainer", "model"], "baseline_model")
    }


def test_what_was_made_from_the_data_is_found_in_every_run(two_runs):
    store, first, second = two_runs
    graph = graph_of(store)
    reached = graph.downstream([first.artifacts["ArrowExampleGen", "examples"]])
    for run in (first, second):
        assert run.artifacts["Trainer", "model"] in reached.artifacts
        assert run.artifacts["Pusher", "pushed_model"] in reached.artifacts


def test_the_maker_is_not_who_took_it_from_the_cache(two_runs):
    store, first, _ = two_runs
    graph = graph_of(store)
    examples = first.artifacts["ArrowExampleGen", "examples"]
    assert graph.producer(examples).execution_id == first.executions["ArrowExampleGen"]
    assert graph.runs_of(examples) == ("run-1", "run-2")


def test_outputs_of_a_run_hold_what_it_took_from_the_cache(two_runs):
    store, _, second = two_runs
    graph = graph_of(store)
    found = {(artifact.node_id, artifact.key): artifact.artifact_id for artifact in graph.outputs_of_run("run-2")}
    assert found == second.artifacts
    by_store = LineageStore(store.runs.metadata_uri).outputs_of_run("run-2")
    assert {(artifact.node_id, artifact.key): artifact.artifact_id for artifact in by_store} == second.artifacts


def test_runs_of_two_pipelines_in_one_store_may_have_the_same_id(tmp_path):
    stores = {name: SyntheticStore(tmp_path / "root", name) for name in ("reviews", "churn")}
    made = {name: store.add_run("run-1") for name, store in stores.items()}
    lineage = LineageStore(stores["churn"].runs.metadata_uri)
    graph = LineageGraph.read(lineage)
    for name in stores:
        for outputs in (lineage.outputs_of_run("run-1", name), graph.outputs_of_run("run-1", name)):
            assert {(item.node_id, item.key): item.artifact_id for item in outputs} == made[name].artifacts
        executions = graph.executions_of_run("run-1", name)
        assert {item.node_id: item.execution_id for item in executions} == made[name].executions
    both = sum(len(item.artifacts) for item in made.values())
    assert len(lineage.outputs_of_run("run-1")) == len(graph.outputs_of_run("run-1")) == both
    assert lineage.outputs_of_run("run-1", "others") == graph.outputs_of_run("run-1", "others") == []


def test_a_file_within_an_artifact_names_the_artifact(two_runs):
    store, first, _ = two_runs
    graph = graph_of(store)
    model = graph.artifact(first.artifacts["Trainer", "model"])
    assert graph.artifacts_at(f"{model.uri}/Format-Serving/saved_model.pb") == [model]
    assert graph.artifacts_at(f"{model.uri}/") == [model]
    assert graph.artifacts_at(f"{model.uri}0") == []


def test_a_store_that_does_not_exist_is_an_empty_graph(tmp_path):
    graph = LineageGraph.read(LineageStore(f"sqlite:///{tmp_path}/none.sqlite"))
    assert graph.run_ids == []
    assert graph.upstream([]).artifacts == frozenset()


def test_edges_join_only_members(two_runs):
    store, _, second = two_runs
    graph = graph_of(store)
    closure = graph.upstream([second.artifacts["Trainer", "model"]])
    edges = graph.edges(closure)
    # Transform and Trainer read 2 and 3 artifacts; the four executions wrote 1, 1, 2 and 1 that matter here.
    assert len(edges) == 10
    assert {edge.artifact_id for edge in edges} == closure.artifacts


def test_hundreds_of_executions_of_lineage_take_no_call_each(tmp_path):
    store = SyntheticStore(tmp_path / "root")
    made = [store.add_run(f"run-{number:03}") for number in range(40)]
    begin = time.process_time()  # what else the machine does is not the promise
    graph = graph_of(store)
    closure = graph.upstream([run.artifacts["Pusher", "pushed_model"] for run in made])
    elapsed = time.process_time() - begin
    assert len(closure.executions) == 40 * 6, "all nodes but StatisticsGen lead to a pushed model"
    assert elapsed < 0.8
