"""Explanations of past runs, on a store in memory that holds what the launcher writes."""

import json

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline.caching.explanation import explain_run
from pipeline.caching.history import newest_success, node_history
from pipeline.caching.parts import canonical

State = metadata_store_pb2.Execution


class Store:
    """Executions of the node `tiny.Node`, one a run."""

    def __init__(self):
        config = metadata_store_pb2.ConnectionConfig()
        config.fake_database.SetInParent()
        self.store = metadata_store.MetadataStore(config)
        self._types = {
            name: self.store.put_context_type(metadata_store_pb2.ContextType(name=name))
            for name in ("node", "pipeline", "pipeline_run")
        }
        self._execution_type = self.store.put_execution_type(metadata_store_pb2.ExecutionType(name="Node"))

    def add(self, run_id, state=State.COMPLETE, parts=None, **properties):
        execution = metadata_store_pb2.Execution(type_id=self._execution_type, last_known_state=state)
        if parts is not None:
            properties["cache_parts"] = canonical(parts)
        for name, value in properties.items():
            if isinstance(value, int):
                execution.custom_properties[name].int_value = value
            else:
                execution.custom_properties[name].string_value = value
        contexts = [
            metadata_store_pb2.Context(type_id=self._types[kind], name=name)
            for kind, name in (("node", "tiny.Node"), ("pipeline", "tiny"), ("pipeline_run", run_id))
        ]
        execution_id, _, _ = self.store.put_execution(execution, [], contexts, reuse_context_if_already_exist=True)
        return execution_id

    def explain(self, run_id):
        (explanation,) = explain_run(self.store, "tiny", run_id, ("Node",))
        return explanation


PARTS = {"code": {"a.py": "1"}, "parameters": {"epochs": 5}}


@pytest.fixture
def store():
    return Store()


def test_a_first_run_is_a_miss_for_want_of_an_answer(store):
    store.add("one", parts=PARTS)
    assert (store.explain("one").verdict, store.explain("one").reasons) == ("miss", ("it has not succeeded before",))


def test_a_hit_names_whose_outputs_it_took(store):
    first = store.add("one", parts=PARTS)
    store.add("two", State.CACHED, parts=PARTS, cached_from=first)
    assert (store.explain("two").verdict, store.explain("two").answer) == ("hit", first)


def test_a_miss_names_what_changed_since_the_newest_success(store):
    store.add("one", parts={**PARTS, "parameters": {"epochs": 4}})
    second = store.add("two", parts=PARTS)
    store.add("failed", State.FAILED, parts={"code": {}})
    store.add("three", parts={**PARTS, "parameters": {"epochs": 6}})
    explanation = store.explain("three")
    assert explanation.reasons == ("epochs: 5 → 6",)
    assert explanation.compared_with == second
    assert json.loads(json.dumps(explanation.to_json()))["changes"] == [
        {"section": "parameters", "name": "epochs", "kind": "changed", "old": 5, "new": 6}
    ]


def test_a_miss_without_a_change_gives_the_reason_that_was_noted(store):
    store.add("one", parts=PARTS)
    store.add("two", parts=PARTS, cache_miss=json.dumps(["/x/1 was deleted"]))
    assert store.explain("two").reasons == ("/x/1 was deleted",)


def test_an_answer_that_nobody_may_take_says_why(store):
    store.add("one", parts=PARTS, not_reusable="a.py changed while this process ran")
    store.add("two", parts=PARTS)
    assert "a.py changed while this process ran" in store.explain("two").reasons[0]


def test_a_run_that_failed_or_never_came_that_far_is_told_as_it_is(store):
    store.add("one", State.FAILED)
    assert store.explain("one").verdict == "failed"
    assert store.explain("never").verdict == "not run"


@pytest.mark.parametrize("text", ["", "garbage", "[]", "[" * 10_000, '{"code": 3}', "\x00"])
def test_damaged_records_are_as_if_not_there(store, text):
    store.add("one", cache_parts=text, cache_miss=text)
    store.add("two", parts=PARTS, cache_miss=text)
    assert newest_success(node_history(store.store, "tiny", "Node")[1:]) is None
    assert store.explain("two").reasons == ("it has not succeeded before",)
    assert store.explain("one").reasons == ("it ran before this was recorded",)


def test_an_unknown_node_has_no_history(store):
    assert node_history(store.store, "tiny", "Nobody") == []
