"""The interface of a model registry; `local.py` is the one of this machine, `remote.py` the one of runs on AWS."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from components.errors import ComponentError
from components.ledger.ledger import Ledger, is_writable
from components.model_registry.versions import ChangeRefused, History, ModelVersion, Stage


class ModelDamaged(ComponentError):
    """The bytes of a version are not those that were registered, or are gone; nothing was changed."""


@dataclasses.dataclass(frozen=True)
class Registration:
    """What is known of a pushed model when it is registered.

    Attributes:
      version: the pushed version's number.
      run: the run that made it.
      model_uri: the Model artifact's.
      model_digest: of the bytes that were approved.
      evidence_digest: of the documents that the approval stands on.
      decided_by: `rules` or `people`.
      metrics: the Evaluator's, of all rows.
    """

    version: str
    run: str
    model_uri: str
    model_digest: str
    evidence_digest: str
    decided_by: str
    metrics: Mapping[str, float | None]


@dataclasses.dataclass(frozen=True)
class Ask:
    """Who wants a change, and why; both go on record. Who is a claim that nobody checks."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        empty = [name for name, text in (("--by", self.by), ("--reason", self.reason)) if not text.strip()]
        if empty:
            raise ChangeRefused(f"{' and '.join(empty)}: empty. A change on record says who made it and why.")
        unwritable = [name for name, text in (("--by", self.by), ("--reason", self.reason)) if not is_writable(text)]
        if unwritable:
            raise ChangeRefused(f"{' and '.join(unwritable)}: holds bytes that are no text. Type it again.")


class Registry(Protocol):
    """Versions of one model and their stages.

                        register                 promote               promote
       pushed model ───────────────► candidate ─────────► staging ─────────────► production ──► archived
                                                                                      ▲             │
                                                                                      └─ rollback ──┘

    `register` takes the bytes in; from then on they are only ever moved, never built or written again, and whoever
    asks for a move gets it only if they are still those that were registered. A method that raises has changed
    nothing; one that was killed is completed by calling it again with the same arguments.
    """

    @property
    def name(self) -> str:
        """The model's."""

    @property
    def record(self) -> Ledger:
        """The record of registrations and changes."""

    def history(self) -> History:
        """All versions with their stages, from the record.

        Raises:
          LedgerDamaged: the record was tampered with.
        """

    def register(self, model: Path, registration: Registration) -> ModelVersion:
        """The pushed model as a version in stage candidate; the one that is there, if it was registered before.

        Raises:
          ModelDamaged: the folder does not hold the approved bytes.
          SignatureRefused: it is not signed as the configuration asks.
        """

    def promote(self, version: str, to_stage: Stage, ask: Ask, *, skip_staging: bool = False) -> ModelVersion:
        """The version in its new stage; what was in production is archived when another takes its place.

        Raises:
          ChangeRefused: there is no such version, the stage cannot follow, or its approval was taken back.
          ModelDamaged, SignatureRefused: it cannot be trusted any more.
        """

    def rollback(self, ask: Ask, version: str | None = None) -> ModelVersion:
        """What was in production before (or that earlier version) in production again; what was there is archived.

        Raises:
          as `promote`.
        """

    def place(self, version: ModelVersion) -> str:
        """Where its SavedModel is now, signature included: a folder, whose place a new stage changes, or `s3://…`."""

    def folder(self, version: ModelVersion) -> Path:
        """The same as a folder of this machine.

        Raises:
          ModelDamaged: it is elsewhere, and not whole any more.
        """

    def misplaced(self, history: History) -> list[str]:
        """Sentences on bytes that are not where the record has them."""
