"""Random numbers that stay the same: one stream for each (seed, block of rows, purpose).

Only `SeedSequence` and the raw output of a bit generator are used, because those are what numpy promises never to
change (NEP 19); its distributions may change with any version. Everything else here is exact in IEEE arithmetic.
A stream for each purpose keeps the other columns as they are when an option changes one of them.
"""

import enum

import numpy as np
import numpy.typing as npt

Uint16s = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TABLE_SIZE = 2**16
"""Entries of a lookup table, one for each value of 16 random bits."""


class Purpose(enum.IntEnum):
    """What a stream is for; the numbers are part of the data, so append and never renumber."""

    CATEGORY = 0
    OPINION = 1
    STARS = 2
    CUSTOMER = 3
    PRODUCT = 4
    COPIES = 5
    BODY = 6
    HEADLINE = 7
    VOTES = 8
    HELPFUL = 9
    VINE = 10
    VERIFIED = 11
    DATE = 12
    MISSING_TEXT = 13
    MISSING_OTHER = 14


class Stream:
    """Random numbers for one purpose in one block of rows; each call continues where the last one stopped."""

    def __init__(self, seed: int, block: int, purpose: Purpose) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block, int(purpose))))

    def uniforms(self, size: int) -> Floats:
        """Float64 [size] in [0, 1), multiples of 2**-53."""
        return np.asarray((self._raw(size) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)

    def uint16s(self, size: int) -> Uint16s:
        """Uint16 [size], every value equally likely."""
        return self._raw(-(-size // 4)).astype("<u8", copy=False).view("<u2")[:size]

    def _raw(self, size: int) -> npt.NDArray[np.uint64]:
        return np.asarray(self._bits.random_raw(size), dtype=np.uint64)


def choose(uniforms: Floats, probabilities: Floats) -> Ints:
    """Indexes 0 to k-1, int64 [n], by inverting the distribution of each row.

    Args:
      uniforms: [n] in [0, 1).
      probabilities: [k] for all rows, or [n, k]; each distribution sums to 1.
    """
    # The last bound is left out, so that rounding in the sum cannot lead past the last index.
    bounds = np.cumsum(probabilities, axis=-1)[..., :-1]
    return np.asarray((uniforms[:, np.newaxis] >= bounds).sum(axis=-1), dtype=np.int64)


def zipf_probabilities(count: int, offset: float) -> Floats:
    """Float64 [count], proportional to 1 / (rank + offset) with ranks from 1 (Zipf-Mandelbrot with exponent 1)."""
    weights = 1.0 / (np.arange(1, count + 1) + offset)
    return np.asarray(weights / np.cumsum(weights)[-1])


def lookup_table(values: npt.NDArray[np.uint16], probabilities: Floats) -> Uint16s:
    """Uint16 [TABLE_SIZE] in which each value stands as often as its probability says, to the nearest entry."""
    ends = np.rint(np.cumsum(probabilities) * TABLE_SIZE).astype(np.int64)
    ends[-1] = TABLE_SIZE
    return np.repeat(values, np.diff(ends, prepend=0))


def scramble(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Uint64 that look random; different numbers stay different (the finaliser of SplitMix64 is a bijection).

    Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
    """
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
