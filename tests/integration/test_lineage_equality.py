"""What holds the lineage of runs against each other has to see every difference, and none where there is none."""

import pytest
from artifact_equality import Made
from lineage_equality import lineage_differences, lineage_of

from pipeline.metadata import LineageStore

store_pb2 = pytest.importorskip("ml_metadata.proto.metadata_store_pb2")

pytestmark = pytest.mark.integration

KEY = "ab" * 32


class Store:
    """The lineage of a run of two nodes: Make writes a table, Use reads it."""

    def __init__(self, folder, run_id):
        folder.mkdir()
        self.uri, self.run_id, self.root = f"sqlite:///{folder}/metadata.sqlite", run_id, folder / "root"
        self.table = self.root / "artifacts" / "tiny" / "Make" / "table" / str(len(run_id))
        self.table.mkdir(parents=True)
        (self.table / "rows").write_text("rows")
        self._store = LineageStore(self.uri).writable()
        self._types = {}

    def write(self, *, state=3, rows=5, key=KEY, type_name="Table", use=True, event="table", epochs=1, pipeline="tiny"):
        """Puts the run into the store."""
        make, table = (
            self._execution("Make", state, {"cache_key": key, "epochs": epochs}),
            self._table(type_name, rows, pipeline),
        )
        self._event(make, table, "OUTPUT", "table")
        if use:
            self._event(self._execution("Use", 3, {}), table, "INPUT", event)

    def lineage(self):
        names = {self.run_id: "RUN", str(self.root): "ROOT"}
        return lineage_of(self.uri, self.run_id, "tiny", Made({("Make", "table"): self.table}, names))

    def _context(self, kind, name):
        known = self._store.get_context_by_type_and_name(kind, name)
        if known is not None:
            return known.id
        type_id = self._store.put_context_type(store_pb2.ContextType(name=kind))
        (made,) = self._store.put_contexts([store_pb2.Context(type_id=type_id, name=name)])
        return made

    def _execution(self, node, state, properties):
        type_id = self._store.put_execution_type(store_pb2.ExecutionType(name=f"types.{node}"))
        execution = store_pb2.Execution(type_id=type_id, last_known_state=state)
        for name, value in properties.items():
            execution.custom_properties[name].string_value = str(value)
        (made,) = self._store.put_executions([execution])
        contexts = [("pipeline", "tiny"), ("pipeline_run", self.run_id), ("node", f"tiny.{node}")]
        ids = [self._context(*context) for context in contexts]
        self._store.put_attributions_and_associations(
            [], [store_pb2.Association(execution_id=made, context_id=context_id) for context_id in ids]
        )
        return made

    def _table(self, type_name, rows, pipeline):
        type_id = self._store.put_artifact_type(store_pb2.ArtifactType(name=type_name))
        artifact = store_pb2.Artifact(type_id=type_id, uri=str(self.table), state=2)
        artifact.custom_properties["rows"].int_value = rows
        artifact.custom_properties["made_by"].string_value = f"{self.run_id} with {KEY}"
        (made,) = self._store.put_artifacts([artifact])
        attribution = store_pb2.Attribution(artifact_id=made, context_id=self._context("pipeline", pipeline))
        self._store.put_attributions_and_associations([attribution], [])
        return made

    def _event(self, execution_id, artifact_id, kind, key):
        event = store_pb2.Event(execution_id=execution_id, artifact_id=artifact_id)
        event.type = store_pb2.Event.Type.Value(kind)
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
        self._store.put_events([event])


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The lineage of a run."""
    store = Store(tmp_path_factory.mktemp("here") / "store", "monday")
    store.write()
    return store.lineage()


@pytest.fixture
def differences(here, tmp_path):
    """What differs between that run and one with changes."""

    def found(**changes):
        there = Store(tmp_path / "there", "a-later-day")
        there.write(**changes)
        return lineage_differences(here, there.lineage())

    return found


def test_runs_that_did_the_same_differ_in_nothing_whatever_they_are_called(differences):
    assert differences() == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"state": 4}, "execution Make.state: 3 here, 4 there"),
        ({"epochs": 2}, "execution Make.custom properties.epochs: 1 here, 2 there"),
        ({"pipeline": "other"}, "artifact Make/table/1.contexts[0][1]: 'tiny' here, 'other' there"),
        ({"rows": 6}, "artifact Make/table/1.custom properties.rows: '5' here, '6' there"),
        ({"type_name": "Chair"}, "artifact Make/table/1.type: 'Table' here, 'Chair' there"),
        ({"use": False}, "execution Use: only here"),
        ({"event": "chair"}, "execution Use.events[0][1]: 'table' here, 'chair' there"),
    ],
)
def test_each_difference_is_told_with_its_place(differences, changes, where):
    assert differences(**changes) == [where]


def test_a_cache_key_may_be_another_because_its_parts_are_compared(differences):
    other = "cd" * 32
    (told,) = differences(key=other)
    assert told.startswith("artifact Make/table/1.custom properties.made_by"), "only where it is no key"
