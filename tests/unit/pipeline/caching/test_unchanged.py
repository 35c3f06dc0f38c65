"""Whether a run would do nothing, on a store that holds what a run leaves behind."""

import dataclasses
import datetime
import shutil

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline.caching.answers import record_fingerprints
from pipeline.caching.file_index import FileIndex
from pipeline.caching.parts import canonical
from pipeline.caching.request import describe_request, write_request
from pipeline.caching.unchanged import unchanged_since
from pipeline.config import load_config
from pipeline.metadata import connection_config
from pipeline.run_store import NodeRecord, RunRecord, RunStore

CONFIG = """
pipeline: {name: churn, root: root}
data: {path: rows.csv}
label: {column: churned}
"""
NODES = ("ArrowExampleGen", "Pusher")
State = metadata_store_pb2.Execution


class Project:
    """A complete run of two nodes: one made examples, the other pushed a model."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "rows.csv").write_text("churned\n1\n")
        (folder / "penstock.yaml").write_text(CONFIG)
        self.store = RunStore(folder / "root")
        self.examples = folder / "root/artifacts/examples/1"
        self.pushed = folder / "root/pushed/churn/1795380577"
        self.model = folder / "root/artifacts/pushed_model/2"
        for made in (self.examples, self.pushed, self.model):
            made.mkdir(parents=True)
            (made / "data").write_text("bytes")
        self.record = RunRecord(
            "run-1",
            "churn",
            "COMPLETE",
            "2026-11-22T10:00:00+00:00",
            None,
            1,
            "",
            NODES,
            tuple(NodeRecord(node_id, "COMPLETE") for node_id in NODES),
        )
        self.store.write(self.record)
        write_request(self.store.run_folder("run-1"), describe_request(self.config(), {}))
        self.fill_store()

    def config(self, *overrides):
        return load_config(self.folder / "penstock.yaml", overrides)

    def fill_store(self, code=None):
        store = metadata_store.MetadataStore(connection_config(self.store.metadata_uri, writable=True))
        contexts = [
            metadata_store_pb2.Context(
                type_id=store.put_context_type(metadata_store_pb2.ContextType(name=kind)), name=name
            )
            for kind, name in (("pipeline", self.record.pipeline_name), ("pipeline_run", "run-1"))
        ]
        execution_type = store.put_execution_type(metadata_store_pb2.ExecutionType(name="Node"))
        artifact_type = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Thing"))
        for node_id, uri, pushed_to in (("ArrowExampleGen", self.examples, ""), ("Pusher", self.model, self.pushed)):
            execution = metadata_store_pb2.Execution(type_id=execution_type, last_known_state=State.COMPLETE)
            parts = {"node": {"id": node_id}, "code": code or {}}
            execution.custom_properties["cache_parts"].string_value = canonical(parts)
            artifact = metadata_store_pb2.Artifact(type_id=artifact_type, uri=str(uri))
            if pushed_to:
                artifact.custom_properties["pushed_destination"].string_value = str(pushed_to)
            record_fingerprints(artifact, FileIndex(None))
            event = metadata_store_pb2.Event(type=metadata_store_pb2.Event.OUTPUT)
            event.path.steps.add().key = "output"
            store.put_execution(execution, [(artifact, event)], contexts, reuse_context_if_already_exist=True)

    def compared(self, *overrides, parameters=None, now=None):
        return unchanged_since(self.config(*overrides), parameters or {}, self.store, now)

    def write(self, **changes):
        self.store.write(dataclasses.replace(self.record, **changes))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A project, and a copy of it as it was; of our code, which is read each time, it is asked for two packages."""
    folder = tmp_path_factory.mktemp("unchanged")
    (folder / "project").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.caching.request.PACKAGES", ("models", "schemas"))
        project = Project(folder / "project")
        project.compared()  # puts into its index what is read of our code
        shutil.copytree(project.folder, folder / "kept")
        yield project, folder / "kept"


@pytest.fixture
def project(kept):
    """The project as it was when it was made."""
    project, copy = kept
    shutil.rmtree(project.folder)
    shutil.copytree(copy, project.folder)
    return project


def test_the_same_again_would_do_nothing(project):
    found = project.compared()
    assert (found.run_id, found.differences, found.obstacles) == ("run-1", (), ())
    assert found.is_unchanged


def test_what_is_asked_for_differently_is_named(project):
    (project.folder / "rows.csv").write_text("churned\n0\n")
    found = project.compared("training.epochs=6", parameters={"x": "1"})
    assert set(found.differences) == {"training.epochs: 5 → 6", "data file 'rows.csv' changed", "x: 1 is new"}
    assert not found.is_unchanged


def _edit(project):
    (project.examples / "data").write_text("BYTES")


DAMAGES = {
    "was changed since it was written": _edit,
    "examples/1 was deleted": lambda project: shutil.rmtree(project.examples),
    "1795380577 was deleted": lambda project: shutil.rmtree(project.pushed),
    "1795380578 is newer": lambda project: (project.pushed.parent / "1795380578").mkdir(),
    "metadata.sqlite is not there": lambda project: (project.folder / "root/metadata.sqlite").unlink(),
    "it is failed": lambda project: project.write(state="FAILED"),
    "it is partial": lambda project: project.write(state="PARTIAL"),
    "it is interrupted": lambda project: project.write(state="RUNNING"),
    "it took the outputs of Pusher from another run": lambda project: project.write(
        nodes=(NodeRecord("Pusher", "REUSED"),)
    ),
    "what it was asked to do is not known": lambda project: (project.folder / "root/runs/run-1/request.json").unlink(),
}


@pytest.mark.parametrize(("words", "damage"), DAMAGES.items(), ids=DAMAGES)
def test_an_outcome_that_does_not_stand_is_not_taken_for_one(project, words, damage):
    damage(project)
    found = project.compared()
    assert not found.is_unchanged
    assert words in "; ".join(found.obstacles)


def test_a_run_of_another_pipeline_is_not_this_ones(project):
    project.write(pipeline_name="rents")
    assert (project.compared().run_id, project.compared().is_unchanged) == (None, False)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("pipeline.cache=false", "pipeline.cache is false"),
        ("nodes.Pusher.cache=false", "nodes.Pusher.cache is false"),
        ("nodes.ArrowExampleGen.cache_ttl_hours=24", "ArrowExampleGen is older than 24 h (cache_ttl_hours)"),
    ],
)
def test_a_node_that_would_run_anyway_is_no_nothing(project, override, words):
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=25)
    assert project.compared(override, now=later).obstacles == (words,)


def test_a_node_within_its_time_to_live_and_a_node_that_is_not_there_do_not_matter(project):
    assert project.compared("nodes.ArrowExampleGen.cache_ttl_hours=24", "nodes.Tuner.cache=false").is_unchanged


def test_nodes_that_ran_with_code_edited_meanwhile_are_named(project):
    project.fill_store(code={"models/tabular_text/model.py": "of an edit in the middle of the run"})
    assert "ran with another models/tabular_text/model.py than the run began with" in project.compared().obstacles[0]


def test_no_run_at_all_is_no_unchanged_run(tmp_path):
    (tmp_path / "rows.csv").write_text("churned\n1\n")
    (tmp_path / "penstock.yaml").write_text(CONFIG)
    found = unchanged_since(load_config(tmp_path / "penstock.yaml"), {}, RunStore(tmp_path / "root"))
    assert (found.run_id, found.is_unchanged) == (None, False)


def test_a_node_that_ran_with_unknown_code_is_named_after_the_edit_was_taken_back(project):
    store = metadata_store.MetadataStore(connection_config(project.store.metadata_uri, writable=True))
    execution = store.get_executions()[0]
    execution.custom_properties["not_reusable"].string_value = "model.py changed while this process ran"
    store.put_executions([execution])
    assert project.compared().obstacles == ("ArrowExampleGen: model.py changed while this process ran",)
