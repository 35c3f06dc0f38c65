"""Whether people have said no to a model since it was pushed, and whether their yes is still on record. Pure."""

from collections.abc import Sequence

from components.ledger.ledger import Entry, utc_now
from components.model_approval.decisions import APPROVED, REJECTED, Subject, decision_words, standing
from components.model_approval.settings import ApprovalSettings


def is_approved(approvals: Sequence[Entry], model_digest: str) -> bool:
    """True if anybody's approval of these bytes is on record, whether it stands or not."""
    return any(entry.kind == APPROVED and entry.content["model_digest"] == model_digest for entry in approvals)


def objection(approvals: Sequence[Entry], model_digest: str, evidence_digest: str) -> str | None:
    """The rejection that stands against these bytes, in words; None if there is none.

    It counts on the evidence that the version was pushed on, and on any other if it is the newest word on the bytes.

    Args:
      approvals: the record of approvals, oldest first.
      model_digest: of the bytes.
      evidence_digest: of the evidence that the approval stands on.
    """
    about = [
        entry
        for entry in approvals
        if entry.kind in (APPROVED, REJECTED) and entry.content["model_digest"] == model_digest
    ]
    subjects = [Subject(model_digest, evidence_digest)]
    if about:
        subjects.append(Subject(model_digest, about[-1].content["evidence_digest"]))
    for subject in subjects:
        stands = standing(about, subject, ApprovalSettings(), utc_now())
        if stands.state == "rejected" and (subject is subjects[0] or about[-1].kind == REJECTED):
            return decision_words(stands.decisions[0])
    return None
