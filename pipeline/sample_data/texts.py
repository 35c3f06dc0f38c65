"""Headlines and bodies that give an opinion away, built from numbered words for a whole block of rows at once."""

import functools
import math
import statistics

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sample_data.randomness import TABLE_SIZE, Ints, Stream, Uint16s, lookup_table
from pipeline.sample_data.vocabulary import vocabulary

MAX_WORDS = 5347
"""The longest body in the book's data."""

OPINION_SHARE = 0.12
"""Share of a text's words that tell the opinion, besides the one that every text has."""

OPINION_WITHIN = 16
"""Every text has such a word among its first 17, or a model that cuts texts short would not see it."""

# A log-normal with the book's 80th percentile of 63 words and mean of 51.7: exp(mu + 0.8416 sigma) = 63 and
# exp(mu + sigma^2 / 2) = 51.7. Its median is 19 words, and one body in 30,000 reaches MAX_WORDS.
_LOG_MEAN, _LOG_DEVIATION = 2.964, 1.401
_MAX_HEADLINE_WORDS = 6


@functools.cache
def body_word_counts() -> Uint16s:
    """Uint16 [TABLE_SIZE], as in the book: 51.7 words in the mean, 80 % have at most 63, none more than 5347."""
    normal = statistics.NormalDist(_LOG_MEAN, _LOG_DEVIATION)
    quantiles = (math.exp(normal.inv_cdf((index + 0.5) / TABLE_SIZE)) for index in range(TABLE_SIZE))
    counts = [min(max(round(words), 1), MAX_WORDS) for words in quantiles]
    return np.array(counts, dtype=np.uint16)


@functools.cache
def headline_word_counts() -> Uint16s:
    """Uint16 [TABLE_SIZE], 1 to 6 words, each equally likely."""
    counts = np.arange(1, _MAX_HEADLINE_WORDS + 1, dtype=np.uint16)
    return lookup_table(counts, np.full(len(counts), 1 / len(counts)))


def write_texts(opinions: Ints, word_counts: Uint16s, replacements: Uint16s, stream: Stream) -> pa.StringArray:
    """One text for each row, words separated by single spaces; never empty.

    Args:
      opinions: 0 to 4, int64 [n].
      word_counts: how long texts are, uint16 [TABLE_SIZE], all at least 1.
      replacements: the number of the word that stands for each word (`Vocabulary.replacements`).
      stream: where the words come from.
    """
    counts = word_counts[stream.uint16s(len(opinions))].astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    numbers = _draw_words(opinions, counts, offsets, stream)
    words = vocabulary().words.take(pa.array(replacements[numbers]))
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words)
    return pc.binary_join(lists, " ")


def _draw_words(opinions: Ints, counts: Ints, offsets: Ints, stream: Stream) -> Uint16s:
    """Word numbers of all texts one after the other, uint16 [sum of counts]."""
    known, starts, total = vocabulary(), offsets[:-1], int(offsets[-1])
    draws = stream.uint16s(total)
    numbers = known.fillers[draws]
    numbers[starts] = known.openers[draws[starts]]
    tells = _tells_opinion(counts, starts, total, stream)
    opinion_of_word = np.repeat(opinions, counts)[tells]
    numbers[tells] = known.opinions[opinion_of_word, draws[tells]]
    return numbers


def _tells_opinion(counts: Ints, starts: Ints, total: int, stream: Stream) -> Ints:
    """Positions of the words that tell the opinion, at least one in each text; the first only if it is all there is."""
    is_telling = stream.uint16s(total) < round(OPINION_SHARE * TABLE_SIZE)
    is_telling[starts] = False
    choices = np.clip(counts - 1, 1, OPINION_WITHIN)
    is_telling[starts + np.where(counts > 1, 1 + stream.uint16s(len(counts)) % choices, 0)] = True
    return np.flatnonzero(is_telling)
