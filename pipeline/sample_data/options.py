"""What can be asked of the generator; every mistake is reported at once."""

import dataclasses
import datetime
import difflib

from pipeline.errors import ConfigError

CATEGORIES = ("Gift Card", "Digital_Video_Games", "Digital_Software", "Mobile_Apps")
"""The book's three categories, by falling share, and a rare one."""

MAX_ROWS = 2**32
"""A review's id is made of 32 bits of row and 32 bits of seed."""


class InvalidOptions(ConfigError, ValueError):
    """The generator was asked for something that it cannot do; `problems` lists every reason."""


@dataclasses.dataclass(frozen=True)
class DriftOptions:
    """How far the rows have moved from the reference rows; each strength is 0 (not at all) to 1 (as far as it goes).

    Attributes:
      category_mix: towards the shares of the categories in reverse order; stars and texts within a category stay.
      vocabulary: share of the words that are replaced by words the reference rows never use. A word that is
        replaced at one strength is replaced at every greater one.
      label: towards the reverse of each category's distribution of stars (many good reviews become many bad ones);
        how texts speak of a given opinion stays.
    """

    category_mix: float = 0.0
    vocabulary: float = 0.0
    label: float = 0.0


@dataclasses.dataclass(frozen=True)
class BiasOptions:
    """A category that is rated lower for equal text.

    Attributes:
      category: one of `CATEGORIES`, None for no bias.
      strength: share (0 to 1) of its reviews that carry one star less than they would in another category; reviews
        with one star keep it.
    """

    category: str | None = None
    strength: float = 0.0


@dataclasses.dataclass(frozen=True)
class ReviewsOptions:
    """Which reviews to make; equal options make equal rows, on any machine.

    Attributes:
      rows: good rows, 1 to 2**32.
      seed: 0 to 2**32 - 1; two seeds never share a review_id.
      drift: how far the rows have moved from the reference rows.
      bias: which category is rated lower for equal text.
      broken_rows: rows that cannot be parsed, put between the good ones; TSV and CSV only.
      start_date: first day on which reviews were written.
      days: how many days the reviews span.

    Raises:
      InvalidOptions: a value is out of range, in one message with every other problem.
    """

    rows: int = 20_000
    seed: int = 42
    drift: DriftOptions = dataclasses.field(default_factory=DriftOptions)
    bias: BiasOptions = dataclasses.field(default_factory=BiasOptions)
    broken_rows: int = 0
    start_date: datetime.date = datetime.date(2013, 1, 1)
    days: int = 730

    def __post_init__(self) -> None:
        """Raises: InvalidOptions."""
        problems = [*self._range_problems(), *self._strength_problems(), *self._bias_problems()]
        if problems:
            raise InvalidOptions(problems)

    def _range_problems(self) -> list[str]:
        last_days = (datetime.date.max - self.start_date).days + 1
        limits = {
            "rows": (self.rows, 1, MAX_ROWS),
            "seed": (self.seed, 0, 2**32 - 1),
            "broken rows": (self.broken_rows, 0, self.rows if self.rows > 0 else MAX_ROWS),
            "days": (self.days, 1, last_days),
        }
        return [
            f"{name} is {value}; give a whole number from {low} to {high}."
            for name, (value, low, high) in limits.items()
            if not low <= value <= high
        ]

    def _strength_problems(self) -> list[str]:
        strengths = {f"drift {name}": value for name, value in dataclasses.asdict(self.drift).items()}
        strengths["bias strength"] = self.bias.strength
        return [
            f"{name} is {value}; give a strength from 0 (none) to 1 (as far as it goes)."
            for name, value in strengths.items()
            if not 0 <= value <= 1
        ]

    def _bias_problems(self) -> list[str]:
        category, choices = self.bias.category, ", ".join(map(repr, CATEGORIES))
        if category is None and self.bias.strength > 0:
            return [f"bias has strength {self.bias.strength} and no category; name one of {choices}."]
        if category is None or category in CATEGORIES:
            return []
        near = difflib.get_close_matches(category, CATEGORIES, n=1, cutoff=0.4)
        return [
            f"bias category {category!r} is unknown; choose from {choices}."
            + (f" Did you mean {near[0]!r}?" if near else "")
        ]
