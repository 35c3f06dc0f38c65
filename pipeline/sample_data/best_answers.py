"""What somebody who knows how the rows were made would answer: the true probabilities of stars, without training."""

import functools
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sample_data.options import CATEGORIES, ReviewsOptions
from pipeline.sample_data.randomness import Floats
from pipeline.sample_data.ratings import rating_model
from pipeline.sample_data.vocabulary import vocabulary


def star_probabilities(reviews: pa.RecordBatch, options: ReviewsOptions) -> Floats:
    """P(stars | category, opinion) of each row, float64 [rows, 5]; the likeliest star is the best answer.

    Args:
      reviews: rows as `generate_reviews` makes them, with headline, body and category.
      options: by which they were made.

    Raises:
      ValueError: a text holds no word that tells an opinion.
    """
    categories = [CATEGORIES.index(name) for name in reviews["product_category"].to_pylist()]
    return np.asarray(rating_model(options).stars[categories, opinions_of(reviews)])


def opinions_of(reviews: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Each row's opinion, 0 (worst) to 4: some word of its texts is only ever used with it."""
    texts = zip(reviews["review_headline"].to_pylist(), reviews["review_body"].to_pylist(), strict=True)
    return np.array([_opinion(text for text in both if text) for both in texts], np.int64)


def _opinion(texts: Iterable[str]) -> int:
    known = _telling_words()
    for text in texts:
        for word in text.split(" "):
            if word in known:
                return known[word]
    raise ValueError("A review holds no word that tells an opinion: it is not of this generator.")


@functools.cache
def _telling_words() -> Mapping[str, int]:
    """The words that only one opinion uses, drifted ones included."""
    found = vocabulary()
    words = found.words.to_pylist()
    return {
        words[int(number) + shift]: opinion
        for opinion, table in enumerate(found.opinions)
        for number in np.unique(table)
        for shift in (0, found.size)
    }
