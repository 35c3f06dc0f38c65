"""The registry as one record on S3; the bytes of a version stay where they were pushed.

    s3://bucket/prefix/registry/reviews/registry.jsonl      who changed what, when and why (components/ledger)
    s3://bucket/prefix/pushed/reviews/1795390213/           the version, as the record's first entry about it says

S3 has no folders to rename: the stage of a version is what the record says, and nothing else. Who serves a stage reads
the record. A change is checked against the entries that it follows, with nobody's between; of two at once one wins, and
the other is asked to look again.
"""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.errors import ComponentError
from components.ledger.ledger import Entry, Ledger, utc_now
from components.model_registry.checks import check_approval, check_bytes, check_digest, registered_before
from components.model_registry.registry import Ask, ModelDamaged, Registration
from components.model_registry.versions import (
    REGISTERED,
    Change,
    ChangeRefused,
    History,
    ModelVersion,
    Stage,
    plan_promotion,
    plan_rollback,
    read_history,
)
from components.signing.settings import SigningSettings
from components.signing.signature import verify_model

RECORD = "registry.jsonl"
PUSHED_TO = "pushed_to"
IMAGE = "image"

IMAGE_VARIABLE = "PENSTOCK_IMAGE"
"""Set in every job (pipeline/jobs/requests.py): the image that the job runs in, by digest."""


def _cannot_fetch(uri: str) -> Path:
    raise ComponentError(f"{uri}: cannot be brought here to be checked. Nothing was changed.")


def _all_there(_: Sequence[str]) -> list[str]:
    return []


class _RegisteredBefore(Exception):
    """Stops an entry from being written: what it says is on record."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
        super().__init__(version.version)


@dataclasses.dataclass(frozen=True)
class RemoteRegistry:
    """A `Registry` whose record is on S3.

    Attributes:
      root: `s3://…`, the place of the record.
      signing: which signature a version must have to be registered or promoted.
      approvals: the record of approvals, in which a later rejection stands; None = nobody approves models.
      fetch: gives a local copy of a pushed version, verified; who promotes needs it.
      missing: of some places, those at which no whole version is; who lists versions needs it.
      clock: the time, with zone.
    """

    root: str
    signing: SigningSettings
    approvals: str | None = None
    fetch: Callable[[str], Path] = _cannot_fetch
    missing: Callable[[Sequence[str]], list[str]] = _all_there
    clock: Callable[[], datetime.datetime] = utc_now

    @property
    def name(self) -> str:
        """The model's."""
        return self.root.rpartition("/")[2]

    @property
    def record(self) -> Ledger:
        """The record of registrations and changes."""
        return Ledger(f"{self.root}/{RECORD}", self.clock)

    def history(self) -> History:
        """All versions with their stages."""
        return read_history(self.record.entries())

    def place(self, version: ModelVersion) -> str:
        """Where it was pushed, and stays."""
        return place_of(version)

    def folder(self, version: ModelVersion) -> Path:
        """A local copy of the version."""
        if not (place := place_of(version)):
            raise ModelDamaged(
                f"Version {version.version}: the record does not say where its bytes are; it was registered by a node "
                "of an older version. Push the model again."
            )
        return self.fetch(place)

    def misplaced(self, history: History) -> list[str]:
        """Sentences on versions whose bytes are gone."""
        places = {place_of(version): version.version for version in history.versions.values() if place_of(version)}
        gone = self.missing(list(places))
        return [f"{place}: nothing whole is there; the bytes of version {places[place]} are gone." for place in gone]

    def register(self, model: Path, registration: Registration, pushed_to: str = "", image: str = "") -> ModelVersion:
        """The pushed model as a candidate; see `Registry`.

        Args:
          model: a local copy of what was pushed.
          registration: what is known of it.
          pushed_to: where it was pushed, `s3://…`.
          image: that the run was made in, empty if nobody knows.
        """
        checked = verify_model(model, self.signing)
        check_digest(model, registration.model_digest, "approved")

        def is_new(entries: list[Entry]) -> None:
            if found := registered_before(read_history(entries), registration, checked):
                raise _RegisteredBefore(found)

        content: Mapping[str, Any] = {
            **dataclasses.asdict(registration),
            "metrics": dict(registration.metrics),
            "signature": checked.sentence,
            "signed_by": checked.signed_by,
            PUSHED_TO: pushed_to,
            IMAGE: image,
        }
        try:
            self.record.append(REGISTERED, content, allow=is_new)
        except _RegisteredBefore as before:
            return before.version
        return self.history().versions[registration.version]

    def promote(self, version: str, to_stage: Stage, ask: Ask, *, skip_staging: bool = False) -> ModelVersion:
        """The version in its new stage; see `Registry`."""
        return self._carry_out(lambda now: plan_promotion(now, version, to_stage, skip_staging=skip_staging), ask)

    def rollback(self, ask: Ask, version: str | None = None) -> ModelVersion:
        """An earlier version in production again; see `Registry`."""
        return self._carry_out(lambda now: plan_rollback(now, version), ask)

    def _carry_out(self, planned: Callable[[History], Change], ask: Ask) -> ModelVersion:
        """Checks, and puts on record."""
        history = self.history()
        change = planned(history)
        version = history.versions[change.version]
        signature = self._check(version) if change.to_stage != "archived" else "not checked: it goes out of use"

        def is_the_same_change(entries: list[Entry]) -> None:
            if planned(read_history(entries)) != change:
                raise ChangeRefused(
                    f"The registry changed while version {change.version} was checked. Nothing was recorded. Look at "
                    "it again, and ask once more if you still want to."
                )

        content = {
            **change.content(),
            "by": ask.by,
            "reason": ask.reason,
            "model_digest": version.model_digest,
            "signature": signature,
        }
        own = self.record.append(change.kind, content, allow=is_the_same_change)
        entries = [entry for entry in self.record.entries() if entry.number <= own.number]
        return read_history(entries).versions[change.version]

    def _check(self, version: ModelVersion) -> str:
        """Who signed it, in words; raises as `checks`."""
        check_approval(version, self.approvals)
        folder = self.folder(version)
        try:
            return check_bytes(folder, version, self.signing)
        except ComponentError as error:  # which names the copy
            error.args = (str(error).replace(str(folder), place_of(version)),)
            raise


def place_of(version: ModelVersion) -> str:
    """Where the version was pushed; as the record says, empty if it does not."""
    return str(version.entries[0].content.get(PUSHED_TO, ""))


def image_of(version: ModelVersion) -> str:
    """The image that the version's run was made in; as the record says, empty if it does not."""
    return str(version.entries[0].content.get(IMAGE, ""))
