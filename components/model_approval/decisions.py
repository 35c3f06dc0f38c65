"""What the record of approvals says about a model on its evidence, and which decisions may follow. Pure.

(nothing) ── requested ──► pending ── approved (as often as people are asked for) ──► approved
                              └────── rejected ──► rejected
A decision that stands is only replaced by one that says `supersedes`.
"""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from components.errors import ComponentError
from components.ledger.ledger import Entry
from components.model_approval.settings import ApprovalSettings, person

REQUESTED, APPROVED, REJECTED = "requested", "approved", "rejected"

State = Literal["pending", "approved", "rejected"]


class DecisionRefused(ComponentError):
    """A decision that may not be taken; nothing was written."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is approved: these bytes on this evidence."""

    model_digest: str
    evidence_digest: str

    def is_of(self, entry: Entry) -> bool:
        """True if the entry is about it."""
        content = entry.content
        return (content.get("model_digest"), content.get("evidence_digest")) == dataclasses.astuple(self)


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a subject stands.

    Attributes:
      state: see the module.
      decisions: the entries that count, oldest first.
      expired: approvals that would count, were they not too old.
      needed: how many people must approve.
    """

    state: State
    decisions: tuple[Entry, ...]
    expired: tuple[Entry, ...]
    needed: int

    def sentence(self) -> str:
        """Where it stands in words."""
        told = [decision_words(entry) for entry in self.decisions]
        told += [f"{decision_words(entry)}, which has expired" for entry in self.expired]
        if self.state == "pending" and self.needed > 1:
            told.append(f"{len(self.decisions)} of {self.needed} approvals are there")
        return "; ".join(told) or "nobody has decided yet"


def evidence_digest(digests: Mapping[str, str]) -> str:
    """SHA-256 over the names and digests of the documents that a person would look at."""
    text = json.dumps(dict(digests), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def decision_words(entry: Entry) -> str:
    """`approved by ann on 2026-03-01T12:00:00Z: good enough`."""
    return f"{entry.kind} by {entry.content['by']} on {entry.at}: {entry.content['reason']}"


def standing(
    entries: Sequence[Entry], subject: Subject, settings: ApprovalSettings, now: datetime.datetime
) -> Standing:
    """Where the subject stands by the entries, oldest first."""
    decisions: list[Entry] = []
    for entry in entries:
        if _counts(entry, settings) and subject.is_of(entry):
            decisions = [entry] if entry.content.get("supersedes") else [*decisions, entry]
    rejected = [entry for entry in decisions if entry.kind == REJECTED]
    if rejected:
        return Standing("rejected", (rejected[-1],), (), settings.approvers)
    valid = [entry for entry in decisions if not _has_expired(entry, settings, now)]
    expired = tuple(entry for entry in decisions if entry not in valid)
    people = {person(entry.content["by"]) for entry in valid}
    state: State = "approved" if len(people) >= settings.approvers else "pending"
    return Standing(state, tuple(valid), expired, settings.approvers)


def valid_until(stands: Standing, settings: ApprovalSettings) -> datetime.datetime | None:
    """When so many of the approvals will have expired that they no longer suffice; None = never."""
    if settings.expires_days is None:
        return None
    lasts = {person(entry.content["by"]): _expires(entry, settings.expires_days) for entry in stands.decisions}
    return sorted(lasts.values(), reverse=True)[settings.approvers - 1]


def latest_request(entries: Sequence[Entry], run_id: str) -> Entry | None:
    """The run's newest request, None if it asked for nothing."""
    return next(
        (entry for entry in reversed(entries) if entry.kind == REQUESTED and entry.content["run"] == run_id), None
    )


def settings_of(request: Entry, otherwise: ApprovalSettings) -> ApprovalSettings:
    """By which rules the request was made; `otherwise` if it does not say."""
    data = request.content.get("settings")
    return otherwise if data is None else ApprovalSettings.from_json(data)


def subject_of(request: Entry) -> Subject:
    """What the request asks to approve."""
    return Subject(request.content["model_digest"], request.content["evidence_digest"])


def check_decision(
    entries: Sequence[Entry],
    decision: Mapping[str, Any],
    kind: str,
    settings: ApprovalSettings,
    now: datetime.datetime,
) -> None:
    """Refuses a decision that must not follow the entries.

    Args:
      entries: so far, oldest first.
      decision: content of the entry to be: `run`, `by`, `model_digest`, `evidence_digest`, `supersedes`.
      kind: `approved` or `rejected`.
      settings: who may approve.
      now: with zone.

    Raises:
      DecisionRefused: saying what stands and what to do.
    """
    by = decision["by"]
    if kind == APPROVED and not settings.may_approve(by):
        names = ", ".join(settings.allowed_approvers)
        raise DecisionRefused(f"{by!r} may not approve: approval.allowed_approvers names {names}.")
    stands = standing(entries, Subject(decision["model_digest"], decision["evidence_digest"]), settings, now)
    if decision["supersedes"]:
        if stands.state == "pending":
            raise DecisionRefused(
                f"There is no decision to supersede: {stands.sentence()}. Decide without --supersede."
            )
        return
    if stands.state != "pending":
        raise DecisionRefused(
            f"This model is already {stands.sentence()}. To replace that decision, and have it on record: --supersede. "
            f"A run that still waits goes on with: penstock run --resume {decision['run']}."
        )
    if kind == APPROVED and person(by) in {person(entry.content["by"]) for entry in stands.decisions}:
        raise DecisionRefused(
            f"{by!r} has approved this model already; approval.approvers asks for {settings.approvers} people."
        )


def _counts(entry: Entry, settings: ApprovalSettings) -> bool:
    """True of any rejection, and of an approval by somebody who may approve."""
    return entry.kind == REJECTED or (entry.kind == APPROVED and settings.may_approve(entry.content["by"]))


def _has_expired(entry: Entry, settings: ApprovalSettings, now: datetime.datetime) -> bool:
    return settings.expires_days is not None and now > _expires(entry, settings.expires_days)


def _expires(entry: Entry, days: float) -> datetime.datetime:
    return datetime.datetime.fromisoformat(entry.at) + datetime.timedelta(days=days)
