"""The registry in a folder: same bytes in every stage, one version in production, refusals change nothing."""

import dataclasses
import datetime
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.ledger.ledger import Ledger, LedgerDamaged
from components.model_digest import model_digest
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import Ask, ModelDamaged, Registration
from components.model_registry.versions import STAGES, ChangeRefused
from components.pusher.publish import RECEIPT
from components.signing.settings import SigningSettings

ASK = Ask("ann", "good enough")
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


class Registered:
    """A registry with pushed models to register."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.approvals = folder / "approvals.jsonl"
        self.registry = LocalRegistry(folder / "registry", SigningSettings(), self.approvals, clock=lambda: NOW)

    def pushed(self, version: str, content: bytes = b"weights of ") -> tuple[Path, Registration]:
        model = self.folder / "pushed" / version
        (model / "variables").mkdir(parents=True, exist_ok=True)
        (model / "saved_model.pb").write_bytes(b"graph")
        (model / "variables/variables.data").write_bytes(content + version.encode())
        (model / RECEIPT).parent.mkdir(exist_ok=True)
        (model / RECEIPT).write_text(json.dumps({"version": int(version)}))
        digest = model_digest(model)
        return model, Registration(version, f"run-{version}", "/m", digest, "e" * 64, "rules", {"accuracy": 0.9})

    def add(self, *versions: str) -> "Registered":
        for version in versions:
            self.registry.register(*self.pushed(version))
        return self

    def live(self, *versions: str) -> "Registered":
        for version in versions:
            self.registry.promote(version, "staging", ASK)
            self.registry.promote(version, "production", ASK)
        return self

    def folders(self) -> dict[str, str]:
        """Stage by version, as the folders have it."""
        places = (path for stage in STAGES for path in self.registry.stage_folder(stage).glob("*"))
        return {path.name: path.parent.name for path in places if not path.name.startswith(".")}

    def stages(self) -> dict[str, str]:
        """Stage by version, as the record has it."""
        return {number: version.stage for number, version in self.registry.history().versions.items()}

    def state(self) -> tuple[bytes, dict[str, str]]:
        return self.registry.record.path.read_bytes(), self.folders()


@pytest.fixture
def registered(tmp_path: Path) -> Registered:
    return Registered(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_stage_holds_the_pushed_bytes_receipt_included(registered):
    model, registration = registered.pushed("1")
    wanted = contents(model)
    version = registered.registry.register(model, registration)
    shutil.rmtree(model)
    seen = [contents(registered.registry.folder(version))]
    for stage in ("staging", "production", "archived"):
        version = registered.registry.promote("1", stage, ASK)
        assert registered.registry.folder(version) == registered.registry.stage_folder(stage) / "1"
        seen.append(contents(registered.registry.folder(version)))
    assert seen == [wanted] * 4
    assert registered.folders() == {"1": "archived"}


def test_who_why_and_when_are_on_record(registered):
    version = registered.add("1").registry.promote("1", "staging", Ask("bob", "looks fine"))
    entry = version.entries[-1]
    assert (entry.content["by"], entry.content["reason"], entry.at) == ("bob", "looks fine", "2026-03-01T12:00:00Z")
    assert entry.content["signature"] == "unsigned: signing.mode is unsigned"
    assert entry.content["model_digest"] == version.model_digest


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ann", " ")])
def test_nobody_changes_a_stage_without_a_name_and_a_reason(by, reason):
    with pytest.raises(ChangeRefused, match="empty"):
        Ask(by, reason)


@pytest.mark.parametrize(("by", "reason"), [("ann", "\udcff"), ("\udcff", "why")])
def test_a_name_or_reason_that_is_no_text_is_refused_before_anything_happens(by, reason):
    with pytest.raises(ChangeRefused, match="no text"):
        Ask(by, reason)


def test_a_model_is_registered_once_however_often_its_run_starts_again(registered):
    first = registered.registry.register(*registered.pushed("1"))
    assert registered.registry.register(*registered.pushed("1")) == first
    model, registration = registered.pushed("1")
    assert registered.registry.register(model, dataclasses.replace(registration, version="2")) == first
    assert registered.stages() == {"1": "candidate"}


def test_a_second_run_of_the_same_bytes_is_a_version_of_its_own(registered):
    registered.add("1")
    model, registration = registered.pushed("1")
    registered.registry.register(model, dataclasses.replace(registration, version="2", run="run-2"))
    assert registered.stages() == {"1": "candidate", "2": "candidate"}


def test_registering_again_leaves_a_promoted_version_where_it_is(registered):
    registered.add("1").live("1").add("1")
    assert registered.stages() == registered.folders() == {"1": "production"}


def test_a_version_is_never_registered_with_other_bytes(registered):
    registered.add("1")
    with pytest.raises(ModelDamaged, match="push the model as a new one"):
        registered.registry.register(*registered.pushed("1", b"others "))


def test_what_was_pushed_must_be_what_was_approved(registered):
    model, registration = registered.pushed("1")
    (model / "saved_model.pb").write_bytes(b"another graph")
    with pytest.raises(ModelDamaged, match="not those that were approved"):
        registered.registry.register(model, registration)
    assert registered.folders() == {}
    assert registered.stages() == {}


def test_one_version_is_in_production_and_a_rollback_brings_the_one_before_back(registered):
    registered.add("1", "2").live("1", "2")
    assert registered.folders() == {"1": "archived", "2": "production"}
    back = registered.registry.rollback(Ask("bob", "worse on Mondays"))
    assert back.version == "1"
    assert registered.folders() == registered.stages() == {"1": "production", "2": "archived"}
    assert (back.entries[-1].kind, back.entries[-1].content["by"]) == ("rolled back", "bob")


def test_a_changed_byte_stops_promotion_and_rollback_and_changes_nothing(registered):
    registered.add("1", "2").live("1", "2")
    (registered.registry.stage_folder("archived") / "1" / "saved_model.pb").write_bytes(b"evil")
    before = registered.state()
    with pytest.raises(ModelDamaged, match="not those that were registered"):
        registered.registry.rollback(ASK)
    with pytest.raises(ModelDamaged, match="backup"):
        registered.registry.promote("1", "staging", ASK)
    assert registered.state() == before


def test_lost_bytes_stop_promotion_and_are_told(registered):
    registered.add("1")
    shutil.rmtree(registered.registry.stage_folder("candidate") / "1")
    before = registered.state()
    with pytest.raises(ModelDamaged, match="not there any more"):
        registered.registry.promote("1", "staging", ASK)
    assert registered.state() == before
    (told,) = registered.registry.misplaced(registered.registry.history())
    assert "version 1 are gone" in told


def test_a_damaged_model_can_be_taken_out_of_production(registered):
    registered.add("1").live("1")
    (registered.registry.stage_folder("production") / "1" / "saved_model.pb").write_bytes(b"evil")
    registered.registry.promote("1", "archived", ASK)
    assert registered.folders() == registered.stages() == {"1": "archived"}


def test_a_rejection_since_the_push_stops_promotion_until_it_is_superseded(registered):
    _, registration = registered.pushed("1")
    registered.add("1")
    people = Ledger(registered.approvals)
    about = {"by": "ann", "model_digest": registration.model_digest, "evidence_digest": "e" * 64}
    people.append("rejected", {**about, "reason": "unfair", "supersedes": True})
    before = registered.state()
    with pytest.raises(ChangeRefused, match=r"rejected by ann .*unfair.*penstock approve run-1 --supersede"):
        registered.registry.promote("1", "staging", ASK)
    assert registered.state() == before
    people.append("approved", {**about, "reason": "fair after all", "supersedes": True})
    assert registered.registry.promote("1", "staging", ASK).stage == "staging"


def test_a_model_whose_approval_by_people_is_not_on_record_any_more_is_not_promoted(registered):
    model, registration = registered.pushed("1")
    people = Ledger(registered.approvals)
    about = {"by": "ann", "model_digest": registration.model_digest, "evidence_digest": "e" * 64}
    people.append("approved", {**about, "reason": "fair", "supersedes": False})
    registered.registry.register(model, dataclasses.replace(registration, decided_by="people"))
    whole = registered.approvals.read_bytes()
    before = registered.state()
    registered.approvals.write_bytes(b"")
    with pytest.raises(ModelDamaged, match=r"approvals\.jsonl does not hold that any more.*Put the true file back"):
        registered.registry.promote("1", "staging", ASK)
    assert registered.state() == before
    registered.approvals.write_bytes(whole)
    assert registered.registry.promote("1", "staging", ASK).stage == "staging"
    registered.approvals.unlink()
    assert registered.registry.promote("1", "archived", ASK).stage == "archived"


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_a_folder_in_the_way_never_passes_for_the_version_that_was_checked(registered, kind):
    registered.add("1")
    intruder = registered.registry.stage_folder("staging") / "1"
    intruder.parent.mkdir(parents=True)
    if kind == "folder":
        intruder.mkdir()
        (intruder / "saved_model.pb").write_bytes(b"evil")
    elif kind == "file":
        intruder.write_bytes(b"evil")
    else:
        intruder.symlink_to(registered.folder / "nowhere")
    before = registered.registry.record.path.read_bytes()
    with pytest.raises(ChangeRefused, match=r"staging/1: is in the way of version 1.*move it away"):
        registered.registry.promote("1", "staging", ASK)
    assert registered.registry.record.path.read_bytes() == before
    intruder.rename(registered.folder / "away")
    assert registered.registry.promote("1", "staging", ASK).stage == "staging"


def test_a_refused_change_changes_nothing(registered):
    registered.add("1", "2").live("1")
    before = registered.state()
    for word, stage in (("1", "production"), ("1", "staging"), ("2", "production"), ("3", "staging")):
        with pytest.raises(ChangeRefused):
            registered.registry.promote(word, stage, ASK)
    with pytest.raises(ChangeRefused):
        registered.registry.rollback(ASK)
    assert registered.state() == before


def test_a_record_that_was_edited_stops_everything(registered):
    registered.add("1")
    record = registered.registry.record.path
    record.write_text(record.read_text().replace("run-1", "run-9"))
    for attempt in (
        registered.registry.history,
        lambda: registered.registry.promote("1", "staging", ASK),
        lambda: registered.registry.rollback(ASK),
        lambda: registered.registry.register(*registered.pushed("2")),
    ):
        with pytest.raises(LedgerDamaged, match=r"registry\.jsonl:1: this entry was changed"):
            attempt()
    assert registered.folders() == {"1": "candidate"}


class Killed(Exception):
    pass


def kill_at(monkeypatch, name: str, call: int) -> None:
    """The `call`-th call of a Path method ends the program, in effect."""
    real, calls = getattr(Path, name), []

    def dying(self, *arguments):
        calls.append(self)
        if len(calls) == call:
            raise Killed
        return real(self, *arguments)

    monkeypatch.setattr(Path, name, dying)


def test_a_registration_killed_before_it_was_on_record_is_done_again(registered, monkeypatch):
    model, registration = registered.pushed("1")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            registered.registry.register(model, registration)
    assert registered.folders() == {"1": "candidate"}
    assert registered.stages() == {}
    (registered.registry.stage_folder("candidate") / "1" / "half").write_bytes(b"left by another attempt")
    registered.registry.register(model, registration)
    assert contents(registered.registry.stage_folder("candidate") / "1") == contents(model)


def test_a_copy_killed_half_way_is_never_seen_and_is_cleaned_up(registered, monkeypatch):
    with monkeypatch.context() as patch:
        kill_at(patch, "rename", 1)
        with pytest.raises(Killed):
            registered.add("1")
    assert registered.folders() == {}
    registered.add("1")
    assert [path.name for path in registered.registry.stage_folder("candidate").iterdir()] == ["1"]


@pytest.mark.parametrize("call", [1, 2])
def test_a_promotion_killed_between_record_and_folders_is_completed_by_the_same_command(registered, monkeypatch, call):
    registered.add("1", "2").live("1")
    registered.registry.promote("2", "staging", ASK)
    with monkeypatch.context() as patch:
        kill_at(patch, "rename", call)
        with pytest.raises(Killed):
            registered.registry.promote("2", "production", ASK)
    entries = len(registered.registry.record.entries())
    assert registered.stages() == {"1": "archived", "2": "production"}
    assert registered.registry.misplaced(registered.registry.history())
    assert registered.registry.promote("2", "production", ASK).stage == "production"
    assert registered.folders() == {"1": "archived", "2": "production"}
    assert len(registered.registry.record.entries()) == entries
    assert registered.registry.misplaced(registered.registry.history()) == []


@pytest.mark.parametrize("call", [1, 2])
def test_a_rollback_killed_between_record_and_folders_is_completed_and_not_done_twice(registered, monkeypatch, call):
    registered.add("1", "2", "3").live("1", "2", "3")
    with monkeypatch.context() as patch:
        kill_at(patch, "rename", call)
        with pytest.raises(Killed):
            registered.registry.rollback(ASK)
    assert registered.registry.rollback(ASK).version == "2"
    assert registered.folders() == registered.stages() == {"1": "archived", "2": "production", "3": "archived"}


def test_any_other_command_completes_what_was_killed_too(registered, monkeypatch):
    registered.add("1", "2")
    with monkeypatch.context() as patch:
        kill_at(patch, "rename", 1)
        with pytest.raises(Killed):
            registered.registry.promote("1", "staging", ASK)
    registered.registry.promote("2", "staging", ASK)
    assert registered.folders() == registered.stages() == {"1": "staging", "2": "staging"}


def test_production_is_never_empty_while_one_version_replaces_another(registered, monkeypatch):
    registered.add("1", "2").live("1")
    registered.registry.promote("2", "staging", ASK)
    seen, real = [], Path.rename

    def watched(self, target):
        moved = real(self, target)
        seen.append(sorted(path.name for path in registered.registry.stage_folder("production").iterdir()))
        return moved

    monkeypatch.setattr(Path, "rename", watched)
    registered.registry.promote("2", "production", ASK)
    assert seen == [["1", "2"], ["2"]]


def test_a_folder_that_somebody_put_into_a_stage_is_told(registered):
    registered.add("1")
    (registered.registry.stage_folder("production") / "99").mkdir(parents=True)
    (told,) = registered.registry.misplaced(registered.registry.history())
    assert told.endswith("99: not on record in production, and nobody has checked it.")


STEPS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", "latest"]), st.sampled_from([*STAGES, "rollback"]), st.booleans()),
    max_size=12,
)


@settings(deadline=None, max_examples=40)
@given(STEPS)
def test_whatever_is_asked_for_one_version_at_most_is_in_production_and_record_and_folders_agree(steps):
    with tempfile.TemporaryDirectory() as folder:
        made = Registered(Path(folder)).add("1", "2", "3")
        digests = {number: version.model_digest for number, version in made.registry.history().versions.items()}
        for version, stage, skip in steps:
            before, entries = made.state(), len(made.registry.record.entries())
            try:
                if stage == "rollback":
                    made.registry.rollback(ASK)
                else:
                    made.registry.promote(version, stage, ASK, skip_staging=skip)
            except ChangeRefused:
                assert made.state() == before
            else:
                assert len(made.registry.record.entries()) == entries + 1
            stages = made.stages()
            assert stages == made.folders()
            assert list(stages.values()).count("production") <= 1
            production = made.registry.history().production
            assert production is None or stages[production] == "production"
            assert (production is None) == ("production" not in stages.values())
        for version in made.registry.history().versions.values():
            assert model_digest(made.registry.folder(version)) == digests[version.version]
