"""Counts rows that cannot be used, batch by batch, while the types of other columns are still open."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.bad_rows import BadRowTally
from components.arrow_example_gen.judge import LABEL_MISSING, JudgedBatch, judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.raw_batch import RawBatch
from models.tabular_text.features import DType


class RowCheck:
    """Judges rows by the types that are known before reading, and keeps count.

    Attributes:
      rows: rows so far, good and bad.
      bad: of these, rows that cannot be used.
    """

    def __init__(self, options: ReadOptions, corrections: Mapping[str, DType | None]) -> None:
        """Starts at zero.

        Args:
          options: how rows are judged.
          corrections: what an earlier reading found out about types; see `ReadOptions.known_types`.
        """
        self.rows = 0
        self.bad = BadRowTally()
        self._options = options
        self._corrections = corrections
        types = options.known_types(corrections)
        if options.label is not None and options.label_is_categorical is False and options.label not in corrections:
            types.setdefault(options.label, DType.FLOAT32)
        self._types = types
        # Rows whose label is a word such as NA: bad if the label turns out to be a number, which is known at the end.
        self._bad_if_number = BadRowTally()
        self._fits: set[str] = set()
        self._misfits: set[str] = set()

    def add(self, batch: RawBatch, *, values_are_text: bool) -> dict[str, pa.Array]:
        """Counts the rows of a batch; returns the columns of the good ones [rows] as they stand in the file."""
        judged = judge(batch, {name: d for name, d in self._types.items() if name in batch.columns}, self._options)
        self.rows += batch.rows + len(batch.bad)
        self.bad.add(judged.bad)
        self._fits |= judged.fits
        self._misfits |= judged.misfits
        good = {
            name: array if judged.kept is None else array.take(judged.kept) for name, array in batch.columns.items()
        }
        if values_are_text and self._options.label in good and self._options.label not in self._types:
            self._note_words_for_missing(batch, judged, self._options.label, good[self._options.label])
        return good

    def _note_words_for_missing(self, batch: RawBatch, judged: JudgedBatch, label: str, values: pa.Array) -> None:
        words = pc.is_in(values, value_set=pa.array(self._options.number_null_values, pa.string()))
        for index in pc.indices_nonzero(words).to_pylist():
            at = index if judged.kept is None else judged.kept[index].as_py()
            self._bad_if_number.add([batch.bad_row(at, label, LABEL_MISSING)])

    def merge(self, later: "RowCheck") -> None:
        """Takes in what another has counted of the rows behind."""
        self.rows += later.rows
        self.bad.merge(later.bad)
        self._bad_if_number.merge(later._bad_if_number)
        self._fits |= later._fits
        self._misfits |= later._misfits

    def settle_label(self, dtype: DType) -> None:
        """Counts the rows that are bad by the type which the label turned out to have."""
        if dtype is not DType.STRING:
            self.bad.merge(self._bad_if_number)

    def changed(self) -> frozenset[str]:
        """Columns that hold values, and not one of the type which the schema has for them."""
        if self._options.planned_rows is not None:
            return frozenset()
        misfits = self._misfits - self._fits - set(self._corrections)
        return frozenset(name for name in misfits if self._options.is_expected(name))

    def refusals(self, *, complete: bool = True) -> list[str]:
        """Why the bad rows are too many, if they are; `complete` is False if there are more rows than were seen."""
        bad, rows, options = self.bad.count, self.rows, self._options
        if not bad:
            return []
        if options.on_bad_rows == "fail":
            advice = "Mend them, declare other `column_types`, or set `on_bad_rows: quarantine` to set them aside."
        elif complete and bad > options.max_bad_fraction * rows:
            advice = f"That is {bad / rows:.2%}, and `max_bad_fraction` allows {options.max_bad_fraction:.2%}."
        elif bad == rows:
            advice = "No row is left."
        else:
            return []
        if any(map(options.is_expected, self._misfits)):
            advice += _advice_on_types(options)
        seen = f"{bad} of {rows} rows" if complete else f"{bad} of the first {rows} rows"
        return ["\n".join((f"{seen} cannot be used. {advice}", *self.bad.lines()))]


def _advice_on_types(options: ReadOptions) -> str:
    """What to do about expected types, as a sentence that starts with a space."""
    if options.planned_rows is None:
        return " A type that is called the schema's stands in schema.path: if the data is right, change it there."
    return (
        " A type that was planned is a guess from the first rows: if the data is right, declare it in "
        "data.column_types, or raise features.profile_rows."
    )
