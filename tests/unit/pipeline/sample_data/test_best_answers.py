import numpy as np
import pyarrow as pa
import pytest

from pipeline.sample_data.best_answers import opinions_of, star_probabilities
from pipeline.sample_data.options import BiasOptions, DriftOptions, ReviewsOptions
from pipeline.sample_data.ratings import best_accuracy
from pipeline.sample_data.reviews import generate_reviews


@pytest.mark.parametrize(
    "options",
    [
        ReviewsOptions(rows=8000, seed=7),
        ReviewsOptions(rows=8000, seed=8, drift=DriftOptions(vocabulary=0.7, label=0.4)),
        ReviewsOptions(rows=8000, seed=9, bias=BiasOptions("Digital_Software", 0.6)),
    ],
)
def test_the_best_answers_are_as_often_right_as_the_generator_promises(options):
    hits = np.concatenate(
        [
            star_probabilities(batch, options).argmax(axis=1) + 1 == batch["star_rating"].to_numpy()
            for batch in generate_reviews(options)
        ]
    )
    error = np.sqrt(0.25 / len(hits))
    assert hits.mean() == pytest.approx(best_accuracy(options), abs=4 * error)


def test_probabilities_are_those_of_the_stars_given_the_opinion():
    options = ReviewsOptions(rows=8000)
    (batch,) = generate_reviews(options)
    opinions, stars = opinions_of(batch), batch["star_rating"].to_numpy()
    expected = star_probabilities(batch, options)
    for opinion in range(5):
        rows = opinions == opinion
        shares = np.bincount(stars[rows] - 1, minlength=5) / rows.sum()
        np.testing.assert_allclose(expected[rows][0], shares, atol=4 * np.sqrt(0.25 / rows.sum()))


def test_rows_of_somebody_else_are_refused():
    rows = pa.RecordBatch.from_pydict({"review_headline": ["zzz"], "review_body": [None]})
    with pytest.raises(ValueError, match="not of this generator"):
        opinions_of(rows)
