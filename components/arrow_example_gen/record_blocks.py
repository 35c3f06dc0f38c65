"""A delimited file's bytes cut into blocks of whole records, with the line each record begins on.

pyarrow's CSV reader is fast but cannot say on which line a row stands once values hold line breaks, and it glues
the rest of a file to a quote that never closes. So records are cut here, with the same rules as its parser (arrow's
cpp/src/arrow/csv/parser.cc): a quote opens only at the beginning of a field, "" within quotes is a quote, after the
closing quote the field goes on unquoted, and outside quotes \\n, \\r\\n and \\r each end a record.
"""

import dataclasses
import re
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 4 << 20
MAX_RECORD_BYTES = 32 << 20
_NEWLINE, _RETURN, _QUOTE = b"\n"[0], b"\r"[0], b'"'[0]


@dataclasses.dataclass(frozen=True)
class RecordBlock:
    """Whole records of a file.

    Attributes:
      data: the bytes.
      ends: int64 [n_records], where each record ends in `data`, its line break included.
      breaks: int64 [n_lines], where each line ends in `data`; records may span several lines.
      first_line: the line, from 1, that `data` begins on.
      offset: where `data` begins in the file, in bytes.
    """

    data: bytes
    ends: npt.NDArray[np.int64]
    breaks: npt.NDArray[np.int64]
    first_line: int
    offset: int

    def record(self, index: int) -> bytes:
        """The bytes of one record, line break included."""
        return self.data[self._start(index) : int(self.ends[index])]

    def line(self, index: int) -> int:
        """The line, from 1, that a record begins on."""
        return self.first_line + int(np.searchsorted(self.breaks, self._start(index)))

    def _start(self, index: int) -> int:
        return int(self.ends[index - 1]) if index else 0

    def filled(self) -> npt.NDArray[np.int64]:
        """Indexes of the records that are not blank lines."""
        starts = np.concatenate(([0], self.ends[:-1]))
        short = np.flatnonzero(self.ends - starts <= 2)
        blank = [i for i in short if not self.record(int(i)).strip(b"\r\n")]
        return np.delete(np.arange(len(self.ends)), blank)


class EndlessRecord(ValueError):
    """A record does not end: a quote that is never closed, or a line beyond any sensible length.

    Attributes:
      line: the line, from 1, on which the record begins.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"The record that begins on line {line} does not end.")


def read_blocks(
    stream: BinaryIO,
    *,
    delimiter: str,
    quoted: bool,
    block_bytes: int = BLOCK_BYTES,
    end: int = sys.maxsize,
    first_line: int = 1,
) -> Iterator[RecordBlock]:
    """The stream, from where it stands, as blocks of whole records; of memory a few blocks, or the longest record.

    Args:
      end: where to stop, in bytes of the stream; a record ends there.
      first_line: the line on which the stream stands.

    Raises:
      EndlessRecord: an unclosed quote swallows the rest of the file, or a record exceeds `MAX_RECORD_BYTES`.
    """
    rest, line, offset = b"", first_line, stream.tell()
    while True:
        chunk = stream.read(min(block_bytes, end - offset - len(rest)))
        data = rest + chunk
        breaks = line_breaks(data, at_end=not chunk)
        ends = record_ends(data, breaks, delimiter=delimiter, quoted=quoted, at_end=not chunk)
        size = int(ends[-1]) if len(ends) else 0
        if size:
            breaks = breaks[: np.searchsorted(breaks, size)]
            yield RecordBlock(data[:size], ends, breaks, line, offset)
            line += len(breaks)
            offset += size
        rest = data[size:]
        if (not chunk and rest) or len(rest) > MAX_RECORD_BYTES:
            raise EndlessRecord(line)
        if not chunk:
            return


def record_ends(
    data: bytes, breaks: npt.NDArray[np.int64], *, delimiter: str, quoted: bool, at_end: bool
) -> npt.NDArray[np.int64]:
    """Where the whole records in `data` end, int64 [n_records]; `data` begins with a record.

    Args:
      breaks: `line_breaks(data)`.
      at_end: True if nothing follows, so that the last record may lack a line break.
    """
    if quoted and b'"' in data:
        characters = np.frombuffer(data, dtype=np.uint8)
        quotes = np.flatnonzero(characters == _QUOTE)
        if not _quotes_stand_at_fields(characters, quotes, delimiter):
            return _scan_record_ends(data, delimiter=delimiter, at_end=at_end)
        breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        open_at_end = len(quotes) % 2 == 1
    else:
        open_at_end = False
    ends = breaks + 1
    if at_end and data and not open_at_end and (not len(ends) or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    return ends.astype(np.int64)


def line_breaks(data: bytes, *, at_end: bool) -> npt.NDArray[np.int64]:
    """Positions of the last byte of every line break, int64 [n_lines]: of \\n, \\r\\n, and \\r by itself."""
    characters = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero(characters == _NEWLINE)
    if b"\r" not in data:
        return breaks
    returns = np.flatnonzero(characters == _RETURN)
    if returns[-1] == len(data) - 1:
        # A \r at the very end may be half of a \r\n whose other half has not been read.
        breaks, returns = (np.append(breaks, returns[-1]) if at_end else breaks), returns[:-1]
    lone = returns[characters[returns + 1] != _NEWLINE]
    return np.sort(np.concatenate((breaks, lone))) if len(lone) else breaks


def _quotes_stand_at_fields(characters: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: str) -> bool:
    """True if every opening quote begins a field (or is half of a doubled one), so that counting quotes is enough."""
    opening = quotes[0::2]
    before = characters[np.maximum(opening - 1, 0)]
    at_field = (opening == 0) | (before == ord(delimiter)) | (before == _NEWLINE) | (before == _RETURN)
    doubled = np.zeros(len(opening), dtype=bool)
    doubled[1:] = opening[1:] - quotes[1::2][: len(opening) - 1] == 1
    return bool(np.all(at_field | doubled))


def _scan_record_ends(data: bytes, *, delimiter: str, at_end: bool) -> npt.NDArray[np.int64]:
    """`record_ends`, field by field; slower by far, right for quotes in the middle of values."""
    mark = re.escape(delimiter).encode()
    field = re.compile(
        rb'(?:"[^"]*+(?:""[^"]*+)*+"[^%b\r\n]*+|(?!")[^%b\r\n]*+)(%b|\r\n|\n|\r|\Z)' % (mark, mark, mark)
    )
    ends, position = [], 0
    while position < len(data):
        match = field.match(data, position)
        if match is None:  # a quote that is not closed in `data`
            break
        position, end = match.end(), match.group(1)
        if position == len(data) and end in (b"", b"\r", delimiter.encode()):
            if at_end:
                ends.append(position)
            break
        if end != delimiter.encode():
            ends.append(position)
    return np.array(ends, dtype=np.int64)
