"""What people decided elsewhere than with our own commands, such as in a platform's model registry.

Their word is put on the same record, with where it comes from, under the same rules as any other decision.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from components.ledger.ledger import Entry, Ledger
from components.model_approval.decisions import (
    REJECTED,
    DecisionRefused,
    check_decision,
    standing,
    subject_of,
)
from components.model_approval.settings import ApprovalSettings


@dataclasses.dataclass(frozen=True)
class Word:
    """A decision that was taken elsewhere.

    Attributes:
      kind: `approved` or `rejected`.
      by: who took it, as far as the platform tells.
      reason: why, as far as it tells.
      source: where it was found and when it was taken there, plain JSON; the same for the same decision.
    """

    kind: str
    by: str
    reason: str
    source: Mapping[str, Any]


class Desk(Protocol):
    """Where people are asked, and may answer, beside our own commands."""

    def word(self, ledger: Ledger, request: Entry, evaluation: str) -> Word | None:
        """What was decided there about the request; lays it before people if that was not done yet.

        Args:
          ledger: the record, which also says where the request lies.
          request: its entry.
          evaluation: where the model's metrics are.
        """


def take_word(ledger: Ledger, request: Entry, word: Word, settings: ApprovalSettings, now: Any) -> str | None:
    """Puts a word on record unless it is there, or says what stands already; returns why it does not count, if so.

    A rejection counts also against an approval that stands: whoever says no is heard. An approval never replaces a
    rejection; that takes a person's `--supersede`.
    """
    entries = ledger.entries()
    if _is_on_record(entries, word):
        return None
    stands = standing(entries, subject_of(request), settings, now)
    if stands.state == "rejected" or (stands.state == "approved" and word.kind != REJECTED):
        return None
    content = {
        "run": request.content["run"],
        "by": word.by,
        "reason": word.reason,
        "model_digest": request.content["model_digest"],
        "evidence_digest": request.content["evidence_digest"],
        "request": request.number,
        "report": None,
        "supersedes": stands.state == "approved",
        "source": dict(word.source),
    }
    try:
        ledger.append(
            word.kind, content, lambda now_there: check_decision(now_there, content, word.kind, settings, now)
        )
    except DecisionRefused as refused:
        return str(refused)
    return None


def _is_on_record(entries: Sequence[Entry], word: Word) -> bool:
    return any(entry.kind == word.kind and entry.content.get("source") == word.source for entry in entries)
