"""What may go of outputs on S3: nothing that is published, may still be on its way, or that a node goes on from."""

import datetime

import pytest

from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord, ExecutionRecord, Snapshot
from pipeline.retention import remote
from pipeline.retention.remote import clean_remote, plan_remote
from pipeline.storage.s3 import Location, StoredObject

NOW = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)
PLACE = "s3://bucket/penstock/artifacts/reviews"
WEEK, HOUR = datetime.timedelta(days=7), datetime.timedelta(hours=1)


def execution(number, run_id, state="RUNNING", pipeline_name="reviews"):
    return ExecutionRecord(number, "Trainer", "Trainer", pipeline_name, (run_id,), state, number, number, {})


EXECUTIONS = (
    execution(1, "run-1", "COMPLETE"),
    execution(2, "run-1"),
    execution(3, "run-2"),
    execution(4, "run-3", "FAILED"),
    execution(5, "other", pipeline_name="churn"),
)


@pytest.fixture
def bucket(monkeypatch):
    """Objects by key below the place: size and age; what is removed is noted."""
    objects, removed = {}, []

    def stored():
        root = Location.parse(PLACE)
        return [StoredObject(root.below(name).key, size, "", NOW - age) for name, (size, age) in objects.items()]

    def listing(place):
        return [item for item in stored() if item.key.startswith(f"{place.key}/")]

    def describe(place):
        return next((item for item in stored() if item.key == place.key), None)

    monkeypatch.setattr(remote, "listing", listing)
    monkeypatch.setattr(remote, "describe", describe)
    monkeypatch.setattr(remote, "remove", removed.append)
    return objects, removed


def planned(keep_last=1, artifacts=()):
    snapshot = Snapshot(
        {item.artifact_id: item for item in artifacts}, {item.execution_id: item for item in EXECUTIONS}, ()
    )
    return plan_remote(PLACE, "reviews", LineageGraph(snapshot), keep_last, NOW)


def names(leftovers):
    return {item.uri.removeprefix(f"{PLACE}/"): item.why for item in leftovers}


def test_what_a_killed_upload_left_goes_with_all_its_objects(bucket):
    objects, removed = bucket
    objects |= {"Trainer/model/2/a": (100, WEEK), "Trainer/model/2/b/c": (20, WEEK)}
    plan = planned()
    (going,) = plan.removals
    assert (going.uri, going.size_bytes) == (f"{PLACE}/Trainer/model/2", 120)
    clean_remote(plan)
    assert removed == [f"{PLACE}/Trainer/model/2"]


def test_what_is_published_stays_whatever_run_it_is_of(bucket):
    objects, _ = bucket
    objects |= {"Trainer/model/1/a": (100, WEEK), "Trainer/model/1.manifest.json": (11, WEEK)}
    plan = planned(keep_last=0)
    assert (plan.removals, plan.stays, plan.published, plan.published_bytes) == ((), (), 1, 111)


def test_a_value_is_published_by_the_manifest_beside_it_within_the_output(bucket):
    objects, _ = bucket
    objects |= {"Tuner/best/2/value": (1, WEEK), "Tuner/best/2/value.manifest.json": (9, WEEK)}
    plan = planned(keep_last=0)
    assert (plan.removals, plan.stays, plan.published, plan.published_bytes) == ((), (), 1, 10)


def test_what_was_published_after_the_plan_was_made_stays(bucket):
    objects, removed = bucket
    objects["Trainer/model/2/a"] = (100, WEEK)
    plan = planned()
    objects["Trainer/model/2.manifest.json"] = (11, HOUR)
    clean_remote(plan)
    assert removed == []


def test_what_was_written_to_today_stays(bucket):
    objects, _ = bucket
    objects |= {"Trainer/model/2/a": (100, WEEK), "Trainer/model/2/b": (1, HOUR)}
    plan = planned()
    assert names(plan.stays) == {"Trainer/model/2": "written to less than a day ago"}
    assert plan.removals == ()


def test_a_node_of_a_late_run_goes_on_from_what_its_killed_attempt_left(bucket):
    objects, _ = bucket
    objects |= {f"Trainer/model/{number}/a": (100, WEEK) for number in (2, 3, 4)}
    assert set(names(planned(keep_last=0).removals)) == {"Trainer/model/2", "Trainer/model/3", "Trainer/model/4"}
    plan = planned(keep_last=2)  # runs 2 and 3; what another pipeline ran does not count
    assert names(plan.stays) == {
        "Trainer/model/3": "its node in run run-2, started again, goes on from it",
        "Trainer/model/4": "its node in run run-3, started again, goes on from it",
    }
    assert set(names(plan.removals)) == {"Trainer/model/2"}


def test_what_the_lineage_store_names_stays_without_a_manifest(bucket):
    objects, _ = bucket
    objects["Trainer/model/2/a"] = (100, WEEK)
    for uri in (f"{PLACE}/Trainer/model/2", f"{PLACE}/Trainer/model/2/value"):
        named = ArtifactRecord(1, "Model", uri, "Trainer", "model", {})
        assert names(planned(artifacts=[named]).stays) == {
            "Trainer/model/2": "the lineage store names it, though its manifest is gone"
        }


def test_staged_inputs_and_working_files_are_no_outputs(bucket):
    objects, _ = bucket
    objects |= {
        "inputs/schema/1234/schema.pbtxt": (100, WEEK),
        "Trainer/.system/stateful_working_dir/2/x": (100, WEEK),
        "Trainer/.system/2/x": (100, WEEK),
        "Trainer/model/two/a": (100, WEEK),
    }
    plan = planned()
    assert (plan.removals, plan.stays, plan.published) == ((), (), 0)


def test_a_store_that_does_not_know_what_is_there_removes_nothing(bucket):
    objects, _ = bucket
    objects |= {"Trainer/model/2/a": (100, WEEK), "Trainer/model/6/a": (100, WEEK)}
    with pytest.raises(NotFound, match=r"knows of 5 executions.*Trainer/model/6.*Nothing was removed"):
        planned()
