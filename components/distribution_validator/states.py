"""What is kept of a column: small states that take batches and join, in bounded memory. Pure.

Counts of values are exact up to a capacity. Beyond, the frequent ones are kept (Misra and Gries 1982, joined as in
Agarwal et al., Mergeable Summaries, 2012): a share is at most 1 / capacity too small, in whatever order states are
joined; what was given up is counted as `rest`. Numbers are kept as a uniform sample that depends on the batches, not
on their order.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from components.distribution_validator.distances import Floats

SAMPLE_SIZE = 5_000
"""Numbers kept of a column: two such samples of one distribution are seldom further apart than 0.033
(Kolmogorov-Smirnov, one in a hundred), a third of the default threshold."""


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

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        values = [_short(value) for value in self.values.tolist()]
        return {"count": self.count, "values": values, "draws": self.draws.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        values, draws = (np.asarray(data[key], np.float64) for key in ("values", "draws"))
        return cls(data["count"], values, draws)


def _short(value: float) -> float | int:
    """Whole numbers without a fraction: shorter to write."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
