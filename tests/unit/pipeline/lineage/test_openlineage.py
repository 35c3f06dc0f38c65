"""Every event is rebuilt with OpenLineage's own classes, which check it, and must come back the same."""

import dataclasses
import json
import uuid

import attr
import pytest
from openlineage.client import event_v2, facet_v2
from openlineage.client.generated import parent_run
from openlineage.client.serde import Serde
from synthetic_store import SyntheticStore

from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.openlineage import events_of, lines_of, run_uuid
from pipeline.lineage.scope import scope
from pipeline.lineage.story import tell
from pipeline.lineage.target import find_target
from pipeline.metadata import LineageStore
from pipeline.provenance import Provenance
from pipeline.run_store import NodeRecord

FACETS = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "executionParameters": facet_v2.execution_parameters_run.ExecutionParametersRunFacet,
    "tags": facet_v2.tags_run.TagsRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "dataSource": facet_v2.datasource_dataset.DatasourceDatasetFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}
PARTS = {
    "fields": facet_v2.schema_dataset.SchemaDatasetFacetFields,
    "parameters": facet_v2.execution_parameters_run.ExecutionParameter,
    "tags": facet_v2.tags_run.TagsRunFacetFields,
}


def facets(values):
    return {name: facet(name, value) for name, value in values.items()}


def facet(name, value):
    fields = {key: item for key, item in value.items() if not key.startswith("_")}
    for key, kind in PARTS.items():
        if key in fields:
            fields[key] = [kind(**item) for item in fields[key]]
    if name == "parent":
        fields["run"] = event_v2.Run(fields["run"]["runId"], facets=None)
        fields["job"] = parent_run.Job(**fields["job"])
    return FACETS[name](**fields, producer=value["_producer"])


def dataset(kind, value, extra):
    return kind(value["namespace"], value["name"], facets=facets(value["facets"]), **{extra: facets(value[extra])})


def rebuilt(event):
    return event_v2.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=event_v2.RunState(event["eventType"]),
        run=event_v2.Run(event["run"]["runId"], facets=facets(event["run"]["facets"])),
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], facets=facets(event["job"]["facets"])),
        inputs=[dataset(event_v2.InputDataset, item, "inputFacets") for item in event["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, item, "outputFacets") for item in event["outputs"]],
    )


@pytest.fixture
def store(tmp_path):
    store = SyntheticStore(tmp_path / "root")
    columns = {"column_types": json.dumps({"title": "string", "stars": "int64"}), "rows_out": 12}
    data = {"cache_parts": json.dumps({"data": {"rows.csv": "ab" * 32}}), "input_base": "/data"}
    first = store.add_run(
        "run-1",
        pushed=True,
        properties={("ArrowExampleGen", "examples"): columns},
        executions={"ArrowExampleGen": data},
    )
    noted = Provenance("c" * 40, True, "d" * 64, "3.11.7", "Linux", {"tfx": "1.21.0"}, 2, 10)
    (store.runs.provenance_path("run-1").write_text(noted.to_json()))
    cached = {("ArrowExampleGen", "examples"): first.artifacts["ArrowExampleGen", "examples"]}
    store.add_run("run-2", cached=cached, baseline=first.artifacts["Trainer", "model"], failed="Pusher")
    record = store.runs.read("run-2")
    failed = record.with_node(NodeRecord("Pusher", "FAILED", failure="<script>no</script> room\u202e"))
    store.runs.write(dataclasses.replace(failed, state="FAILED"))
    return store


def events(store, word, *, downstream=False):
    graph = LineageGraph.read(LineageStore(store.runs.metadata_uri))
    story = tell(find_target(word, graph, store.runs, "reviews"), graph, store.runs)
    return events_of(scope(story, graph, downstream=downstream), graph, store.runs)


@pytest.mark.parametrize(("word", "downstream"), [("run-1", False), ("run-2", False), ("1", True), ("1", False)])
def test_events_are_what_openlineages_classes_make_of_them(store, word, downstream):
    found = events(store, word, downstream=downstream)
    assert found
    for event in found:
        assert json.loads(Serde.to_json(rebuilt(event))) == json.loads(json.dumps(without_empty(event)))


def without_empty(event):
    """OpenLineage's own writer leaves out None; empty objects in lists as well."""
    return Serde.remove_nulls_and_enums(attr.asdict(event) if attr.has(type(event)) else event)


def test_each_run_has_a_start_and_one_end(store):
    ends = {}
    for event in events(store, "run-2"):
        ends.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert all(sorted(types, reverse=True)[0] == "START" and len(types) == 2 for types in ends.values())
    assert ["START", "FAIL"] in ends.values()


def test_a_failure_is_told(store):
    told = {
        event["job"]["name"]: event["run"]["facets"]["errorMessage"]["message"]
        for event in events(store, "run-2")
        if "errorMessage" in event["run"]["facets"]
    }
    assert told == {
        "reviews": "Pusher: <script>no</script> room\u202e",
        "reviews.Pusher": "<script>no</script> room\u202e",
    }


def test_the_data_file_is_an_input_with_its_digest(store):
    (read,) = [
        item
        for event in events(store, "run-1")
        if event["job"]["name"] == "reviews.ArrowExampleGen" and event["eventType"] == "COMPLETE"
        for item in event["inputs"]
    ]
    assert (read["namespace"], read["name"]) == ("file", "/data/rows.csv")
    assert read["facets"]["version"]["datasetVersion"] == "ab" * 32


def test_what_was_written_has_its_columns_rows_and_fingerprint(store):
    (written,) = [
        item
        for event in events(store, "run-1")
        if event["job"]["name"] == "reviews.ArrowExampleGen" and event["eventType"] == "COMPLETE"
        for item in event["outputs"]
    ]
    assert [field["name"] for field in written["facets"]["schema"]["fields"]] == ["title", "stars"]
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 12
    assert written["facets"]["version"]["datasetVersion"] == f"sha256:{1:064x}"


def test_executions_have_their_run_as_parent(store):
    parents = {
        event["run"]["facets"]["parent"]["run"]["runId"]
        for event in events(store, "run-1")
        if "parent" in event["run"]["facets"]
    }
    assert parents == {run_uuid("reviews", "run-1")}
    assert uuid.UUID(*parents).version == 5


def test_the_commit_is_the_version_of_the_code(store):
    versions = {
        event["job"]["facets"]["sourceCodeLocation"]["version"]
        for event in events(store, "run-1")
        if "sourceCodeLocation" in event["job"]["facets"]
    }
    assert versions == {"c" * 40}


def test_lines_are_json_in_order_of_time(store):
    times = [json.loads(line)["eventTime"] for line in lines_of(events(store, "run-1"))]
    assert times == sorted(times)
