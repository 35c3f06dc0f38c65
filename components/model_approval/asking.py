"""Asks people about a model, once, and hears what they decided, wherever. No TFX."""

import dataclasses
import logging

from components.errors import WaitsForApproval
from components.ledger.ledger import Ledger, utc_now
from components.model_approval.decisions import (
    REQUESTED,
    Standing,
    Subject,
    evidence_digest,
    latest_request,
    standing,
    subject_of,
)
from components.model_approval.elsewhere import Desk, take_word
from components.model_approval.rules import Evidence
from components.model_approval.settings import ApprovalSettings


@dataclasses.dataclass(frozen=True)
class Question:
    """What people are asked, and where.

    Attributes:
      ledger: the record of requests and decisions.
      run_id: the run that asks.
      model_uri: the model's, where others can read it.
      evaluation: the metrics', likewise.
      asked: why a person is asked.
      desk: where people may decide too; None = by our own commands only.
    """

    ledger: Ledger
    run_id: str
    model_uri: str
    evaluation: str
    asked: list[str]
    desk: Desk | None


def ask_people(evidence: Evidence, settings: ApprovalSettings, question: Question) -> Standing:
    """What people decided; puts the request on record, and what they decided elsewhere.

    Raises:
      WaitsForApproval: they have not decided.
    """
    ledger, run_id, asked = question.ledger, question.run_id, question.asked
    subject = Subject(evidence.model_digest, evidence_digest(evidence.digests))
    entries = ledger.entries()
    stands = standing(entries, subject, settings, utc_now())
    request = latest_request(entries, run_id)
    if request is not None and subject_of(request) != subject:
        request = None
    if request is None and stands.state == "pending":
        content = {
            "run": run_id,
            "model_uri": question.model_uri,
            "model_digest": subject.model_digest,
            "evidence": dict(evidence.digests),
            "evidence_digest": subject.evidence_digest,
            "reasons": asked,
            "settings": settings.to_json(),
        }
        request = ledger.append(REQUESTED, content)
    unheard = None
    if request is not None and question.desk is not None:
        word = question.desk.word(ledger, request, question.evaluation)
        unheard = word and take_word(ledger, request, word, settings, utc_now())
        stands = standing(ledger.entries(), subject, settings, utc_now())
    if stands.state != "pending":
        return stands
    progress = logging.getLogger("penstock.progress")
    progress.info("waits for approval", extra={"progress": {"metrics": {}}})
    raise WaitsForApproval(
        f"The model waits for a person's approval, because {'; '.join(asked)}. So far: {stands.sentence()}. "
        f"{f'What the model registry says does not count: {unheard} ' if unheard else ''}"
        f"Look at the run's report, then: penstock approve {run_id} --reason …, or: penstock reject {run_id} "
        "--reason …"
    )
