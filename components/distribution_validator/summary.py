"""What is kept of a table to compare it with others: small states that take batches and join, in bounded memory.

Counts of values are exact up to a capacity. Beyond, the frequent ones are kept (Misra and Gries 1982, joined as in
Agarwal et al., Mergeable Summaries, 2012): a share is at most 1 / capacity too small, in whatever order states are
joined; what was given up is counted as `rest`. Numbers are kept as a uniform sample that depends on the batches, not
on their order. No row and no text can be read back from a summary of text: words are counted on their own.
"""

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import column_of
from components.distribution_validator.columns import ComparedColumn, Kind

FORMAT = 1
"""Of `TableSummary.to_json`; a reader of another number says so."""

VALUES_KEPT = 10_000
WORDS_KEPT = 20_000
SAMPLE_SIZE = 5_000
"""Numbers kept of a column: two such samples of one distribution are seldom further apart than 0.033
(Kolmogorov-Smirnov, one in a hundred), a third of the default threshold."""

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass
class ValueCounts:
    """How often each value occurs.

    Attributes:
      capacity: values kept at most, once joined.
      counts: by value; too small by at most `rest` / (capacity + 1) each.
      rest: occurrences that are in no count.
    """

    capacity: int
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    rest: int = 0

    @property
    def total(self) -> int:
        """All occurrences."""
        return sum(self.counts.values()) + self.rest

    def add(self, counts: Mapping[str, int]) -> None:
        """Takes what was counted in other rows."""
        for value, count in counts.items():
            self.counts[value] = self.counts.get(value, 0) + count
        # Given up in large steps, because each looks at every value.
        if len(self.counts) > 2 * self.capacity:
            self.cut()

    def join(self, other: Self) -> None:
        """Takes what another state counted."""
        self.rest += other.rest
        self.add(other.counts)

    def cut(self) -> None:
        """Leaves at most `capacity` values: the next largest count is taken off every one."""
        if len(self.counts) <= self.capacity:
            return
        before = sum(self.counts.values())
        off = sorted(self.counts.values(), reverse=True)[self.capacity]
        self.counts = {value: count - off for value, count in self.counts.items() if count > off}
        self.rest += before - sum(self.counts.values())

    def ordered(self) -> list[tuple[str, int]]:
        """Values and counts, the most frequent first."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))


@dataclasses.dataclass
class NumberSample:
    """A uniform sample of at most `SAMPLE_SIZE` numbers: each draws a random number, the smallest draws are kept.

    The draws come from the numbers of a batch, so that the same batches give the same sample in any order.
    """

    count: int = 0
    values: Floats = dataclasses.field(default_factory=lambda: np.empty(0))
    draws: Floats = dataclasses.field(default_factory=lambda: np.empty(0))

    def add(self, values: Floats) -> None:
        """Takes finite numbers, float64 [n]."""
        seed = int.from_bytes(hashlib.blake2b(values.tobytes(), digest_size=8).digest(), "little")
        # Nine digits are as good, and shorter to write.
        self._keep(values, np.round(np.random.default_rng(seed).random(len(values)), 9))
        self.count += len(values)

    def join(self, other: Self) -> None:
        """Takes what another sample holds."""
        self._keep(other.values, other.draws)
        self.count += other.count

    def _keep(self, values: Floats, draws: Floats) -> None:
        if len(self.values) == SAMPLE_SIZE:
            chosen = draws < self.draws[-1]
            values, draws = values[chosen], draws[chosen]
        values, draws = np.concatenate([self.values, values]), np.concatenate([self.draws, draws])
        order = np.lexsort((values, draws))[:SAMPLE_SIZE]
        self.values, self.draws = values[order], draws[order]


@dataclasses.dataclass
class ColumnSummary:
    """One column.

    Attributes:
      kind: how it is compared.
      rows: all rows.
      missing: rows without a (usable) value.
      counts: of `values` the rows by value, of `text` the texts by word that they hold.
      numbers: of `numbers` the numbers, of `dates` days since 1970, of `text` words a text.
    """

    kind: Kind
    rows: int = 0
    missing: int = 0
    counts: ValueCounts = dataclasses.field(default_factory=lambda: ValueCounts(0))
    numbers: NumberSample = dataclasses.field(default_factory=NumberSample)

    @classmethod
    def empty(cls, kind: Kind) -> Self:
        """Before any row."""
        return cls(kind, counts=ValueCounts(WORDS_KEPT if kind == "text" else VALUES_KEPT))

    @property
    def values(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    def add(self, column: pa.Array) -> None:
        """Takes a column of a batch; numbers that are not finite, and dates that are none, count as missing."""
        self.rows += len(column)
        self.missing += len(column) - self._add(pc.drop_null(column))

    def _add(self, present: pa.Array) -> int:
        """Takes the values that are there; returns how many could be used."""
        if self.kind == "values":
            self.counts.add(_value_counts(present.cast(pa.large_string())))
            return len(present)
        if self.kind == "text":
            words, lengths = split_words(present)
            self.counts.add(_texts_by_word(words, lengths))
            numbers = lengths.astype(np.float64)
        else:
            numbers = _days(present) if self.kind == "dates" else _finite(present)
        self.numbers.add(numbers)
        return len(numbers)

    def join(self, other: Self) -> None:
        """Takes what was found in other rows."""
        self.rows += other.rows
        self.missing += other.missing
        self.counts.join(other.counts)
        self.numbers.join(other.numbers)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        self.counts.cut()
        return {
            "kind": self.kind,
            "rows": self.rows,
            "missing": self.missing,
            "counts": [list(item) for item in self.counts.ordered()],
            "rest": self.counts.rest,
            "numbers": {
                "count": self.numbers.count,
                "values": [_short(value) for value in self.numbers.values.tolist()],
                "draws": self.numbers.draws.tolist(),
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        found = cls.empty(data["kind"])
        found.rows, found.missing = data["rows"], data["missing"]
        found.counts.counts, found.counts.rest = dict(data["counts"]), data["rest"]
        numbers = data["numbers"]
        values, draws = np.asarray(numbers["values"], np.float64), np.asarray(numbers["draws"], np.float64)
        found.numbers = NumberSample(numbers["count"], values, draws)
        return found


@dataclasses.dataclass
class TableSummary:
    """Every compared column of a table, by name."""

    rows: int
    columns: dict[str, ColumnSummary]

    @classmethod
    def empty(cls, columns: Sequence[ComparedColumn]) -> Self:
        """Before any row."""
        return cls(0, {column.name: ColumnSummary.empty(column.kind) for column in columns})

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch; a column that it lacks is missing in all of them."""
        self.rows += batch.num_rows
        for name, column in self.columns.items():
            column.add(column_of(batch, name))

    def join(self, other: Self) -> None:
        """Takes what was found in other rows, of the same columns."""
        self.rows += other.rows
        for name, column in other.columns.items():
            self.columns[name].join(column)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        columns = {name: column.to_json() for name, column in self.columns.items()}
        return {"format": FORMAT, "rows": self.rows, "columns": columns}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a distribution summary of format {data.get('format')!r}; this program reads {FORMAT}")
        return cls(data["rows"], {name: ColumnSummary.from_json(item) for name, item in data["columns"].items()})


def split_words(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The words of each text as the model splits them, one text after the other, and the number of words of each.

    Lower-case runs of letters, digits and apostrophes; symbols, and characters of scripts without spaces, are words of
    their own (models/tabular_text/preprocessing.py says the same in TensorFlow; a test compares the two).
    """
    texts = texts.cast(pa.large_string())
    plain = bool(pc.all(pc.string_is_ascii(texts)).as_py()) if len(texts) else True
    texts = pc.utf8_lower(texts)
    texts = pc.replace_substring_regex(texts, r"[^\p{L}\p{M}\p{N}\p{So}']+", " ")
    if not plain:
        texts = pc.replace_substring_regex(texts, r"([\p{So}\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])", r" \1 ")
    split = pc.split_pattern_regex(pc.utf8_trim_whitespace(texts), r" +")
    words = pc.list_flatten(split)
    lengths = pc.list_value_length(split).to_numpy(zero_copy_only=False).astype(np.int64)
    # A text without any word is split into one empty one.
    wordless = pc.equal(words, "").to_numpy(zero_copy_only=False)
    parents = np.repeat(np.arange(len(lengths)), lengths)
    return words.filter(pa.array(~wordless)), np.bincount(parents[~wordless], minlength=len(lengths))


def _texts_by_word(words: pa.Array, lengths: npt.NDArray[np.int64]) -> dict[str, int]:
    """In how many texts each word occurs."""
    encoded = words.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    parents = np.repeat(np.arange(len(lengths)), lengths)
    pairs = np.unique(parents * max(len(names), 1) + encoded.indices.to_numpy(zero_copy_only=False))
    counts = np.bincount(pairs % max(len(names), 1), minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def _value_counts(values: pa.Array) -> dict[str, int]:
    counts = pc.value_counts(values)
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def _finite(values: pa.Array) -> Floats:
    """The finite numbers; texts that are none are left out."""
    if _is_text(values):
        values = pa.array([_number(text) for text in values.to_pylist()], pa.float64())
    found: Floats = pc.drop_null(values.cast(pa.float64())).to_numpy(zero_copy_only=False)
    return np.asarray(found[np.isfinite(found)])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _days(values: pa.Array) -> Floats:
    """Days since 1970 of ISO 8601 dates; what is no date is left out."""
    texts = pc.utf8_slice_codeunits(values.cast(pa.large_string()), 0, 10)
    days = {text: _day(text) for text in pc.unique(texts).to_pylist()}
    found = np.array([days[text] for text in texts.to_pylist()], np.float64)
    return np.asarray(found[np.isfinite(found)])


def _day(text: str) -> float:
    try:
        return float((datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days)
    except ValueError:
        return np.nan


def _is_text(values: pa.Array) -> bool:
    return bool(pa.types.is_large_string(values.type) or pa.types.is_string(values.type))


def _short(value: float) -> float | int:
    """Whole numbers without a fraction: shorter to write."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
