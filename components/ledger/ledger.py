"""A ledger: one JSON object a line, each with the hash of the one before it. No TFX.

    {"number": 3, "at": "2026-11-23T09:00:00Z", "kind": "approved", …, "previous": "…", "hash": "…"}

`hash` is the SHA-256 of the entry without it, as canonical JSON; `previous` is the hash of the entry before, 64 zeros
for the first. Changing, removing or reordering entries breaks the chain from there on. What a chain cannot show is
that its newest entries were cut off, or that all of it was written anew: `head` is what to note down elsewhere.
"""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from components.errors import ComponentError
from components.ledger.local_file import LocalFile
from components.ledger.s3_object import SCHEME, S3Object

GENESIS = "0" * 64

_OWN = ("number", "at", "kind", "previous", "hash")


class LedgerDamaged(ComponentError):
    """The chain is broken: an entry was changed, removed, inserted or cut short."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
      number: counting from 1.
      at: when it was written, ISO 8601, UTC.
      kind: what it says, a word of the ledger's user.
      content: the rest, plain JSON.
      hash: by which the next entry refers to it.
    """

    number: int
    at: str
    kind: str
    content: Mapping[str, Any]
    hash: str


def utc_now() -> datetime.datetime:
    """The time, with zone."""
    return datetime.datetime.now(datetime.UTC)


class Keeper(Protocol):
    """Keeps the lines of a ledger where several may write at the same time."""

    def read(self) -> bytes:
        """All lines, as they were at some moment; nothing where there are none yet."""

    def extend(self, line_after: Callable[[bytes], bytes]) -> None:
        """Adds the line that `line_after` makes of all lines so far, with nobody else's between those and it.

        `line_after` may be asked several times; what it raises goes through, and nothing is added.
        """


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The entries in a file, or in an object on S3, which need not exist yet.

    Attributes:
      path: the file, or `s3://BUCKET/KEY`.
      clock: the time, with zone.
      client: boto3's, for an object; None = one from the environment.
    """

    path: Path | str
    clock: Callable[[], datetime.datetime] = utc_now
    client: Any = None

    @property
    def keeper(self) -> Keeper:
        """Who keeps the lines there."""
        if isinstance(self.path, str) and is_on_s3(self.path):
            return S3Object(self.path, self.client)
        return LocalFile(Path(self.path))

    def entries(self) -> list[Entry]:
        """All entries, oldest first.

        Raises:
          LedgerDamaged: naming the line at which the chain breaks.
          LedgerUnreachable: it is on S3, which does not answer.
        """
        return _checked(self.keeper.read(), self.path)

    @property
    def head(self) -> str:
        """The hash of the newest entry, which stands for all of them."""
        entries = self.entries()
        return entries[-1].hash if entries else GENESIS

    def append(
        self,
        kind: str,
        content: Mapping[str, Any],
        allow: Callable[[list[Entry]], None] | None = None,
    ) -> Entry:
        """Writes one more entry, for good when this returns.

        Args:
          kind: what it says.
          content: plain JSON, without the names that every entry has.
          allow: gets the entries that it would follow, with nobody's between; raises if it must not follow them.

        Raises:
          LedgerDamaged: the chain is broken; nothing is written.
          LedgerUnreachable: it is on S3, which does not take it.
          ValueError: `content` uses a name that every entry has.
        """
        if taken := sorted(set(content) & set(_OWN)):
            raise ValueError(f"{', '.join(taken)}: every entry has these names itself")
        body: dict[str, Any] = {}

        def line_after(before: bytes) -> bytes:
            entries = _checked(before, self.path)
            if allow is not None:
                allow(entries)
            body.clear()
            body.update(self._body(entries, kind, content))
            return f"{json.dumps(body, ensure_ascii=False)}\n".encode()

        self.keeper.extend(line_after)
        return _entry(body)

    def _body(self, entries: list[Entry], kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        body = {
            "number": len(entries) + 1,
            "at": self.clock().astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "kind": kind,
            **content,
            "previous": entries[-1].hash if entries else GENESIS,
        }
        return {**body, "hash": digest_of(body)}


def is_on_s3(place: str) -> bool:
    """True for `s3://…`."""
    return place.startswith(SCHEME)


def is_writable(text: str) -> bool:
    """False for what was typed in another encoding: bytes that are no text, which no entry can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256 of an entry as canonical JSON (sorted keys, no spaces, UTF-8), its `hash` left out."""
    rest = {key: value for key, value in body.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _checked(text: bytes, path: Path | str) -> list[Entry]:
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        body = _parsed(line)
        previous = entries[-1].hash if entries else GENESIS
        if body is None:
            problem = "is cut short or no JSON object"
        elif not _has_own(body):
            problem = "lacks what every entry has"
        elif body["hash"] != digest_of(body):
            problem = "was changed after it was written (its hash does not fit its content)"
        elif body["previous"] != previous or body["number"] != number:
            problem = "does not follow the one before it (entries were removed, inserted or moved)"
        else:
            entries.append(_entry(body))
            continue
        raise LedgerDamaged(
            f"{path}:{number}: this entry {problem}. Nothing in this record can be relied on until somebody explains "
            "it: compare it with a backup, and put the true file back."
        )
    return entries


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The object in a whole line; None for anything that this module cannot have written."""
    try:
        body = json.loads(line.decode("utf-8")) if line.endswith(b"\n") else None
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _has_own(body: Mapping[str, Any]) -> bool:
    return type(body.get("number")) is int and all(isinstance(body.get(name), str) for name in _OWN if name != "number")


def _entry(body: Mapping[str, Any]) -> Entry:
    content = {key: value for key, value in body.items() if key not in _OWN}
    return Entry(int(body["number"]), str(body["at"]), str(body["kind"]), content, str(body["hash"]))
