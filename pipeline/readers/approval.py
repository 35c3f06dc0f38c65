"""Whether a run's model may be pushed, who decided it and on what: the node's document, and the record of approvals."""

import dataclasses
from pathlib import Path

from components.ledger.ledger import Entry, Ledger, LedgerDamaged
from components.ledger.s3_object import LedgerUnreachable
from components.model_approval.decisions import APPROVED, REJECTED, latest_request, subject_of
from components.model_approval.document import APPROVAL_FILE, ApprovalDocument
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

_DAMAGED = "The record of approvals was tampered with; penstock approvals says where."


@dataclasses.dataclass(frozen=True)
class Approval:
    """What is known of the approval of a run's model.

    Attributes:
      document: what the node wrote, None while a person's decision is waited for.
      request: the run's newest request on record, None if it asked for nothing.
      decisions: every decision on record about the same model on the same evidence, oldest first.
      problem: why the record cannot be read, empty if it can.
    """

    document: ApprovalDocument | None
    request: Entry | None = None
    decisions: tuple[Entry, ...] = ()
    problem: str = ""


def read_approval(folder: Path | None, record: Path | str, run_id: str) -> Approval:
    """What the node wrote and what the record says of this run.

    Args:
      folder: the PenstockModelApproval artifact's, None if the run has none (yet).
      record: the record of approvals, which need not exist.
      run_id: the run.

    Raises:
      NotFound: there is neither a document nor a request, or the document is of another format.
    """
    document = None if folder is None else _document(folder / APPROVAL_FILE)
    try:
        entries = Ledger(record).entries()
    except LedgerDamaged:
        return Approval(document, problem=_DAMAGED)
    except LedgerUnreachable as error:
        return Approval(document, problem=str(error))
    request = latest_request(entries, run_id)
    if document is None and request is None:
        raise NotFound("Nothing has been decided about the model, and nobody was asked to.")
    of_it = () if request is None else tuple(item for item in entries if subject_of(request).is_of(item))
    return Approval(document, request, tuple(item for item in of_it if item.kind in (APPROVED, REJECTED)))


def _document(path: Path) -> ApprovalDocument:
    try:
        return ApprovalDocument.from_json(read_object(path))
    except (ValueError, TypeError, KeyError) as error:
        raise NotFound(f"{path}: not an approval ({error}).") from error
