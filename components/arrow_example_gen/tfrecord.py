"""TFRecord files: the framing, read and written without TensorFlow, and tf.Examples as batches of columns.

A record is: length uint64, masked CRC-32C of the length uint32, data, masked CRC-32C of the data uint32; all
little-endian. Source: tensorflow/core/lib/io/record_writer.h.
"""

import functools
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import google_crc32c
import numpy as np
import pyarrow as pa

from components.arrow_example_gen import columns
from components.arrow_example_gen.bad_rows import BadRow
from components.arrow_example_gen.raw_batch import Cuttable, RawBatch, Source, stretches
from components.arrow_example_gen.source_files import cuttable_bytes, file_bytes, open_bytes
from components.errors import BadData

BATCH_RECORDS = 8_192
BATCH_BYTES = 4 << 20
_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_MAX_RECORD_BYTES = 1 << 30


class DamagedRecords(ValueError):
    """A TFRecord stream is damaged or cut short."""


def masked_crc32c(data: bytes) -> int:
    """The CRC-32C of `data` as TFRecord stores it: rotated right by 15 bits plus a constant, modulo 2**32."""
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@functools.lru_cache(maxsize=1 << 14)
def _header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + _CRC.pack(masked_crc32c(packed))


def frame(records: Sequence[bytes]) -> bytes:
    """The records as they stand, one after the other, in a TFRecord file."""
    parts: list[bytes] = [b""] * (3 * len(records))
    parts[0::3] = [_header(len(record)) for record in records]
    parts[1::3] = records
    parts[2::3] = _footers(records)
    return b"".join(parts)


def _footers(records: Sequence[bytes]) -> list[bytes]:
    """`masked_crc32c` of every record, packed; as an array because it is done for every row that is written."""
    crc = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    data = masked.astype("<u4").tobytes()
    return [data[i : i + 4] for i in range(0, len(data), 4)]


def read_records(stream: BinaryIO, end: int = sys.maxsize, number: int = 1) -> Iterator[bytes]:
    """The records of an unzipped stream from where it stands, which is record `number`, to the byte `end`.

    Raises:
      DamagedRecords: a checksum does not fit, or the stream ends within a record.
    """
    offset = stream.tell() if end < sys.maxsize else 0
    while offset < end and (header := stream.read(_HEADER.size)):
        length = _length(header, number)
        body = stream.read(length + _CRC.size)
        offset += len(header) + len(body)
        if len(body) < length + _CRC.size:
            raise DamagedRecords(f"record {number} is cut short")
        record = body[:length]
        if _CRC.unpack(body[length:])[0] != masked_crc32c(record):
            raise DamagedRecords(f"the checksum of record {number} does not fit")
        yield record
        number += 1


def _length(header: bytes, number: int) -> int:
    """How long record `number` is; see `read_records` for what is raised."""
    if len(header) < _HEADER.size:
        raise DamagedRecords(f"record {number} is cut short")
    length: int = _HEADER.unpack(header)[0]
    if header != _header(length) or length > _MAX_RECORD_BYTES:
        raise DamagedRecords(f"the checksum of the length of record {number} does not fit")
    return length


def _beginnings(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Byte and number of every record; only their lengths are read."""
    offset, number = 0, 1
    while header := stream.read(_HEADER.size):
        yield offset, number
        offset += _HEADER.size + _length(header, number) + _CRC.size
        number += 1
        stream.seek(offset)


class TFRecordFile(Cuttable):
    """A file of serialized tf.Examples; see `raw_batch.Source`. Which columns there are only reading it tells."""

    names: tuple[str, ...] | None = None
    values_are_text = False

    def __init__(self, path: str, batch_records: int = BATCH_RECORDS) -> None:
        """Looks for a first record.

        Raises:
          BadData: the file is empty or no TFRecord file.
        """
        self.path = path
        self._batch_records = batch_records
        if next(self._records(), None) is None:
            raise BadData(f"{path}: the file holds no records. Take it out of the input or fill it.")

    def parts(self, part_bytes: int) -> Sequence[tuple[Source, int]]:
        """Stretches of whole records."""
        size = cuttable_bytes(self.path)
        if size is None or size <= part_bytes:
            return [(self, file_bytes(self.path))]
        with self._opened() as stream:
            found = list(stretches(_beginnings(stream), size, part_bytes))
        return [(self.part(stretch), stretch.end - stretch.begin) for stretch in found]

    def batches(self) -> Iterator[RawBatch]:
        """All records in the order of the file; every column is a list, and values are taken as they are."""
        pending: list[bytes] = []
        first, size = self.stretch.first, 0
        for record in self._records():
            pending.append(record)
            size += len(record)
            if len(pending) >= self._batch_records or size >= BATCH_BYTES:
                yield self._decode(pending, first)
                first, pending, size = first + len(pending), [], 0
        if pending:
            yield self._decode(pending, first)

    def _records(self) -> Iterator[bytes]:
        with self._opened() as stream:
            if self.stretch.begin:
                stream.seek(self.stretch.begin)
            yield from read_records(stream, self.stretch.end, self.stretch.first)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with open_bytes(self.path) as stream:
                yield stream
        except DamagedRecords as error:
            raise BadData(
                f"{self.path}: the TFRecord file is damaged, cut short or no TFRecord file ({error}). "
                "Copy it again, or take it out of the input."
            ) from error

    def _decode(self, records: list[bytes], first: int) -> RawBatch:
        bad = {} if _decoded(records) is not None else {i: r for i, r in enumerate(records) if _decoded([r]) is None}
        kept = [i for i in range(len(records)) if i not in bad]
        batch = _decoded([records[i] for i in kept])
        if batch is None:
            raise BadData(
                f"{self.path}: records {first} to {first + len(records) - 1} hold values of different types under one "
                "feature name. Write the file anew with one type per feature."
            )
        arrays = {name: columns.canonical(batch.column(name), name, self.path) for name in batch.schema.names}
        return RawBatch(
            file=self.path,
            unit="record",
            columns=arrays,
            rows=len(kept),
            bad=[
                BadRow(self.path, "record", first + i, None, "the record is no tf.Example", repr(raw))
                for i, raw in bad.items()
            ],
            locate=lambda index: (first + kept[index], repr(records[kept[index]])),
        )


def _decoded(records: list[bytes]) -> pa.RecordBatch | None:
    """The records as columns, or None if tfx_bsl's decoder refuses any of them."""
    from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

    try:
        return ExamplesToRecordBatchDecoder(None).DecodeBatch(records)
    except RuntimeError:  # the only class that the decoder raises
        return None
