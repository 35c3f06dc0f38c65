"""The first pass: every row judged, every type settled, every reason to refuse found before a byte is written."""

import copy
import dataclasses
import difflib
import functools
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen import columns
from components.arrow_example_gen.delimited import separator_hint
from components.arrow_example_gen.inference import ColumnEvidence, infinite_columns
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.raw_batch import RawBatch
from components.arrow_example_gen.row_check import RowCheck
from components.arrow_example_gen.shares import IN_THIS_PROCESS, Share, Workers
from components.arrow_example_gen.telling import RowTeller
from components.errors import BadData
from models.tabular_text.features import DType

MIN_LABEL_VALUES = 2


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the first pass found.

    Attributes:
      dtypes: the type of every column, in the order of the first file.
      rows_in: rows of all files, good and bad.
      rows_bad: of these, rows that cannot be used.
    """

    dtypes: Mapping[str, DType]
    rows_in: int
    rows_bad: int


def survey(
    shares: Sequence[Share], options: ReadOptions, split_by: str | None, workers: Workers = IN_THIS_PROCESS
) -> Survey:
    """Reads all rows once and settles the types; again if a column holds no value of the schema's type, or infinity.

    Raises:
      BadData: a named column is not there, the label has a single value or is missing, a column has several types,
        or there are more bad rows than allowed.
    """
    known = {name for share in shares for source in share.sources for name in source.names or ()}
    if known:
        check_columns(known, options, split_by)
    state = _read(shares, options, split_by, {}, workers)
    if not known:
        check_columns(state.evidence, options, split_by)
    corrections: dict[str, DType | None] = {}
    while found := state.corrections():
        # What was said of such a column's rows does not count: judge them anew, by its real type.
        corrections |= found
        state = _read(shares, options, split_by, corrections, workers)
    return state.result()


def _read(
    shares: Sequence[Share],
    options: ReadOptions,
    split_by: str | None,
    corrections: Mapping[str, DType | None],
    workers: Workers,
) -> "_SurveyState":
    """What all shares show, those of other workers put together in the order of the rows."""
    rows = RowTeller("first pass, settles the types")
    read = functools.partial(_read_share, _SurveyState(options, split_by, corrections))
    state = functools.reduce(_SurveyState.merged, workers.each(read, workers.to_survey(shares), rows.add))
    rows.end()
    return state


def _read_share(empty: "_SurveyState", share: Share, tell: Callable[[int], None]) -> "_SurveyState":
    state = copy.deepcopy(empty)
    for source in share.sources:
        for batch in source.batches():
            state.add(batch, values_are_text=source.values_are_text)
            tell(batch.rows + len(batch.bad))
    return state


def check_columns(known: Mapping[str, object] | set[str], options: ReadOptions, split_by: str | None) -> None:
    """Raises: BadData if the label, the split column or a typed column is not among the columns; all in one message."""
    wanted = {"label column": [options.label], "column to split by": [split_by], "typed column": options.column_types}
    problems = []
    for role, names in wanted.items():
        for name in names:
            if name is not None and name not in known:
                near = difflib.get_close_matches(name, known, n=3)
                hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"There are {_listed(known)}."
                problems.append(f"The {role} {name!r} is not in the data. {hint}{separator_hint(known)}")
    if problems:
        raise BadData("\n".join(problems))


def _listed(names: Mapping[str, object] | set[str], limit: int = 30) -> str:
    shown = sorted(names)[:limit]
    return ", ".join(map(repr, shown)) + (" and more" if len(names) > limit else "")


class _SurveyState:
    """Running evidence of the first pass."""

    def __init__(self, options: ReadOptions, split_by: str | None, corrections: Mapping[str, DType | None]) -> None:
        self.check = RowCheck(options, corrections)
        self._options = options
        self._single_valued = [name for name in (options.label, split_by) if name is not None]
        self._known_types = options.known_types(corrections)
        self.evidence: dict[str, ColumnEvidence] = {}
        self._conflicts_matter = False
        self._label_values: set[str] = set()

    def add(self, batch: RawBatch, *, values_are_text: bool) -> None:
        """Judges a batch and takes in the values of its good rows, as they stand in the file."""
        self._conflicts_matter = not values_are_text
        for name, good in self.check.add(batch, values_are_text=values_are_text).items():
            evidence = self.evidence.setdefault(name, ColumnEvidence(self._options))
            evidence.observe(good, is_text=values_are_text)
            if name in self._single_valued and pa.types.is_list(columns.single_values(good).type):
                raise BadData(f"{batch.file}: column {name!r} holds several values in a row; it has to hold one.")
            if name == self._options.label:
                self._note_label(columns.single_values(good))

    def _note_label(self, values: pa.Array) -> None:
        if len(self._label_values) < MIN_LABEL_VALUES:
            distinct = pc.unique(columns.canonical_text(values).drop_null())
            self._label_values.update(map(str, distinct.slice(0, MIN_LABEL_VALUES + 10).to_pylist()))

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self.check.rows

    def merged(self, later: "_SurveyState") -> "_SurveyState":
        """This one, with what another has seen of the rows behind."""
        self.check.merge(later.check)
        for name, evidence in later.evidence.items():
            self.evidence.setdefault(name, ColumnEvidence(self._options)).merge(evidence)
        self._conflicts_matter = self._conflicts_matter or later._conflicts_matter
        self._label_values |= later._label_values
        return self

    def corrections(self) -> dict[str, DType | None]:
        """Types that have to be other than they were taken to be; see `ReadOptions.known_types`."""
        return {**dict.fromkeys(self.check.changed()), **infinite_columns(self.evidence, self._known_types)}

    def result(self) -> Survey:
        """The settled types and counts; see `survey` for what is raised."""
        inferred = {name: evidence.dtype for name, evidence in self.evidence.items()}
        dtypes = inferred | {name: d for name, d in self._known_types.items() if name in inferred}
        label, check = self._options.label, self.check
        if label is not None:
            check.settle_label(dtypes[label])
            if dtypes[label] is not DType.STRING:
                self._label_values -= set(self._options.number_null_values)
        problems = self._conflicts(dtypes) + check.refusals()
        if not problems and label is not None and len(self._label_values) < MIN_LABEL_VALUES:
            problems = [
                f"The label {label!r} has the same value {next(iter(self._label_values))!r} in all "
                f"{check.rows - check.bad.count} rows; there is nothing to learn. Check the label or the input."
            ]
        if problems:
            raise BadData("\n".join(problems))
        return Survey(dtypes, check.rows, check.bad.count)

    def _conflicts(self, dtypes: Mapping[str, DType]) -> list[str]:
        if not self._conflicts_matter:
            return []
        # A planned type is a guess; the user's word settles what the values are, and so does the schema's.
        settled = self._known_types if self._options.planned_rows is None else self._options.column_types
        return [
            f"Column {name!r} holds {evidence.conflict} values in different places. Make them one type, or declare it "
            "in the input's `column_types`."
            for name, evidence in self.evidence.items()
            if evidence.conflict and name not in settled and name in dtypes
        ]
