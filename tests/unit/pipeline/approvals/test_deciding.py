"""People's decisions: what is recorded, what is refused."""

import datetime
import hashlib
import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from components.ledger.ledger import Ledger, LedgerDamaged
from components.model_approval.decisions import DecisionRefused, Subject, evidence_digest, standing
from components.model_approval.settings import ApprovalSettings
from components.model_digest import model_digest
from pipeline.approvals.deciding import Decision, ledger_of, requests, take
from pipeline.config import Config
from pipeline.run_store import RunStore

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


def request(settings: Config, run_id: str = "run-1") -> None:
    folder = settings.root / "artifacts" / "model" / "Format-Serving"
    content = {
        "run": run_id,
        "model_uri": str(folder.parent),
        "model_digest": model_digest(folder),
        "evidence": EVIDENCE,
        "evidence_digest": evidence_digest(EVIDENCE),
        "reasons": ["every model needs one"],
    }
    ledger_of(settings).append("requested", content)


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
    assert [asked.stands.state for asked in requests(waiting)] == ["rejected"]


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
    assert [entry.kind for entry in requests(waiting)[0].history] == ["rejected", "approved", "rejected"]


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
    assert requests(settings)[0].stands.sentence().endswith("1 of 2 approvals are there")
    assert decide(settings, "approved", "bob") == "approved"


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
        requests(waiting)
    with pytest.raises(LedgerDamaged):
        decide(waiting, "approved", "bob", supersedes=True)


@pytest.mark.parametrize("words", [("", "because"), ("ann", " ")])
def test_a_decision_says_who_and_why(words: tuple[str, str]) -> None:
    with pytest.raises(DecisionRefused, match="says who took it and why"):
        Decision("approved", *words)


def test_what_waits_comes_first(waiting: Config) -> None:
    decide(waiting, "rejected", "ann")
    (waiting.root / "artifacts/model/Format-Serving/saved_model.pb").write_bytes(b"other")
    request(waiting, "run-2")
    assert [asked.request.content["run"] for asked in requests(waiting)] == ["run-2", "run-1"]
    document = requests(waiting)[1].to_json()
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
