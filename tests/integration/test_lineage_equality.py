"""What holds the lineage of runs against each other has to see every difference, and none where there is none."""

import dataclasses

import pytest
from artifact_equality import Made
from lineage_equality import lineage_differences, lineage_of, without

from pipeline.metadata import LineageStore

store_pb2 = pytest.importorskip("ml_metadata.proto.metadata_store_pb2")

pytestmark = pytest.mark.integration

KEY, BYTES = "ab" * 32, "ef" * 32

MAKE, TABLE = "execution Make", "artifact Make/table/1"

KEYS = [
    "execution Use.events[0][1]: 'baseline' here, 'model' there",
    "execution Use.events[0][3]: 'model' here, 'Make/table/1' there",
]


@dataclasses.dataclass(frozen=True)
class Told:
    """Everything that the store is told of a run of two nodes: Make writes a table, Use reads it."""

    execution_type: str = "types.Make"
    state: int = 3
    execution_name: str = ""
    seed: int = 7
    epochs: str = "1"
    settings: str = '{"rows": 1}'
    key: str = KEY
    artifact_type: str = "Table"
    artifact_state: int = 2
    artifact_name: str = ""
    place: str = ""
    span: int = 4
    rows: int = 5
    share: float = 5.0
    fingerprint: str = BYTES
    wrote: str = "OUTPUT"
    reads: tuple[str, ...] = ("table",)
    index: int = 0
    uses: bool = True
    pipeline: str = "tiny"
    of_the_run: bool = True
    team: str = "ours"


class Store:
    """A lineage store, and a run's folder."""

    def __init__(self, folder, run_id):
        folder.mkdir()
        self.uri, self.run_id, self.root = f"sqlite:///{folder}/metadata.sqlite", run_id, folder / "root"
        self.table = self.root / "artifacts" / "tiny" / "Make" / "table" / str(len(run_id))
        self.table.mkdir(parents=True)
        (self.table / "rows").write_text("rows")
        self._store = LineageStore(self.uri).writable()

    def write(self, told):
        """Puts the run into the store."""
        for name in ("tiny", told.pipeline):
            self._context("pipeline", name, told.team)
        make, table = self._execution("Make", told), self._table(told)
        self._event(make, table, told.wrote, {"table": told.index})
        if told.uses:
            use = self._execution("Use", Told(execution_type="types.Use", key=""))
            self._event(use, table, "INPUT", dict.fromkeys(told.reads, 0))

    def lineage(self):
        names = {self.run_id: "RUN", str(self.root): "ROOT"}
        return lineage_of(self.uri, self.run_id, "tiny", Made({("Make", "table"): self.table}, names))

    def _context(self, kind, name, team=None):
        known = self._store.get_context_by_type_and_name(kind, name)
        if known is not None:
            return known.id
        type_id = self._store.put_context_type(store_pb2.ContextType(name=kind))
        context = store_pb2.Context(type_id=type_id, name=name)
        if team is not None:
            context.custom_properties["team"].string_value = team
        (made,) = self._store.put_contexts([context])
        return made

    def _execution(self, node, told):
        kind = store_pb2.ExecutionType(name=told.execution_type, properties={"seed": store_pb2.INT})
        execution = store_pb2.Execution(type_id=self._store.put_execution_type(kind), last_known_state=told.state)
        execution.properties["seed"].int_value = told.seed
        texts = {"cache_key": told.key, "epochs": told.epochs, "settings": told.settings}
        for name, value in texts.items():
            execution.custom_properties[name].string_value = value
        execution.name = told.execution_name
        (made,) = self._store.put_executions([execution])
        contexts = [("pipeline", "tiny"), ("pipeline_run", self.run_id), ("node", f"tiny.{node}")]
        ids = [self._context(*context) for context in contexts]
        self._store.put_attributions_and_associations(
            [], [store_pb2.Association(execution_id=made, context_id=context_id) for context_id in ids]
        )
        return made

    def _table(self, told):
        kind = store_pb2.ArtifactType(name=told.artifact_type, properties={"span": store_pb2.INT})
        artifact = store_pb2.Artifact(type_id=self._store.put_artifact_type(kind), state=told.artifact_state)
        artifact.uri, artifact.name = f"{self.table}{told.place}", told.artifact_name
        artifact.properties["span"].int_value = told.span
        artifact.custom_properties["rows"].int_value = told.rows
        artifact.custom_properties["share"].double_value = told.share
        artifact.custom_properties["fingerprint"].string_value = told.fingerprint
        artifact.custom_properties["made_by"].string_value = f"{self.run_id} with {KEY}"
        (made,) = self._store.put_artifacts([artifact])
        contexts = [("pipeline", told.pipeline)] + [("pipeline_run", self.run_id)] * told.of_the_run
        of = [store_pb2.Attribution(artifact_id=made, context_id=self._context(*context)) for context in contexts]
        self._store.put_attributions_and_associations(of, [])
        return made

    def _event(self, execution_id, artifact_id, kind, path):
        event = store_pb2.Event(execution_id=execution_id, artifact_id=artifact_id)
        event.type = store_pb2.Event.Type.Value(kind)
        for key, index in path.items():
            event.path.steps.add().key = key
            event.path.steps.add().index = index
        self._store.put_events([event])


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The lineage of a run."""
    store = Store(tmp_path_factory.mktemp("here") / "store", "monday")
    store.write(Told())
    return store.lineage()


@pytest.fixture
def there(tmp_path):
    """The lineage of another, with changes."""

    def written(**changes):
        store = Store(tmp_path / str(len(list(tmp_path.iterdir()))), "a-later-day")
        store.write(Told(**changes))
        return store.lineage()

    return written


def test_runs_that_did_the_same_differ_in_nothing_whatever_they_are_called(here, there):
    assert lineage_differences(here, there()) == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"execution_type": "types.Other"}, f"{MAKE}.type: 'types.Make' here, 'types.Other' there"),
        ({"state": 4}, f"{MAKE}.state: 3 here, 4 there"),
        ({"execution_name": "first"}, f"{MAKE}.name: '' here, 'first' there"),
        ({"seed": 8}, f"{MAKE}.properties.seed: '7' here, '8' there"),
        ({"epochs": "2"}, f"{MAKE}.custom properties.epochs: '1' here, '2' there"),
        ({"epochs": "1.0"}, f"{MAKE}.custom properties.epochs: '1' here, '1.0' there"),
        ({"settings": '{"rows": true}'}, f"{MAKE}.custom properties.settings.rows: 1 here, True there"),
        ({"settings": '{"rows": 1.0}'}, f"{MAKE}.custom properties.settings.rows: 1 here, 1.0 there"),
        ({"artifact_type": "Chair"}, f"{TABLE}.type: 'Table' here, 'Chair' there"),
        ({"artifact_state": 4}, f"{TABLE}.state: 2 here, 4 there"),
        ({"artifact_name": "first"}, f"{TABLE}.name: '' here, 'first' there"),
        ({"place": "/part"}, f"{TABLE}.uri: 'Make/table/EXECUTION' here, 'Make/table/EXECUTION/part' there"),
        ({"span": 5}, f"{TABLE}.properties.span: '4' here, '5' there"),
        ({"rows": 6}, f"{TABLE}.custom properties.rows: '5' here, '6' there"),
        ({"share": 5.5}, f"{TABLE}.custom properties.share: '5.0' here, '5.5' there"),
        ({"uses": False}, "execution Use: only here"),
        ({"reads": ("chair",)}, "execution Use.events[0][1]: 'table' here, 'chair' there"),
        ({"wrote": "DECLARED_OUTPUT"}, f"{MAKE}.events[0][0]: 4 here, 1 there"),
        ({"index": 1}, f"{MAKE}.events[0][2]: '0' here, '1' there"),
        ({"pipeline": "other"}, f"{TABLE}.contexts[0][1]: 'tiny' here, 'other' there"),
        ({"of_the_run": False}, f"{TABLE}.contexts: 2 here, 1 there"),
    ],
)
def test_each_difference_is_told_with_its_place(here, there, changes, where):
    assert lineage_differences(here, there(**changes)) == [where]


def test_what_is_read_under_several_keys_has_them_in_any_order(there):
    both = there(reads=("model", "baseline"))
    assert lineage_differences(both, there(reads=("baseline", "model"))) == []
    assert lineage_differences(both, there(reads=("model",))) == ["execution Use.events[0]: 6 here, 4 there", *KEYS]


def test_a_context_that_says_something_else_is_seen_wherever_it_is_linked(here, there):
    found = lineage_differences(here, there(team="theirs"))
    assert [told.partition(".contexts")[0] for told in found] == [TABLE, MAKE, "execution Use"]
    assert {told.partition("team: ")[2] for told in found} == {"'ours' here, 'theirs' there"}


def test_a_digest_of_files_that_are_compared_to_the_last_byte_is_compared_too(here, there):
    (found,) = lineage_differences(here, there(fingerprint="cd" * 32))
    assert found.startswith(f"{TABLE}.custom properties.fingerprint")


def test_a_cache_key_may_be_another_because_its_parts_are_compared(here, there):
    (told,) = lineage_differences(here, there(key="cd" * 32))
    assert told.startswith(f"{TABLE}.custom properties.made_by"), "only where it is no key"


def test_nodes_that_one_side_does_not_have_are_left_out_with_what_they_wrote_and_no_others(here):
    assert sorted(here) == [TABLE, MAKE, "execution Use"]
    assert sorted(without(here, {"Use", "Mak"})) == [TABLE, MAKE]
    assert sorted(without(here, {"Make"})) == ["execution Use"]
