"""The registry in a folder of this machine: a ledger, and a folder a stage in TensorFlow Serving's layout.

    registry/reviews/
      registry.jsonl                    who changed what, when and why (components/ledger)
      stages/candidate/1795390213/      a SavedModel with receipt and signature
      stages/staging/ …
      stages/production/1795300000/     point a model server at stages/production
      stages/archived/ …

The record decides. A change is checked, put on record, and then the folder is renamed: the same bytes, in one atomic
step. What is killed between the two is completed by the next command. The new version enters `production` before the
old one leaves it, so that a server always finds one.
"""

import contextlib
import dataclasses
import datetime
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from components.ledger.ledger import Ledger, utc_now
from components.model_registry.checks import (
    check_approval,
    check_bytes,
    check_digest,
    is_newest_change,
    registered_before,
)
from components.model_registry.registry import Ask, Registration
from components.model_registry.versions import (
    PROMOTED,
    REGISTERED,
    ROLLED_BACK,
    STAGES,
    Change,
    ChangeRefused,
    History,
    ModelVersion,
    Stage,
    plan_promotion,
    plan_rollback,
    read_history,
)
from components.pusher.publish import sync, sync_tree
from components.signing.settings import SigningSettings
from components.signing.signature import verify_model

RECORD = "registry.jsonl"
STAGES_FOLDER = "stages"
_LOCK_NAME = ".lock"
_INCOMING = ".incoming-"


@dataclasses.dataclass(frozen=True)
class LocalRegistry:
    """A `Registry` below a folder, which need not exist yet.

    Attributes:
      root: the folder.
      signing: which signature a version must have to be registered or promoted.
      approvals: the record of approvals, in which a later rejection stands; None = nobody approves models.
      clock: the time, with zone.
    """

    root: Path
    signing: SigningSettings
    approvals: Path | None = None
    clock: Callable[[], datetime.datetime] = utc_now

    @property
    def name(self) -> str:
        """The model's."""
        return self.root.name

    @property
    def record(self) -> Ledger:
        """The record of registrations and changes."""
        return Ledger(self.root / RECORD, self.clock)

    def history(self) -> History:
        """All versions with their stages."""
        return read_history(self.record.entries())

    def stage_folder(self, stage: Stage) -> Path:
        """What a model server of that stage watches."""
        return self.root / STAGES_FOLDER / stage

    def folder(self, version: ModelVersion) -> Path:
        """Where the version's SavedModel is."""
        return self._place(version) or self.stage_folder(version.stage) / version.version

    def place(self, version: ModelVersion) -> str:
        """The same as text."""
        return str(self.folder(version))

    def register(self, model: Path, registration: Registration) -> ModelVersion:
        """The pushed model as a candidate; see `Registry`."""
        with self._alone():
            history = self.history()
            self._settle(history)
            checked = verify_model(model, self.signing)
            found = registered_before(history, registration, checked)
            if found is not None:
                return found
            check_digest(model, registration.model_digest, "approved")
            self._take_in(model, registration)
            content = {
                **dataclasses.asdict(registration),
                "metrics": dict(registration.metrics),
                "signature": checked.sentence,
                "signed_by": checked.signed_by,
            }
            self.record.append(REGISTERED, content)
            return self.history().versions[registration.version]

    def promote(self, version: str, to_stage: Stage, ask: Ask, *, skip_staging: bool = False) -> ModelVersion:
        """The version in its new stage; see `Registry`."""
        with self._alone():
            history = self.history()
            if self._settle(history):
                wanted = history.find(version)
                if is_newest_change(self.record.entries(), PROMOTED, wanted.version, to_stage):
                    return wanted
            return self._carry_out(history, plan_promotion(history, version, to_stage, skip_staging=skip_staging), ask)

    def rollback(self, ask: Ask, version: str | None = None) -> ModelVersion:
        """An earlier version in production again; see `Registry`."""
        with self._alone():
            history = self.history()
            if self._settle(history) and history.production in (version or history.production, None):
                now = str(history.production)
                if is_newest_change(self.record.entries(), ROLLED_BACK, now, "production"):
                    return history.versions[now]
            return self._carry_out(history, plan_rollback(history, version), ask)

    def misplaced(self, history: History) -> list[str]:
        """Sentences on folders that do not agree with the record."""
        told = []
        for version in history.versions.values():
            place = self._place(version)
            if place is None:
                told.append(f"{self.folder(version)}: the bytes of version {version.version} are gone.")
            elif place.parent.name != version.stage:
                what = f"belongs in {version.stage}: the command that moved it was stopped, the next one completes it"
                told.append(f"{place}: {what}.")
        places = {self._place(version) for version in history.versions.values()}
        for stage in STAGES:
            strays = (path for path in sorted(self.stage_folder(stage).glob("[!.]*")) if path not in places)
            told += [f"{path}: not on record in {stage}, and nobody has checked it." for path in strays]
        return told

    def _carry_out(self, history: History, change: Change, ask: Ask) -> ModelVersion:
        """Checks, puts on record, moves."""
        version = history.versions[change.version]
        signature = self._check(version) if change.to_stage != "archived" else "not checked: it goes out of use"
        self._check_free(change)
        content = {
            **change.content(),
            "by": ask.by,
            "reason": ask.reason,
            "model_digest": version.model_digest,
            "signature": signature,
        }
        self.record.append(change.kind, content)
        history = self.history()
        self._settle(history)
        return history.versions[change.version]

    def _check(self, version: ModelVersion) -> str:
        """Who signed it, in words.

        Raises:
          ChangeRefused, ModelDamaged, SignatureRefused: it must not go on.
        """
        check_approval(version, self.approvals)
        return check_bytes(self.folder(version), version, self.signing)

    def _check_free(self, change: Change) -> None:
        """Refuses a change into a folder that is there already: its bytes would pass for those that were checked."""
        moves = [(change.version, change.to_stage)] + ([(change.replaces, "archived")] if change.replaces else [])
        for version, stage in moves:
            target = self.root / STAGES_FOLDER / stage / version
            if os.path.lexists(target):
                raise ChangeRefused(
                    f"{target}: is in the way of version {version}; it is not on record there, and nobody has checked "
                    "it. Nothing was changed. Find out who put it there, and move it away."
                )

    def _take_in(self, model: Path, registration: Registration) -> None:
        """Copies the bytes to the candidates in one visible step."""
        candidates = self.stage_folder("candidate")
        candidates.mkdir(parents=True, exist_ok=True)
        hidden, target = candidates / f"{_INCOMING}{registration.version}", candidates / registration.version
        for leftover in candidates.glob(f"{_INCOMING}*"):
            shutil.rmtree(leftover)
        if target.exists():  # a registration was killed before it was on record
            shutil.rmtree(target)
        shutil.copytree(model, hidden)
        check_digest(hidden, registration.model_digest, "approved")
        sync_tree(hidden)
        hidden.rename(target)
        sync(candidates)

    def _settle(self, history: History) -> bool:
        """Moves every version to where the record says, into production before out of it; true if one moved."""
        moved = False
        for version in sorted(history.versions.values(), key=lambda version: version.stage != "production"):
            place, target = self._place(version), self.stage_folder(version.stage) / version.version
            if place is not None and place != target:
                target.parent.mkdir(parents=True, exist_ok=True)
                place.rename(target)
                sync(target.parent)
                sync(place.parent)
                moved = True
        return moved

    def _place(self, version: ModelVersion) -> Path | None:
        """Where its folder is, in its own stage or still in another; None if it is gone."""
        stages = sorted(STAGES, key=lambda stage: stage != version.stage)
        places = (self.stage_folder(stage) / version.version for stage in stages)
        return next((place for place in places if place.is_dir()), None)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Waits until nobody else changes this registry; the lock goes with the process, however it ends."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / _LOCK_NAME).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
