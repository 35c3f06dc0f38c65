"""Digests of the rows of examples, whatever order each row's columns were written in.

Protocol buffers write the entries of a map in any order, so equal tf.Examples may have other bytes: the entries are
sorted here. Source of the layout: https://protobuf.dev/programming-guides/encoding; Example{Features{map feature}}.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from components.arrow_example_gen.source_files import open_bytes
from components.arrow_example_gen.tfrecord import DamagedRecords, read_records
from components.errors import BadData

_FIRST_FIELD = 0x0A
"""Tag of field 1, of a length and bytes: `features` in Example, and each entry of the map in Features."""


def rows_digests(folder: Path) -> dict[str, str] | None:
    """SHA-256 of the rows in order, by split; None if a file is damaged or holds something else."""
    try:
        return {
            split.name.removeprefix("Split-"): _digest(sorted(path for path in split.iterdir() if path.is_file()))
            for split in sorted(folder.glob("Split-*"))
        }
    except (BadData, DamagedRecords, OSError, IndexError, ValueError):
        return None


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open_bytes(str(path)) as stream:
            for record in read_records(stream):
                canonical = in_order(record)
                digest.update(len(canonical).to_bytes(8) + canonical)
    return digest.hexdigest()


def in_order(example: bytes) -> bytes:
    """The serialized tf.Example with the entries of its map sorted.

    >>> in_order(bytes([0x0A, 6, 0x0A, 1, 9, 0x0A, 1, 7])).hex()
    '0a01070a0109'

    Raises:
      ValueError: it is no tf.Example.
    """
    entries = [entry for features in _fields(example) for entry in _fields(features)]
    return b"".join(bytes([_FIRST_FIELD]) + _varint(len(entry)) + entry for entry in sorted(entries))


def _fields(message: bytes) -> Iterator[bytes]:
    """The bytes of each field 1; raises ValueError on anything else."""
    position = 0
    while position < len(message):
        if message[position] != _FIRST_FIELD:
            raise ValueError(f"not a tf.Example: tag {message[position]:#x} at byte {position}")
        length, position = _read_varint(message, position + 1)
        if position + length > len(message):
            raise ValueError("not a tf.Example: cut short")
        yield message[position : position + length]
        position += length


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
