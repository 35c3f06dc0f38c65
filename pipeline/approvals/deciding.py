"""A person approves or rejects the model of a run: looked at again, then put on record for good."""

import dataclasses
import datetime
import getpass
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.ledger.ledger import Entry, Ledger, is_writable, utc_now
from components.model_approval.decisions import (
    APPROVED,
    REJECTED,
    DecisionRefused,
    Standing,
    check_decision,
    latest_request,
    settings_of,
    standing,
    subject_of,
)
from components.model_digest import model_digest
from pipeline.config import Config
from pipeline.readers.model import SERVING_FOLDER
from pipeline.run_store import AWAITING_APPROVAL, RunStore


@dataclasses.dataclass(frozen=True)
class Decision:
    """What a person says about a run's model.

    Attributes:
      kind: `approved` or `rejected`.
      by: who says it; a claim, nobody checks it.
      reason: why.
      supersedes: it replaces the decision that stands.
    """

    kind: str
    by: str
    reason: str
    supersedes: bool = False

    def __post_init__(self) -> None:
        if self.kind not in (APPROVED, REJECTED):
            raise ValueError(f"a decision is {APPROVED} or {REJECTED}, not {self.kind}")
        empty = [name for name, text in (("--by", self.by), ("--reason", self.reason)) if not text.strip()]
        unwritable = [name for name, text in (("--by", self.by), ("--reason", self.reason)) if not is_writable(text)]
        if unwritable:
            raise DecisionRefused(f"{' and '.join(unwritable)}: holds bytes that are no text. Type it again.")
        if empty:
            raise DecisionRefused(f"{' and '.join(empty)}: empty. A decision on record says who took it and why.")


def who() -> str:
    """The name of the user who runs this program.

    Raises:
      DecisionRefused: the operating system knows none.
    """
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError) as error:
        raise DecisionRefused("The operating system knows no name of yours. Say who decides with --by NAME.") from error


def ledger_of(config: Config) -> Ledger:
    """The record of this pipeline's approvals."""
    return Ledger(config.approvals_path)


def check_meant(config: Config) -> None:
    """For a decision that names no run.

    Raises:
      DecisionRefused: several wait, and it would be a guess which one is meant.
    """
    waiting = [
        asked.request.content["run"] for asked in requests(config, ledger_of(config)) if asked.stands.state == "pending"
    ]
    if len(waiting) > 1:
        raise DecisionRefused(f"{len(waiting)} runs wait for a decision: {', '.join(waiting)}. Name the one you mean.")


def config_of(store: RunStore, run_id: str, otherwise: Config) -> Config:
    """The configuration that the run was made with; `otherwise` if it is not there, or of another place or version."""
    path = store.config_path(run_id)
    try:
        found = Config.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return otherwise
    return found if found.root == otherwise.root else otherwise


def take(config: Config, store: RunStore, run_id: str, decision: Decision) -> tuple[Entry, Standing]:
    """Puts the decision on record; returns its entry, and where the model stands now.

    Raises:
      DecisionRefused: the run asked for nothing, the model's bytes changed since it asked, or another decision stands.
      LedgerDamaged: the record was tampered with.
    """
    ledger = ledger_of(config)
    request = latest_request(ledger.entries(), run_id)
    if request is None:
        raise DecisionRefused(_no_request(store, run_id, ledger.path))
    settings = settings_of(request, config.approval)
    check_bytes(request, "penstock run --from Trainer")
    content = {
        "run": run_id,
        "by": decision.by.strip(),
        "reason": decision.reason,
        "model_digest": request.content["model_digest"],
        "evidence_digest": request.content["evidence_digest"],
        "request": request.number,
        "report": _report(store, run_id),
        "supersedes": decision.supersedes,
    }
    entry = ledger.append(
        decision.kind,
        content,
        allow=lambda entries: check_decision(entries, content, decision.kind, settings, utc_now()),
    )
    return entry, standing(ledger.entries(), subject_of(request), settings, utc_now())


def _no_request(store: RunStore, run_id: str, ledger: Path | str) -> str:
    if store.has(run_id) and store.read(run_id).state == AWAITING_APPROVAL:
        return (
            f"Run '{run_id}' waits for an approval, and {ledger} holds no request of it: entries were cut off, or the "
            f"file was replaced. Put the true file back; or have it asked for anew: penstock run --resume {run_id}."
        )
    return f"Run '{run_id}' has not asked for an approval of its model. What has: penstock approvals."


def check_bytes(request: Entry, again: str) -> None:
    """Refuses to decide about a model that is not what the request was about; `again` is how to have it made anew.

    Raises:
      DecisionRefused: it is not there, or its bytes are other ones.
    """
    folder = Path(request.content["model_uri"]) / SERVING_FOLDER
    wanted = request.content["model_digest"]
    if not folder.is_dir():
        raise DecisionRefused(f"{folder}: the model is not there any more. Train it again: {again}.")
    found = model_digest(folder)
    if found != wanted:
        raise DecisionRefused(
            f"{folder}: the model's bytes changed since run '{request.content['run']}' asked for its approval "
            f"(then {wanted[:12]}, now {found[:12]}). Nothing was recorded. Find out who changed them, and run the "
            f"pipeline again: {again}."
        )


def _report(store: RunStore, run_id: str) -> Mapping[str, str] | None:
    """The report that lay there to be seen: its place below the store, and its SHA-256."""
    path = store.report_path(run_id)
    if not path.is_file():
        return None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": path.relative_to(store.root).as_posix(), "sha256": digest}


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request with where it stands.

    Attributes:
      request: its entry.
      stands: by the decisions since.
      history: every decision about the same model on the same evidence, oldest first.
    """

    request: Entry
    stands: Standing
    history: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "run": self.request.content["run"],
            "state": self.stands.state,
            "requested_at": self.request.at,
            "model_digest": self.request.content["model_digest"],
            "evidence": dict(self.request.content["evidence"]),
            "reasons": list(self.request.content["reasons"]),
            "needed": self.stands.needed,
            "decisions": [_decision_json(entry) for entry in self.history],
        }


def _decision_json(entry: Entry) -> dict[str, Any]:
    return {"number": entry.number, "at": entry.at, "kind": entry.kind, **entry.content, "hash": entry.hash}


def requests(config: Config, ledger: Ledger, now: datetime.datetime | None = None) -> list[Asked]:
    """Every run's newest request in the record: those that wait for a decision first, then the newest first.

    Raises:
      LedgerDamaged: the record was tampered with.
    """
    entries = ledger.entries()
    newest = {entry.content["run"]: entry for entry in entries if entry.kind == "requested"}
    found = []
    for request in newest.values():
        subject = subject_of(request)
        history = tuple(entry for entry in entries if entry.kind in (APPROVED, REJECTED) and subject.is_of(entry))
        settings = settings_of(request, config.approval)
        found.append(Asked(request, standing(entries, subject, settings, now or utc_now()), history))
    return sorted(found, key=lambda asked: (asked.stands.state != "pending", -asked.request.number))
