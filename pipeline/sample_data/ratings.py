"""Where stars come from, and the best accuracy that follows.

    category ──> opinion (1 to 5) ──> text          every text holds words that only its opinion uses
        └────────────┴──────────────> star_rating   the opinion, with noise (and the bias, if asked for)

The text of every row tells its opinion without doubt: each headline and each body holds at least one such word, and
no row lacks both. All other columns follow from category, opinion and chance, never from the stars. So whoever reads a
row knows category and opinion and nothing more about the stars, and nobody can do better than the likeliest number of
stars for each pair:

    best accuracy = sum over category, opinion of max over stars P(category, opinion, stars)

This is exact, not a bound. It holds for rows of customers whose other reviews were not trained on: see
`reviews.COPIED_SHARE` for what the others give away.
"""

import dataclasses

import numpy as np

from pipeline.sample_data.options import CATEGORIES, BiasOptions, DriftOptions, ReviewsOptions
from pipeline.sample_data.randomness import Floats

N_STARS = 5

CATEGORY_SHARES = (0.42, 0.30, 0.22, 0.06)
"""In the order of `CATEGORIES`."""

OPINIONS_BY_CATEGORY = (
    (0.05, 0.02, 0.04, 0.12, 0.77),
    (0.14, 0.06, 0.09, 0.19, 0.52),
    (0.22, 0.10, 0.10, 0.18, 0.40),
    (0.12, 0.08, 0.12, 0.22, 0.46),
)
"""P(opinion | category): most reviews are very good, and bad ones are mostly very bad."""

STARS_BY_OPINION = (
    (0.90, 0.07, 0.02, 0.00, 0.01),
    (0.08, 0.82, 0.08, 0.02, 0.00),
    (0.02, 0.08, 0.80, 0.08, 0.02),
    (0.00, 0.02, 0.07, 0.82, 0.09),
    (0.01, 0.00, 0.01, 0.05, 0.93),
)
"""P(stars | opinion): neighbours are confused most; a few mistake one star for the best mark."""


@dataclasses.dataclass(frozen=True)
class RatingModel:
    """The distributions that rows are drawn from.

    Attributes:
      category: P(category), float64 [categories].
      opinion: P(opinion | category), float64 [categories, 5].
      stars: P(stars | category, opinion), float64 [categories, 5, 5].
    """

    category: Floats
    opinion: Floats
    stars: Floats

    def joint(self) -> Floats:
        """P(category, opinion, stars), float64 [categories, 5, 5]."""
        return np.asarray(self.category[:, None, None] * self.opinion[:, :, None] * self.stars)


def rating_model(options: ReviewsOptions) -> RatingModel:
    """The distributions under these options."""
    return RatingModel(_categories(options.drift), _opinions(options.drift), _stars(options.bias))


def best_accuracy(options: ReviewsOptions) -> float:
    """Accuracy that nobody exceeds on new customers' rows in the long run, 0 to 1; exact (see the module)."""
    return float(rating_model(options).joint().max(axis=2).sum())


def majority_accuracy(options: ReviewsOptions) -> float:
    """Accuracy of always answering the most frequent number of stars, 0 to 1; exact."""
    return float(rating_model(options).joint().sum(axis=(0, 1)).max())


def _categories(drift: DriftOptions) -> Floats:
    shares = np.array(CATEGORY_SHARES)
    return np.asarray((1 - drift.category_mix) * shares + drift.category_mix * shares[::-1])


def _opinions(drift: DriftOptions) -> Floats:
    opinions = np.array(OPINIONS_BY_CATEGORY)
    return np.asarray((1 - drift.label) * opinions + drift.label * opinions[:, ::-1])


def _stars(bias: BiasOptions) -> Floats:
    stars = np.array([STARS_BY_OPINION] * len(CATEGORIES))
    if bias.category is not None:
        fair = stars[CATEGORIES.index(bias.category)].copy()
        stars[CATEGORIES.index(bias.category)] = (1 - bias.strength) * fair + bias.strength * _one_star_less(fair)
    return stars


def _one_star_less(stars: Floats) -> Floats:
    """P(stars) [..., 5] after everyone gave one star less; one star stays one star."""
    lowered = np.zeros_like(stars)
    lowered[..., :-1] = stars[..., 1:]
    lowered[..., 0] += stars[..., 0]
    return lowered
