"""The stated accuracies against two second sources: exact fractions, and a classifier that only sees rows."""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.sample_data import ratings
from pipeline.sample_data.options import CATEGORIES, BiasOptions, DriftOptions, ReviewsOptions
from pipeline.sample_data.ratings import best_accuracy, majority_accuracy, rating_model
from pipeline.sample_data.reviews import generate_reviews
from pipeline.sample_data.vocabulary import vocabulary
from pipeline.sample_data.word_lists import OPINION_WORDS

OPTIONS = [
    ReviewsOptions(),
    ReviewsOptions(drift=DriftOptions(category_mix=0.5, vocabulary=0.5, label=0.3)),
    ReviewsOptions(bias=BiasOptions("Digital_Software", 0.4)),
    ReviewsOptions(drift=DriftOptions(label=1), bias=BiasOptions("Gift Card", 1)),
]


def joint_fractions(options: ReviewsOptions) -> dict[tuple[int, int, int], Fraction]:
    """P(category, opinion, stars) from the published tables, person by person, without numpy."""

    def exact(value: float) -> Fraction:
        return Fraction(str(value))

    def mix(strength: float, here: float, there: float) -> Fraction:
        return (1 - exact(strength)) * exact(here) + exact(strength) * exact(there)

    joint: dict[tuple[int, int, int], Fraction] = defaultdict(Fraction)
    for category, opinion, stars in product(range(4), range(5), range(1, 6)):
        shares, opinions = ratings.CATEGORY_SHARES, ratings.OPINIONS_BY_CATEGORY[category]
        share = mix(options.drift.category_mix, shares[category], shares[3 - category])
        share *= mix(options.drift.label, opinions[opinion], opinions[4 - opinion])
        share *= exact(ratings.STARS_BY_OPINION[opinion][stars - 1])
        is_biased = CATEGORIES[category] == options.bias.category
        lowered = exact(options.bias.strength) if is_biased else Fraction(0)
        joint[category, opinion, max(stars - 1, 1)] += share * lowered
        joint[category, opinion, stars] += share * (1 - lowered)
    return joint


def rows_by_knowledge(options: ReviewsOptions) -> dict[tuple[str, int], Counter[int]]:
    """How often each number of stars was given, for each category and opinion that can be read from a row."""
    known = vocabulary()
    meaning = {word: opinion for opinion, words in enumerate(OPINION_WORDS) for word in words}
    words = known.words.to_pylist()
    meaning |= {words[known.size + words.index(word)]: opinion for word, opinion in meaning.items()}
    counts: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
    for batch in generate_reviews(options):
        names = ("product_category", "star_rating", "review_headline", "review_body")
        for category, stars, headline, body in zip(*(batch[name].to_pylist() for name in names), strict=True):
            for text in filter(None, (headline, body)):
                opinions = {meaning[word] for word in text.split(" ") if word in meaning}
                assert len(opinions) == 1, text
            counts[category, opinions.pop()][stars] += 1
    return counts


@pytest.mark.parametrize("options", OPTIONS)
def test_the_stated_accuracies_are_exact(options: ReviewsOptions) -> None:
    joint = joint_fractions(options)
    assert sum(joint.values()) == 1
    best = sum(max(joint[c, o, s] for s in range(1, 6)) for c, o in product(range(4), range(5)))
    majority = max(sum(joint[c, o, s] for c, o in product(range(4), range(5))) for s in range(1, 6))
    assert best_accuracy(options) == pytest.approx(float(best), abs=1e-12)
    assert majority_accuracy(options) == pytest.approx(float(majority), abs=1e-12)


@pytest.mark.parametrize("options", OPTIONS[1:3])
def test_a_classifier_that_has_seen_enough_rows_reaches_the_best_accuracy_and_not_more(options: ReviewsOptions) -> None:
    def with_seed(seed: int) -> ReviewsOptions:
        return ReviewsOptions(rows=30_000, seed=seed, drift=options.drift, bias=options.bias)

    answers = {known: counts.most_common(1)[0][0] for known, counts in rows_by_knowledge(with_seed(1)).items()}
    evaluated = rows_by_knowledge(with_seed(2))
    right = sum(counts[answers[known]] for known, counts in evaluated.items())
    accuracy, best = right / 30_000, best_accuracy(options)
    # Four standard errors; copied rows make each count for a little more than one.
    assert accuracy == pytest.approx(best, abs=4.3 * (best * (1 - best) / 30_000) ** 0.5)


def test_the_sample_leaves_room_between_the_majority_and_the_best() -> None:
    assert 0.85 <= best_accuracy(ReviewsOptions()) <= 0.92
    assert 0.5 <= majority_accuracy(ReviewsOptions()) <= 0.6


def test_a_full_bias_takes_one_star_from_everyone_in_its_category_and_from_nobody_else() -> None:
    fair = rating_model(ReviewsOptions()).stars
    biased = rating_model(ReviewsOptions(bias=BiasOptions("Gift Card", 1))).stars
    assert biased[1:].tolist() == fair[1:].tolist()
    # From (0.01, 0.00, 0.01, 0.05, 0.93): both of the lowest meet at one star.
    assert biased[0, 4] == pytest.approx([0.01, 0.01, 0.05, 0.93, 0])
    assert biased[0, 0] == pytest.approx([0.97, 0.02, 0, 0.01, 0])


def test_drift_moves_only_what_it_is_named_after() -> None:
    reference = rating_model(ReviewsOptions())
    mix = rating_model(ReviewsOptions(drift=DriftOptions(category_mix=1)))
    assert mix.category == pytest.approx([0.06, 0.22, 0.30, 0.42])
    assert mix.opinion.tolist() == reference.opinion.tolist()
    label = rating_model(ReviewsOptions(drift=DriftOptions(label=1)))
    assert label.opinion[0] == pytest.approx([0.77, 0.12, 0.04, 0.02, 0.05])
    assert label.category.tolist() == reference.category.tolist()
    assert label.stars.tolist() == reference.stars.tolist()


def test_no_other_column_tells_the_stars_of_rows_with_equal_opinion() -> None:
    table = pa.Table.from_batches(generate_reviews(ReviewsOptions(rows=60_000, seed=5)))
    best_words = "(^| )(" + "|".join(OPINION_WORDS[4]) + ")( |$)"
    text = pc.coalesce(table["review_headline"], table["review_body"])
    happy = table.filter(pc.match_substring_regex(text, best_words))
    is_five = pc.equal(happy["star_rating"], 5).to_numpy()
    clues = {
        "product_category": pc.equal(happy["product_category"], "Gift Card"),
        "verified_purchase": pc.equal(happy["verified_purchase"], "Y"),
        "total_votes": pc.greater(pc.fill_null(happy["total_votes"], 0), 0),
        "review_date": pc.less(pc.fill_null(happy["review_date"], ""), "2014-01-01"),
        "review_body": pc.less(pc.utf8_length(pc.fill_null(happy["review_body"], "")), 100),
        "product_parent": pc.less(happy["product_parent"], 500_000_000),
        "missing title": pc.is_null(happy["product_title"]),
    }
    for name, clue in clues.items():
        chosen = clue.to_numpy()
        error = (0.93 * 0.07 * (1 / chosen.sum() + 1 / (~chosen).sum())) ** 0.5
        assert abs(is_five[chosen].mean() - is_five[~chosen].mean()) < 4.3 * error, name
    assert is_five.mean() == pytest.approx(0.93, abs=4.3 * (0.93 * 0.07 / len(is_five)) ** 0.5)
    assert np.all(happy["star_rating"].to_numpy() != 2), "P(two stars | best opinion) is 0"
