"""Hashes of keys on disk, dealt out by their first bits: memory holds the newest ones, and later one part at a time."""

import dataclasses
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np

from components.data_quality_gate.keys import Hashes, count_referenced, count_unique

PARTS = 64
"""Equal keys are in the same part; each is counted alone, so that a hundred million keys are 25 MB at a time."""

SPILLED_KEYS = 262_144
"""Keys that are kept in memory (4 MiB) before they go to a file."""

Slot = tuple[int, str]
"""A constraint's index, and `keys` or `references`."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """Hashes of one slot and part, in one file."""

    path: str
    offset: int
    size_bytes: int


@dataclasses.dataclass
class KeyStore:
    """The keys of all constraints so far.

    Attributes:
      folder: for the files; whoever makes the store removes it. Workers that join their stores share it.
      recent: hashes that are in no file yet.
      recent_keys: how many.
      segments: where the others are, by slot and part.
    """

    folder: str
    recent: dict[Slot, list[Hashes]] = dataclasses.field(default_factory=dict)
    recent_keys: int = 0
    segments: dict[tuple[Slot, int], list[Segment]] = dataclasses.field(default_factory=dict)

    def add(self, slot: Slot, hashes: Hashes) -> None:
        """Takes hashes."""
        self.recent.setdefault(slot, []).append(hashes)
        self.recent_keys += len(hashes)
        if self.recent_keys >= SPILLED_KEYS:
            self.spill()

    def join(self, other: Self) -> None:
        """Takes what another store holds."""
        for place, segments in other.segments.items():
            self.segments.setdefault(place, []).extend(segments)
        for slot, chunks in other.recent.items():
            for chunk in chunks:
                self.add(slot, chunk)

    def spill(self) -> None:
        """Writes what is in memory to a file."""
        if not self.recent_keys:
            return
        path = os.path.join(self.folder, f"keys-{uuid.uuid4().hex}")
        offset = 0
        with _opened(path, "wb") as stream:
            for slot, chunks in self.recent.items():
                for part, hashes in _dealt_out(np.concatenate(chunks)):
                    segment = Segment(path, offset, hashes.nbytes)
                    stream.write(hashes.tobytes())
                    self.segments.setdefault((slot, part), []).append(segment)
                    offset += segment.size_bytes
        self.recent, self.recent_keys = {}, 0

    def count(self, index: int, *, references: bool) -> tuple[int, int, Hashes]:
        """Keys of a constraint, keys that keep to it, and the hashes of a few that do not, the smallest.

        Args:
          index: the constraint's.
          references: true if a key keeps to it by occurring among the references, not by occurring once.
        """
        self.spill()
        keys, kept, wrong = 0, 0, np.empty((0, 2), np.uint64)
        for part in range(PARTS):
            hashes = self._read((index, "keys"), part)
            if references:
                counted = count_referenced(hashes, self._read((index, "references"), part))
            else:
                counted = count_unique(hashes)
            keys, kept = keys + counted[0], kept + counted[1]
            wrong = np.concatenate([wrong, counted[2]])[:_KEPT]  # parts come in the order of the hashes
        return keys, kept, wrong

    def _read(self, slot: Slot, part: int) -> Hashes:
        found = b"".join(_bytes_of(self.segments.get((slot, part), [])))
        return np.frombuffer(found, np.uint64).reshape(-1, 2)


_KEPT = 1000


def _bytes_of(segments: list[Segment]) -> Iterator[bytes]:
    for segment in segments:
        with _opened(segment.path, "rb") as stream:
            stream.seek(segment.offset)
            yield stream.read(segment.size_bytes)


def _opened(path: str, mode: str) -> AbstractContextManager[Any]:
    """The file, its folder made for writing; local ones without TFX, which takes seconds to import."""
    folder = os.path.dirname(path)
    if "://" not in path:
        os.makedirs(folder, exist_ok=True)
        return open(path, mode)
    from tfx.dsl.io import fileio

    fileio.makedirs(folder)
    remote: AbstractContextManager[Any] = fileio.open(path, mode)
    return remote


def _dealt_out(hashes: Hashes) -> Iterator[tuple[int, Hashes]]:
    """The hashes of each part that has any."""
    parts = (hashes[:, 0] // np.uint64(2**64 // PARTS)).astype(np.int64)
    order = np.argsort(parts, kind="stable")
    bounds = np.searchsorted(parts[order], np.arange(PARTS + 1))
    for part in range(PARTS):
        chosen = order[bounds[part] : bounds[part + 1]]
        if len(chosen):
            yield part, hashes[chosen]
