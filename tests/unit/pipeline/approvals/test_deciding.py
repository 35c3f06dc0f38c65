"""People's decisions: what is recorded, what is refused."""

import datetime
import hashlib
import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest

from components.ledger.ledger import Ledger, LedgerDamaged
from components.model_approval.decisions import DecisionRefused, Subject, evidence_digest, standing, valid_until
from components.model_approval.settings import ApprovalSettings
from components.model_digest import model_digest
from pipeline.approvals.deciding import Decision, check_meant, config_of, ledger_of, requests, take, who
from pipeline.config import Config
from pipeline.run_store import AWAITING_APPROVAL, RunRecord, RunStore

EVIDENCE = {"Evaluator": "a" * 64}


def config(root: Path, **approval: Any) -> Config:
    sections = {
        "pipeline": {"name": "reviews", "root": str(root)},
        "data": {"path": "rows.csv"},
        "label": {"column": "stars"},
        "approval": {"mode": "required", **approval},
    }
    return Config.model_validate_json(json.dumps(sections))


def model_folder(root: Path) -> Path:
    folder = root / "artifacts" / "model" / "Format-Serving"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"weights")
    return folder


def request(project: Config, run_id: str = "run-1", **more: Any) -> None:
    folder = project.root / "artifacts" / "model" / "Format-Serving"
    content = {
        "run": run_id,
        "model_uri": str(folder.parent),
        "model_digest": model_digest(folder),
        "evidence": EVIDENCE,
        "evidence_digest": evidence_digest(EVIDENCE),
        "reasons": ["every model needs one"],
        **more,
    }
    ledger_of(project).append("requested", content)


@pytest.fixture
def waiting(tmp_path: Path) -> Config:
    model_folder(tmp_path)
    settings = config(tmp_path)
    request(settings)
    return settings


def decide(settings: Config, kind: str, by: str, *, supersedes: bool = False, run_id: str = "run-1") -> str:
    decision = Decision(kind, by, f"says {by}", supersedes)
    return take(settings, RunStore(settings.root), run_id, decision)[1].state


def test_an_approval_says_who_when_why_and_what_was_seen(waiting: Config) -> None:
    report = RunStore(waiting.root).report_path("run-1")
    report.parent.mkdir(parents=True)
    report.write_bytes(b"<html>")
    assert decide(waiting, "approved", "ann") == "approved"
    (_, entry) = ledger_of(waiting).entries()
    assert (entry.kind, entry.content["by"], entry.content["reason"]) == ("approved", "ann", "says ann")
    assert entry.content["model_digest"] == model_digest(waiting.root / "artifacts/model/Format-Serving")
    assert entry.content["report"] == {
        "path": "runs/run-1/report/index.html",
        "sha256": hashlib.sha256(b"<html>").hexdigest(),
    }


def test_a_rejection_stands(waiting: Config) -> None:
    assert decide(waiting, "rejected", "ann") == "rejected"
    assert [asked.stands.state for asked in requests(waiting, ledger_of(waiting))] == ["rejected"]


@pytest.mark.parametrize("kind", ["approved", "rejected"])
def test_a_second_decision_is_refused_and_not_recorded(waiting: Config, kind: str) -> None:
    decide(waiting, kind, "ann")
    with pytest.raises(DecisionRefused, match=rf"already {kind} by ann.*--supersede"):
        decide(waiting, "approved", "bob")
    assert len(ledger_of(waiting).entries()) == 2


def test_a_superseding_decision_replaces_the_one_that_stands(waiting: Config) -> None:
    decide(waiting, "rejected", "ann")
    assert decide(waiting, "approved", "bob", supersedes=True) == "approved"
    assert decide(waiting, "rejected", "ann", supersedes=True) == "rejected"
    assert [entry.kind for entry in requests(waiting, ledger_of(waiting))[0].history] == [
        "rejected",
        "approved",
        "rejected",
    ]


def test_a_model_whose_bytes_changed_since_is_not_approved(waiting: Config) -> None:
    (waiting.root / "artifacts/model/Format-Serving/saved_model.pb").write_bytes(b"weightz")
    with pytest.raises(DecisionRefused, match="bytes changed since run 'run-1' asked"):
        decide(waiting, "approved", "ann")
    assert len(ledger_of(waiting).entries()) == 1


def test_a_model_that_is_gone_is_not_approved(waiting: Config) -> None:
    (waiting.root / "artifacts/model/Format-Serving/saved_model.pb").unlink()
    (waiting.root / "artifacts/model/Format-Serving").rmdir()
    with pytest.raises(DecisionRefused, match="not there any more"):
        decide(waiting, "approved", "ann")


def test_a_run_that_asked_for_nothing_has_nothing_to_approve(waiting: Config) -> None:
    with pytest.raises(DecisionRefused, match="Run 'run-2' has not asked"):
        decide(waiting, "approved", "ann", run_id="run-2")


def test_two_people_must_be_two(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, approvers=2)
    request(settings)
    assert decide(settings, "approved", "ann") == "pending"
    with pytest.raises(DecisionRefused, match="'ann' has approved this model already"):
        decide(settings, "approved", "ann")
    assert requests(settings, ledger_of(settings))[0].stands.sentence().endswith("1 of 2 approvals are there")
    assert decide(settings, "approved", "bob") == "approved"


@pytest.mark.parametrize("name", ["ANN", " ann ", "a\u006en"])
def test_one_person_does_not_become_two_by_writing_the_name_otherwise(tmp_path: Path, name: str) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, approvers=2)
    request(settings)
    assert decide(settings, "approved", "ann") == "pending"
    with pytest.raises(DecisionRefused, match="has approved this model already"):
        decide(settings, "approved", name)
    assert len(ledger_of(settings).entries()) == 2


def test_a_second_approval_that_supersedes_the_first_does_not_stand_for_two_people(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, approvers=2)
    request(settings)
    decide(settings, "rejected", "ann")
    assert decide(settings, "approved", "bob", supersedes=True) == "pending"
    assert decide(settings, "approved", "ann") == "approved"


def test_there_must_be_something_to_supersede(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, approvers=2)
    request(settings)
    decide(settings, "approved", "ann")
    with pytest.raises(DecisionRefused, match=r"no decision to supersede: .*1 of 2 approvals are there"):
        decide(settings, "approved", "bob", supersedes=True)


def test_the_rules_of_the_run_hold_whatever_the_configuration_says_now(tmp_path: Path) -> None:
    model_folder(tmp_path)
    asked = ApprovalSettings("required", approvers=2, allowed_approvers=("ann", "bob"))
    request(config(tmp_path), settings=asked.to_json())
    now = config(tmp_path, approvers=1, allowed_approvers=["eve"])
    with pytest.raises(DecisionRefused, match=r"'eve' may not approve: approval.allowed_approvers names ann, bob"):
        decide(now, "approved", "eve")
    assert decide(now, "approved", "ann") == "pending"
    assert requests(now, ledger_of(now))[0].stands.needed == 2


def test_an_approval_added_by_hand_by_somebody_who_may_not_changes_nothing(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, allowed_approvers=["ann"])
    request(settings)
    decide(settings, "rejected", "bob")
    forged = {**ledger_of(settings).entries()[-1].content, "by": "eve", "supersedes": True}
    ledger_of(settings).append("approved", forged)
    assert requests(settings, ledger_of(settings))[0].stands.state == "rejected"


def test_one_rejection_is_enough_where_two_must_approve(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, approvers=2)
    request(settings)
    decide(settings, "approved", "ann")
    assert decide(settings, "rejected", "bob") == "rejected"


def test_only_those_who_may_can_approve_and_anybody_can_reject(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, allowed_approvers=["ann"])
    request(settings)
    with pytest.raises(DecisionRefused, match=r"'eve' may not approve: .* names ann"):
        decide(settings, "approved", "eve")
    assert decide(settings, "rejected", "eve") == "rejected"
    with pytest.raises(DecisionRefused, match="may not approve"):
        decide(settings, "approved", "eve", supersedes=True)


def test_an_old_approval_no_longer_counts(waiting: Config) -> None:
    decide(waiting, "approved", "ann")
    ledger, settings = ledger_of(waiting), ApprovalSettings("required", expires_days=2.0)
    subject = Subject(model_digest(waiting.root / "artifacts/model/Format-Serving"), evidence_digest(EVIDENCE))
    given = datetime.datetime.fromisoformat(ledger.entries()[-1].at)
    just, late = given + datetime.timedelta(days=2), given + datetime.timedelta(days=2, seconds=1)
    assert standing(ledger.entries(), subject, settings, just).state == "approved"
    expired = standing(ledger.entries(), subject, settings, late)
    assert expired.state == "pending"
    assert expired.sentence().endswith("which has expired")


def test_an_approval_lasts_until_too_few_are_left(tmp_path: Path) -> None:
    model_folder(tmp_path)
    settings = config(tmp_path, approvers=2)
    request(settings)
    subject = Subject(model_digest(tmp_path / "artifacts/model/Format-Serving"), evidence_digest(EVIDENCE))
    given = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    content = {"run": "run-1", "reason": "fine", "supersedes": False, "model_digest": subject.model_digest}
    for hours, name in ((0, "ann"), (6, "bob"), (12, "cem")):
        ledger = Ledger(settings.approvals_path, clock=lambda hours=hours: given + datetime.timedelta(hours=hours))
        ledger.append("approved", {**content, "by": name, "evidence_digest": subject.evidence_digest})
    rules = ApprovalSettings("required", approvers=2, expires_days=1.0)
    stands = standing(ledger.entries(), subject, rules, given + datetime.timedelta(hours=13))
    # Ann's ends first and is not needed; bob's ends a day after six o'clock, and cem's alone is too little.
    assert valid_until(stands, rules) == datetime.datetime(2026, 3, 2, 6, tzinfo=datetime.UTC)
    assert valid_until(stands, ApprovalSettings("required", approvers=2)) is None


def test_after_an_approval_has_expired_the_same_person_may_approve_again(waiting: Config) -> None:
    short = config(waiting.root, expires_days=1e-9)
    decide(short, "approved", "ann")
    time.sleep(0.01)
    decide(short, "approved", "ann")
    assert [entry.kind for entry in ledger_of(short).entries()] == ["requested", "approved", "approved"]


def test_other_evidence_needs_another_approval(waiting: Config) -> None:
    decide(waiting, "approved", "ann")
    subject = Subject(model_digest(waiting.root / "artifacts/model/Format-Serving"), evidence_digest({"x": "y"}))
    now = datetime.datetime.now(datetime.UTC)
    assert standing(ledger_of(waiting).entries(), subject, waiting.approval, now).state == "pending"


def test_a_record_that_was_edited_decides_nothing_more(waiting: Config) -> None:
    decide(waiting, "rejected", "ann")
    path = waiting.approvals_path
    path.write_text(path.read_text().replace("rejected", "approved"))
    with pytest.raises(LedgerDamaged, match=r"reviews\.jsonl:2"):
        requests(waiting, ledger_of(waiting))
    with pytest.raises(LedgerDamaged):
        decide(waiting, "approved", "bob", supersedes=True)


@pytest.mark.parametrize("words", [("", "because"), ("ann", " ")])
def test_a_decision_says_who_and_why(words: tuple[str, str]) -> None:
    with pytest.raises(DecisionRefused, match="says who took it and why"):
        Decision("approved", *words)


@pytest.mark.parametrize("tamper", ["cut", "drop", "swap", "append"])
def test_a_record_changed_by_hand_is_told_with_its_line(waiting: Config, tamper: str) -> None:
    decide(waiting, "rejected", "ann")
    decide(waiting, "approved", "bob", supersedes=True)
    path = waiting.approvals_path
    first, second, third = path.read_text().splitlines(keepends=True)
    text, line = {
        "cut": (first + second + third[:-20], 3),
        "drop": (first + third, 2),
        "swap": (first + third + second, 2),
        "append": (first + second + third + second, 4),
    }[tamper]
    path.write_text(text)
    with pytest.raises(LedgerDamaged, match=rf"reviews\.jsonl:{line}: this entry"):
        requests(waiting, ledger_of(waiting))


def test_a_waiting_run_whose_request_was_cut_off_says_so(waiting: Config) -> None:
    store = RunStore(waiting.root)
    store.write(RunRecord("run-1", "reviews", AWAITING_APPROVAL, "2026-01-01T00:00:00", None, 1, "d", ()))
    waiting.approvals_path.write_text("")
    with pytest.raises(DecisionRefused, match="holds no request of it: entries were cut off"):
        decide(waiting, "approved", "ann")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\r\n", "\x0b", "\n"])
def test_any_line_break_may_stand_in_a_reason(waiting: Config, mark: str) -> None:
    reason = f"good{mark}enough"
    take(waiting, RunStore(waiting.root), "run-1", Decision("approved", "ann", reason))
    assert ledger_of(waiting).entries()[-1].content["reason"] == reason


def test_what_is_no_text_is_refused_before_anything_is_written(waiting: Config) -> None:
    with pytest.raises(DecisionRefused, match="--reason: holds bytes that are no text"):
        decide_with(waiting, "\udcff")
    assert len(ledger_of(waiting).entries()) == 1


def decide_with(settings: Config, reason: str) -> None:
    take(settings, RunStore(settings.root), "run-1", Decision("approved", "ann", reason))


def test_a_user_without_a_name_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", unknown)
    with pytest.raises(DecisionRefused, match="--by NAME"):
        who()


def test_nobody_guesses_which_of_two_waiting_runs_is_meant(waiting: Config) -> None:
    check_meant(waiting)
    (waiting.root / "artifacts/model/Format-Serving/saved_model.pb").write_bytes(b"other")
    request(waiting, "run-2")
    with pytest.raises(DecisionRefused, match=r"2 runs wait for a decision: run-2, run-1. Name the one"):
        check_meant(waiting)


def test_a_second_run_that_waits_for_a_decided_model_is_told_to_go_on(waiting: Config) -> None:
    request(waiting, "run-2")
    decide(waiting, "approved", "ann")
    with pytest.raises(DecisionRefused, match="goes on with: penstock run --resume run-2"):
        decide(waiting, "approved", "ann", run_id="run-2")


def test_a_run_is_carried_on_with_its_own_configuration(waiting: Config) -> None:
    store = RunStore(waiting.root)
    assert config_of(store, "run-1", waiting) is waiting
    path = store.config_path("run-1")
    path.parent.mkdir(parents=True)
    made_with = config(waiting.root, approvers=2)
    path.write_text(made_with.model_dump_json(by_alias=True))
    assert config_of(store, "run-1", waiting).approval == made_with.approval
    path.write_text(config(Path("/elsewhere")).model_dump_json(by_alias=True))
    assert config_of(store, "run-1", waiting) is waiting


def test_what_waits_comes_first(waiting: Config) -> None:
    decide(waiting, "rejected", "ann")
    (waiting.root / "artifacts/model/Format-Serving/saved_model.pb").write_bytes(b"other")
    request(waiting, "run-2")
    assert [asked.request.content["run"] for asked in requests(waiting, ledger_of(waiting))] == ["run-2", "run-1"]
    document = requests(waiting, ledger_of(waiting))[1].to_json()
    assert [(item["kind"], item["by"]) for item in document["decisions"]] == [("rejected", "ann")]


def _approve(root: Path, by: str) -> None:
    try:
        decide(config(root), "approved", by)
    except DecisionRefused:
        raise SystemExit(1) from None


def test_of_two_that_decide_at_once_one_is_refused(waiting: Config) -> None:
    context = multiprocessing.get_context("spawn")
    people = [context.Process(target=_approve, args=(waiting.root, name)) for name in ("ann", "bob")]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    assert sorted(person.exitcode for person in people) == [0, 1]
    assert len(Ledger(waiting.approvals_path).entries()) == 2
