"""People are asked once; what they say elsewhere counts as if they had said it to us, and no more than that."""

import datetime

import pytest

from components.errors import WaitsForApproval
from components.ledger.ledger import Ledger
from components.model_approval.asking import Question, ask_people
from components.model_approval.elsewhere import Word
from components.model_approval.rules import Evidence
from components.model_approval.settings import ApprovalSettings

EVIDENCE = Evidence("ab" * 32, (), {}, None, [], {"analysis": "cd" * 32})
REQUIRED = ApprovalSettings("required")
AT = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)


class Desk:
    """A place where people are asked, that says what it is told to say."""

    def __init__(self, word=None):
        self.said, self.asked = word, []

    def word(self, ledger, request, evaluation):
        assert ledger.entries()[0].kind == "requested"
        self.asked.append((request.content["run"], evaluation))
        return self.said


def said(kind, by="ann", at="1"):
    return Word(kind, by, "because", {"place": "registry", "arn": "a", "status": kind, "decided_at": at})


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "approvals.jsonl")


def question(ledger, desk=None, run="r1"):
    return Question(ledger, run, "s3://b/model/8", "s3://b/evaluation/9", ["approval.mode is required"], desk)


def kinds(ledger):
    return [entry.kind for entry in ledger.entries()]


def decide(ledger, kind, by="bob", supersedes=False):
    [request] = [entry for entry in ledger.entries() if entry.kind == "requested"]
    content = {key: request.content[key] for key in ("run", "model_digest", "evidence_digest")}
    ledger.append(kind, {**content, "by": by, "reason": "x", "supersedes": supersedes})


def test_a_request_is_put_on_record_once_and_laid_before_people_elsewhere(ledger):
    desk = Desk()
    for _ in range(2):
        with pytest.raises(WaitsForApproval, match="penstock approve r1"):
            ask_people(EVIDENCE, REQUIRED, question(ledger, desk))
    assert kinds(ledger) == ["requested"]
    assert desk.asked == [("r1", "s3://b/evaluation/9")] * 2


@pytest.mark.parametrize("kind", ["approved", "rejected"])
def test_what_people_decided_elsewhere_is_the_decision_on_record_with_its_source(ledger, kind):
    stands = ask_people(EVIDENCE, REQUIRED, question(ledger, Desk(said(kind))))
    assert stands.state == kind
    entry = ledger.entries()[-1]
    assert (entry.kind, entry.content["by"], entry.content["reason"]) == (kind, "ann", "because")
    assert entry.content["source"] == {"place": "registry", "arn": "a", "status": kind, "decided_at": "1"}
    assert entry.content["request"] == 1


def test_a_word_is_heard_once_however_often_the_node_is_started(ledger):
    for _ in range(3):
        ask_people(EVIDENCE, REQUIRED, question(ledger, Desk(said("approved"))))
    assert kinds(ledger) == ["requested", "approved"]


def test_one_word_is_not_two_people(ledger):
    desk = Desk(said("approved"))
    for _ in range(2):
        with pytest.raises(WaitsForApproval, match="1 of 2 approvals"):
            ask_people(EVIDENCE, ApprovalSettings("required", approvers=2), question(ledger, desk))
    assert kinds(ledger) == ["requested", "approved"]
    decide(ledger, "approved")
    assert ask_people(EVIDENCE, ApprovalSettings("required", approvers=2), question(ledger, desk)).state == "approved"


def test_who_may_not_approve_may_not_elsewhere_and_it_is_said(ledger):
    settings = ApprovalSettings("required", allowed_approvers=("bob",))
    with pytest.raises(WaitsForApproval, match="does not count: 'ann' may not approve"):
        ask_people(EVIDENCE, settings, question(ledger, Desk(said("approved"))))
    assert kinds(ledger) == ["requested"]


def test_a_rejection_elsewhere_counts_against_an_approval_here(ledger):
    with pytest.raises(WaitsForApproval):
        ask_people(EVIDENCE, REQUIRED, question(ledger, Desk()))
    decide(ledger, "approved")
    assert ask_people(EVIDENCE, REQUIRED, question(ledger, Desk(said("rejected")))).state == "rejected"
    assert ledger.entries()[-1].content["supersedes"] is True
    # and a person may still replace it, though the package says no
    decide(ledger, "approved", "eve", supersedes=True)
    assert ask_people(EVIDENCE, REQUIRED, question(ledger, Desk(said("rejected")))).state == "approved"


def test_an_approval_elsewhere_does_not_replace_a_rejection(ledger):
    with pytest.raises(WaitsForApproval):
        ask_people(EVIDENCE, REQUIRED, question(ledger, Desk()))
    decide(ledger, "rejected")
    assert ask_people(EVIDENCE, REQUIRED, question(ledger, Desk(said("approved")))).state == "rejected"
    assert kinds(ledger) == ["requested", "rejected"]
