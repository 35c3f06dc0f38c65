"""Percentile intervals of bias metrics by resampling rows. NumPy only.

Drawing rows with replacement draws the counts from a multinomial distribution: that is exact, and costs the same for
any number of rows.
"""

import dataclasses
import zlib

import numpy as np

from components.bias_evaluator.counts import Floats

_MOST_UNDEFINED = 0.05
"""Share of samples without a value (0/0) from which on there is no interval."""


@dataclasses.dataclass(frozen=True)
class Resampling:
    """How samples are drawn.

    Attributes:
      replicates: number of samples.
      confidence: of the intervals, above 0 and below 1.
      seed: equal seeds and counts give equal intervals.
    """

    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 0

    def samples(self, counts: Floats, name: str) -> Floats:
        """Counts of resampled rows, float64 [replicates, *counts.shape]; streams of different names are independent."""
        rows = int(counts.sum())
        if rows == 0:
            return np.zeros((self.replicates, *counts.shape))
        generator = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        drawn = generator.multinomial(rows, (counts / rows).reshape(-1), size=self.replicates)
        return drawn.reshape(self.replicates, *counts.shape).astype(np.float64)

    def interval(self, value: float, sampled: Floats) -> tuple[float, float] | None:
        """The middle `confidence` of the samples, widened to hold the value; ends may be infinite.

        Distances are never negative, so samples of a distance of 0 all lie above it: hence the widening.

        Args:
          value: of the rows themselves.
          sampled: of each sample, float64 [replicates].

        Returns:
          None where the value, or more than a few samples, are undefined.
        """
        known = np.sort(sampled[~np.isnan(sampled)])
        if np.isnan(value) or len(known) < (1 - _MOST_UNDEFINED) * len(sampled) or not len(known):
            return None
        tail = (1 - self.confidence) / 2
        low = known[int(np.floor(tail * (len(known) - 1)))]
        high = known[int(np.ceil((1 - tail) * (len(known) - 1)))]
        return min(float(low), value), max(float(high), value)
