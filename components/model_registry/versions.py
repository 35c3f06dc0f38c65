"""Versions, stages and the record of changes: which change may follow, and what the record says by now. Pure.

            promote           promote                promote --to archived, or replaced by another
 candidate ─────────► staging ─────────► production ────────────► archived
     │                   │                   ▲                       │  │
     └── --skip-staging ─┼───────────────────┘ ◄───── rollback ──────┘  │
     └── --to archived ──┴──► archived          staging ◄── promote ────┘

At most one version is in production. Every change is one entry of a ledger; entries are only ever added.
"""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from components.errors import ComponentError
from components.ledger.ledger import Entry

Stage = Literal["candidate", "staging", "production", "archived"]
STAGES: tuple[Stage, ...] = get_args(Stage)

REGISTERED, PROMOTED, ROLLED_BACK = "registered", "promoted", "rolled back"

_NEXT: Mapping[Stage, tuple[Stage, ...]] = {
    "candidate": ("staging", "archived"),
    "staging": ("production", "archived"),
    "production": ("archived",),
    "archived": ("staging",),
}


class ChangeRefused(ComponentError):
    """A change that may not be made as asked; nothing was changed."""


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """One version.

    Attributes:
      version: its number, the same as the pushed version's.
      stage: where it stands.
      run: the run that made it.
      model_uri: the Model artifact's.
      model_digest: of its bytes.
      evidence_digest: of the documents that its approval stands on, empty if nobody had to look at any.
      decided_by: `rules` or `people` approved it.
      signature: who had signed it when it was registered, in words.
      signed_by: id of that key, None if it was not signed or not checked.
      metrics: the Evaluator's, of all rows.
      entries: everything on record about it, oldest first.
    """

    version: str
    stage: Stage
    run: str
    model_uri: str
    model_digest: str
    evidence_digest: str
    decided_by: str
    signature: str
    signed_by: str | None
    metrics: Mapping[str, float | None]
    entries: tuple[Entry, ...]


@dataclasses.dataclass(frozen=True)
class History:
    """What a record says.

    Attributes:
      versions: by number, in the order of their registration.
      productions: what has been in production and was not rolled back, oldest first; None = nothing. The last one is
        what is in production now.
    """

    versions: Mapping[str, ModelVersion]
    productions: tuple[str | None, ...]

    @property
    def production(self) -> str | None:
        """The version in production."""
        return self.productions[-1] if self.productions else None

    def find(self, word: str) -> ModelVersion:
        """The version of that number, or the newest for `latest`.

        Raises:
          ChangeRefused: there is none, naming those like it.
        """
        if word == "latest" and self.versions:
            return list(self.versions.values())[-1]
        if word in self.versions:
            return self.versions[word]
        near = difflib.get_close_matches(word, self.versions, n=3, cutoff=0.6) or list(self.versions)[:-4:-1]
        advice = f"Registered are for instance: {', '.join(near)}." if near else "None is registered yet."
        raise ChangeRefused(f"Version '{word}' is not in the registry. {advice} All of them: penstock models.")


@dataclasses.dataclass(frozen=True)
class Change:
    """A change of stages that may be made.

    Attributes:
      kind: `promoted` or `rolled back`.
      version: which version moves.
      from_stage: where it stands.
      to_stage: where it goes.
      replaces: the version that leaves production for it, None if none does.
    """

    kind: str
    version: str
    from_stage: Stage
    to_stage: Stage
    replaces: str | None

    def content(self) -> dict[str, Any]:
        """What the record keeps of it."""
        return {
            "version": self.version,
            "from_stage": self.from_stage,
            "to_stage": self.to_stage,
            "replaces": self.replaces,
        }


def read_history(entries: Sequence[Entry]) -> History:
    """What the entries, oldest first, amount to."""
    versions: dict[str, ModelVersion] = {}
    productions: list[str | None] = []
    for entry in entries:
        version = str(entry.content["version"])
        if entry.kind == REGISTERED:
            versions[version] = _registered(entry)
            continue
        versions[version] = _moved(versions[version], entry.content["to_stage"], entry)
        if replaced := entry.content["replaces"]:
            versions[replaced] = _moved(versions[replaced], "archived", entry)
        productions = _productions(productions, entry)
    return History(versions, tuple(productions))


def _registered(entry: Entry) -> ModelVersion:
    content = entry.content
    names = [field.name for field in dataclasses.fields(ModelVersion) if field.name not in ("stage", "entries")]
    return ModelVersion(**{name: content[name] for name in names}, stage="candidate", entries=(entry,))


def _moved(version: ModelVersion, stage: Stage, entry: Entry) -> ModelVersion:
    return dataclasses.replace(version, stage=stage, entries=(*version.entries, entry))


def _productions(productions: list[str | None], entry: Entry) -> list[str | None]:
    version, content = entry.content["version"], entry.content
    if entry.kind == ROLLED_BACK:
        return productions[: _last(productions[:-1], version) + 1]
    if content["to_stage"] == "production":
        return [*productions, version]
    return [*productions, None] if content["from_stage"] == "production" else productions


def _last(productions: Sequence[str | None], version: str) -> int:
    """The position of the version's newest time in production."""
    return len(productions) - 1 - list(reversed(productions)).index(version)


def plan_promotion(history: History, word: str, to_stage: Stage, *, skip_staging: bool) -> Change:
    """The promotion of a version.

    Raises:
      ChangeRefused: there is no such version, it is there already, or the way to that stage leads through another.
    """
    version = history.find(word)
    if version.stage == to_stage:
        said = change_words(version.entries[-1], version.version)
        raise ChangeRefused(f"Version {version.version} is in {to_stage} already: {said}.")
    skips = (version.stage, to_stage) == ("candidate", "production")
    if to_stage not in _NEXT[version.stage] and not (skips and skip_staging):
        if skips:
            advice = "Promote it to staging first, or say that you leave that out: --skip-staging."
        elif (version.stage, to_stage) == ("archived", "production"):
            advice = "What was in production before comes back by: penstock rollback; else promote it to staging first."
        else:
            advice = f"From {version.stage} it can go to: {', '.join(_NEXT[version.stage])}."
        raise ChangeRefused(f"Version {version.version} is in {version.stage} and cannot go to {to_stage}. {advice}")
    replaces = history.production if to_stage == "production" else None
    return Change(PROMOTED, version.version, version.stage, to_stage, replaces)


def plan_rollback(history: History, word: str | None) -> Change:
    """The return to the version that was in production before, or to an earlier one.

    Args:
      history: so far.
      word: the version, None for the one before.

    Raises:
      ChangeRefused: nothing was in production before, or not that version.
    """
    earlier = [version for version in history.productions[:-1] if version not in (None, history.production)]
    if not earlier:
        stands = f"{history.production} is the first" if history.production else "nothing ever was"
        raise ChangeRefused(f"There is no earlier version in production to go back to: {stands}.")
    wanted = str(earlier[-1]) if word is None else history.find(word).version
    if wanted not in earlier:
        names = ", ".join(dict.fromkeys(map(str, earlier)))
        raise ChangeRefused(
            f"Version {wanted} was not in production before; earlier were: {names}. To put another version there: "
            "penstock promote."
        )
    return Change(ROLLED_BACK, wanted, history.versions[wanted].stage, "production", history.production)


def change_words(entry: Entry, version: str) -> str:
    """What the entry says of that version: `promoted to staging by ann on 2026-03-01T12:00:00Z: good enough`."""
    content = entry.content
    if entry.kind == REGISTERED:
        return f"registered by run {content['run']} on {entry.at}"
    if content["version"] != version:
        return f"archived on {entry.at}, when version {content['version']} was {entry.kind} to production"
    return f"{entry.kind} to {content['to_stage']} by {content['by']} on {entry.at}: {content['reason']}"
