"""A rejection after the push stands against promotion, until it is superseded."""

from components.ledger.ledger import Entry
from components.model_registry.objections import objection

MODEL, EVIDENCE = "m" * 64, "e" * 64


def decisions(*told: tuple[str, bool, str]) -> list[Entry]:
    """Entries of kind, whether it supersedes, and evidence."""
    return [
        Entry(
            number,
            f"2026-01-0{number}T00:00:00Z",
            kind,
            {
                "by": "ann",
                "reason": "because",
                "model_digest": MODEL,
                "evidence_digest": evidence,
                "supersedes": supersedes,
            },
            "",
        )
        for number, (kind, supersedes, evidence) in enumerate(told, start=1)
    ]


def test_nobody_who_decided_is_no_objection():
    assert objection([], MODEL, EVIDENCE) is None
    assert objection(decisions(("approved", False, EVIDENCE)), MODEL, EVIDENCE) is None


def test_a_rejection_that_superseded_the_approval_is_one():
    record = decisions(("approved", False, EVIDENCE), ("rejected", True, EVIDENCE))
    assert objection(record, MODEL, EVIDENCE) == "rejected by ann on 2026-01-02T00:00:00Z: because"


def test_an_approval_that_superseded_the_rejection_is_none():
    record = decisions(("approved", False, EVIDENCE), ("rejected", True, EVIDENCE), ("approved", True, EVIDENCE))
    assert objection(record, MODEL, EVIDENCE) is None


def test_a_rejection_on_other_evidence_counts_while_it_is_the_newest_word():
    record = decisions(("approved", False, EVIDENCE), ("rejected", False, "other"))
    assert objection(record, MODEL, EVIDENCE) == "rejected by ann on 2026-01-02T00:00:00Z: because"
    later = [*record, *decisions(("approved", False, "a"), ("approved", False, "b"), ("approved", False, "third"))[2:]]
    assert objection(later, MODEL, EVIDENCE) is None


def test_a_rejection_on_its_own_evidence_counts_whatever_was_said_of_other_evidence_later():
    record = decisions(("approved", False, EVIDENCE), ("rejected", True, EVIDENCE), ("approved", False, "other"))
    assert objection(record, MODEL, EVIDENCE) is not None


def test_a_rejection_of_other_bytes_is_none():
    record = decisions(("rejected", False, EVIDENCE))
    assert objection(record, "n" * 64, EVIDENCE) is None
