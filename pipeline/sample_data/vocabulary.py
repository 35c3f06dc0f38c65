"""The generator's vocabulary: numbered words, how often each is drawn, and which ones drift replaces.

The vocabulary is the same for every seed, so that rows of different seeds come from one world.
"""

import dataclasses
import functools

import numpy as np
import pyarrow as pa

from pipeline.sample_data.randomness import Floats, Uint16s, lookup_table, zipf_probabilities
from pipeline.sample_data.word_lists import COMMON_WORDS, OPENERS, OPINION_WORDS

RARE_WORDS = 3500
"""Made-up words in the long tail, after the common ones."""

_ZIPF_OFFSET = 2.7
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeiouéü"]
# No consonant in common with `_SYLLABLES`, so that a replacement is never a made-up word of the reference rows.
_OTHER_SYLLABLES = [consonant + vowel for consonant in "chjqwxz" for vowel in "aeiouéü"]
# Has no divisor in common with either number of syllables (91 = 7 x 13, 49 = 7 x 7).
_STRIDE = 100_003
_GOLDEN_RATIO = 0.6180339887498949


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Words by number and tables to draw them from; a table holds a word as often as it shall be drawn.

    Attributes:
      words: string [2 * size]; word i + size replaces word i where the vocabulary has drifted.
      size: number of words before any drift.
      openers: uint16 [TABLE_SIZE], numbers of words that a text begins with.
      fillers: uint16 [TABLE_SIZE], numbers of words that say nothing about the opinion.
      opinions: uint16 [5, TABLE_SIZE], numbers of words that only this opinion uses.
    """

    words: pa.StringArray
    size: int
    openers: Uint16s
    fillers: Uint16s
    opinions: Uint16s

    def replacements(self, strength: float) -> Uint16s:
        """Uint16 [size], the number of the word that stands for each word at a drift strength of 0 to 1."""
        numbers = np.arange(self.size)
        return np.where(_turns(self.size) < strength, numbers + self.size, numbers).astype(np.uint16)


@functools.cache
def vocabulary() -> Vocabulary:
    """The one vocabulary."""
    fillers = COMMON_WORDS + made_up_words(RARE_WORDS, _SYLLABLES)
    groups = [OPENERS, fillers, *OPINION_WORDS]
    starts = np.cumsum([0, *map(len, groups)])
    tables = [_table(int(start), len(group)) for start, group in zip(starts, groups, strict=False)]
    size = int(starts[-1])
    words = [word for group in groups for word in group] + made_up_words(size, _OTHER_SYLLABLES)
    return Vocabulary(pa.array(words, pa.string()), size, tables[0], tables[1], np.stack(tables[2:]))


def made_up_words(count: int, syllables: list[str]) -> list[str]:
    """Different words of three syllables each, at most len(syllables) ** 3 of them."""
    base = len(syllables)
    numbers = (index * _STRIDE % base**3 for index in range(1, count + 1))
    return [syllables[n // base**2] + syllables[n // base % base] + syllables[n % base] for n in numbers]


def _table(first: int, count: int) -> Uint16s:
    numbers = np.arange(first, first + count, dtype=np.uint16)
    return lookup_table(numbers, zipf_probabilities(count, _ZIPF_OFFSET))


def _turns(size: int) -> Floats:
    """Float64 [size] in [0, 1): the strength from which on each word is replaced.

    Multiples of the golden ratio spread evenly, so about the same share of frequent and of rare words is replaced.
    """
    return np.asarray(np.arange(1, size + 1) * _GOLDEN_RATIO % 1.0)
