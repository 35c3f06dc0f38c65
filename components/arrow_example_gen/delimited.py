"""CSV and TSV files as batches of text columns."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from components.arrow_example_gen.bad_rows import BadRow, shown
from components.arrow_example_gen.raw_batch import Cuttable, RawBatch, Source, stretches
from components.arrow_example_gen.record_blocks import BLOCK_BYTES, EndlessRecord, RecordBlock, read_blocks
from components.arrow_example_gen.source_files import cuttable_bytes, file_bytes, open_bytes
from components.arrow_example_gen.text import NOT_UTF8, decodable, one_chunk
from components.errors import BadData

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_HEADER_BLOCK_BYTES = 1 << 16
_BLOCKS_A_PART = 4  # at least: a part ends with a block, and is larger than was asked for by less than one
_OTHER_SEPARATORS = {";": "';'", "|": "'|'", "\t": "tabs"}  # and what a message calls them
_BadCells = dict[int, tuple[str | None, str]]  # column (None: the whole row) and reason, by record


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How values are delimited: CSV is `Dialect(",", quoted=True)`, TSV is `Dialect("\\t", quoted=False)`."""

    delimiter: str
    quoted: bool


CSV = Dialect(",", quoted=True)
TSV = Dialect("\t", quoted=False)


class DelimitedFile(Cuttable):
    """A CSV or TSV file; see `raw_batch.Source`."""

    values_are_text = True

    def __init__(self, path: str, dialect: Dialect, block_bytes: int = BLOCK_BYTES) -> None:
        """Reads the header.

        Raises:
          BadData: the file is empty, holds only a header, or the header is unusable.
        """
        self.path = path
        self._dialect = dialect
        self._block_bytes = block_bytes
        self.names: tuple[str, ...] | None = self._header()

    def parts(self, part_bytes: int) -> Sequence[tuple[Source, int]]:
        """Stretches that begin with a record, found by cutting all records, which is quick beside parsing them.

        Only from the start can one know which line breaks stand within quotes.
        """
        size = cuttable_bytes(self.path)
        if size is None or size <= part_bytes:
            return [(self, file_bytes(self.path))]
        found = stretches(self._beginnings(part_bytes // _BLOCKS_A_PART or 1), size, part_bytes)
        return [(self.part(stretch), stretch.end - stretch.begin) for stretch in found]

    def _beginnings(self, block_bytes: int) -> Iterator[tuple[int, int]]:
        """Byte and line of every block behind the one with the header."""
        header_is_due = True
        for block in self._blocks(min(self._block_bytes, block_bytes)):
            if not header_is_due:
                yield block.offset, block.first_line
            header_is_due = header_is_due and not len(block.filled())

    def batches(self) -> Iterator[RawBatch]:
        """All rows but the header; a block of the file makes a batch."""
        header_is_due = self.stretch.begin == 0
        for block in self._blocks(self._block_bytes):
            records = block.filled()
            offset = 0
            if header_is_due and len(records):
                offset, records, header_is_due = int(block.ends[records[0]]), records[1:], False
            if len(records):
                yield self._parse(block, block.data[offset:], records)

    def _blocks(self, block_bytes: int) -> Iterator[RecordBlock]:
        with open_bytes(self.path) as stream:
            if self.stretch.begin:
                stream.seek(self.stretch.begin)
            else:
                _skip_bom(self.path, stream)
            try:
                yield from read_blocks(
                    stream,
                    delimiter=self._dialect.delimiter,
                    quoted=self._dialect.quoted,
                    block_bytes=block_bytes,
                    end=self.stretch.end,
                    first_line=self.stretch.first,
                )
            except EndlessRecord as error:
                cause = "a quote is opened and never closed" if self._dialect.quoted else "there is no end of line"
                raise BadData(
                    f"{self.path}, line {error.line}: the row that begins here does not end: {cause}. "
                    "The rest of the file cannot be told into rows; repair the file there."
                ) from error

    def _header(self) -> tuple[str, ...]:
        names: tuple[str, ...] | None = None
        for block in self._blocks(_HEADER_BLOCK_BYTES):
            records = block.filled()
            if names is None and len(records):
                names = self._column_names(block.record(int(records[0])))
                records = records[1:]
            if len(records):
                return names or ()
        if names is None:
            raise BadData(f"{self.path}: the file is empty. Expected a header line and rows; take it out or fill it.")
        raise BadData(f"{self.path}: the file holds a header and no rows. Take it out of the input or fill it.")

    def _column_names(self, header: bytes) -> tuple[str, ...]:
        if not decodable(header) or b"\0" in header:
            raise BadData(f"{self.path}, line 1: the header is not UTF-8 text. Save the file as UTF-8.")
        read = pa_csv.ReadOptions(autogenerate_column_names=True, use_threads=False)
        at_most = [f"f{i}" for i in range(header.count(self._dialect.delimiter.encode()) + 1)]
        convert = _as_strings(at_most)
        row = pa_csv.read_csv(pa.BufferReader(header), read, self._parse_options(), convert).to_pylist()[0]
        names = tuple(row.values())
        _check_names(self.path, names)
        return names

    def _parse_options(self, invalid_rows: list[pa_csv.InvalidRow] | None = None) -> pa_csv.ParseOptions:
        def collect(row: pa_csv.InvalidRow) -> str:
            if invalid_rows is not None:
                invalid_rows.append(row)
            return "skip"

        return pa_csv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char='"' if self._dialect.quoted else False,
            double_quote=self._dialect.quoted,
            newlines_in_values=self._dialect.quoted,
            invalid_row_handler=collect,
        )

    def _parse(self, block: RecordBlock, data: bytes, records: npt.NDArray[np.int64]) -> RawBatch:
        """A batch of the block's records."""
        undecodable: _BadCells = {}
        if not decodable(data):
            flawed = [int(i) for i in records if not decodable(block.record(int(i)))]
            undecodable = self._undecodable(block, flawed)
            records = np.setdiff1d(records, flawed)
            data = b"".join(block.record(int(i)) for i in records)
        table, misfits = self._read(data, records)
        bad = undecodable | misfits
        kept = np.setdiff1d(records, list(misfits))
        return RawBatch(
            file=self.path,
            unit="line",
            columns={name: one_chunk(table.column(name)) for name in table.column_names},
            rows=len(kept),
            bad=[
                BadRow(self.path, "line", block.line(i), column, reason, _raw(block, i))
                for i, (column, reason) in sorted(bad.items())
            ],
            locate=lambda index: (block.line(int(kept[index])), _raw(block, int(kept[index]))),
        )

    def _read(
        self, data: bytes, records: Sequence[int] | npt.NDArray[np.int64], encoding: str = "utf8"
    ) -> tuple[pa.Table, _BadCells]:
        """The records that have a value per column, as text, and what is wrong with the others, by record."""
        assert self.names is not None
        if not len(records):
            return pa.table({name: pa.array([], pa.string()) for name in self.names}), {}
        invalid: list[pa_csv.InvalidRow] = []
        read = pa_csv.ReadOptions(
            column_names=self.names, use_threads=False, block_size=2 * len(data) + 1, encoding=encoding
        )
        convert = _as_strings(self.names)
        table = pa_csv.read_csv(pa.BufferReader(data), read, self._parse_options(invalid), convert)
        if table.num_rows + len(invalid) != len(records):
            raise RuntimeError(
                f"{self.path}: {len(records)} rows were cut from a block and {table.num_rows} + {len(invalid)} parsed. "
                "This is a defect of the reader: keep the file and report it."
            )
        hint = f".{separator_hint(self.names)}".rstrip(".")
        misfits: _BadCells = {
            int(records[row.number - 1]): (
                None,
                f"expected {row.expected_columns} fields, saw {row.actual_columns}{hint}",
            )
            for row in invalid
        }
        return table, misfits

    def _undecodable(self, block: RecordBlock, flawed: Sequence[int]) -> _BadCells:
        """The first column that is not UTF-8 of each flawed record; read as Latin-1, which takes any byte."""
        table, misfits = self._read(b"".join(map(block.record, flawed)), flawed, encoding="latin1")
        rows = zip(sorted(set(flawed) - set(misfits)), table.to_pylist(), strict=True)
        return misfits | {
            index: (next(name for name, value in row.items() if not decodable(value.encode("latin1"))), NOT_UTF8)
            for index, row in rows
        }


def separator_hint(names: Collection[str]) -> str:
    """What the header of a file looks like that has one column, as a sentence that starts with a space; mostly empty.

    >>> separator_hint(["id;name;price"])
    " The file looks separated by ';': its one column is 'id;name;price'; only commas (csv) and tabs (tsv) are read."
    """
    only = next(iter(names)) if len(names) == 1 else ""
    mark = next((mark for mark in _OTHER_SEPARATORS if mark in only), None)
    if mark is None:
        return ""
    advice = "set data.format to tsv" if mark == "\t" else "only commas (csv) and tabs (tsv) are read"
    return f" The file looks separated by {_OTHER_SEPARATORS[mark]}: its one column is {shown(only)}; {advice}."


def _as_strings(names: Sequence[str]) -> pa_csv.ConvertOptions:
    return pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
    )


def _skip_bom(path: str, stream: BinaryIO) -> None:
    start = stream.read(3)
    if start[:2] in _UTF16_BOMS:
        raise BadData(f"{path}: the file is UTF-16. Save it as UTF-8.")
    if start != _BOM:
        stream.seek(0)


def _check_names(path: str, names: Sequence[str]) -> None:
    """Raises: BadData for columns without a name or with the same one."""
    problems = [f"column {number} has no name" for number, name in enumerate(names, 1) if not name]
    problems += [f"{name!r} names {count} columns" for name, count in Counter(names).items() if name and count > 1]
    if problems:
        raise BadData(f"{path}, line 1: {'; '.join(problems)}. Every column needs a name of its own: mend the header.")


def _raw(block: RecordBlock, index: int) -> str:
    return block.record(index).rstrip(b"\r\n").decode("utf-8", errors="backslashreplace")
