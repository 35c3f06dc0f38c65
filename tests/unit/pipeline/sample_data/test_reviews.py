import datetime
import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.sample_data.options import CATEGORIES, BiasOptions, DriftOptions, ReviewsOptions
from pipeline.sample_data.reviews import (
    BLOCK_ROWS,
    COPIED_SHARE,
    MISSING_SHARES,
    SCHEMA,
    generate_block,
    generate_reviews,
)
from pipeline.sample_data.write import delimited_lines

ROWS = 40_000


def table_of(options: ReviewsOptions) -> pa.Table:
    return pa.Table.from_batches(generate_reviews(options), SCHEMA)


@pytest.fixture(scope="module")
def reviews() -> pa.Table:
    return table_of(ReviewsOptions(rows=ROWS, seed=11))


def within(share: float, expected: float, rows: int) -> bool:
    """True within five standard errors; copied rows make the draws a little dependent."""
    return abs(share - expected) < 5 * (expected * (1 - expected) / rows) ** 0.5


def test_columns_are_the_books_in_the_books_order(reviews: pa.Table) -> None:
    assert " ".join(reviews.column_names) == (
        "marketplace customer_id review_id product_id product_parent product_title product_category star_rating "
        "helpful_votes total_votes vine verified_purchase review_headline review_body review_date"
    )
    integers = {"product_parent", "star_rating", "helpful_votes", "total_votes"}
    assert {field.name for field in reviews.schema if field.type == pa.int64()} == integers
    assert {field.name for field in reviews.schema if field.type == pa.string()} == {*reviews.column_names} - integers


@pytest.mark.parametrize("rows", [1, 5, BLOCK_ROWS, BLOCK_ROWS + 1])
def test_as_many_rows_as_asked_for_with_unique_ids(rows: int) -> None:
    made = table_of(ReviewsOptions(rows=rows))
    assert made.num_rows == rows
    assert len(made["review_id"].unique()) == rows
    made.validate(full=True)


def test_a_block_is_the_same_whether_or_not_others_are_made() -> None:
    options = ReviewsOptions(rows=2 * BLOCK_ROWS + 10)
    blocks = list(generate_reviews(options))
    for index in (2, 0, 1):
        assert generate_block(options, index).equals(blocks[index])


@pytest.mark.parametrize("index", [-1, 1])
def test_there_is_no_block_beyond_the_rows(index: int) -> None:
    with pytest.raises(IndexError, match="of 100 rows"):
        generate_block(ReviewsOptions(rows=100), index)


def test_seeds_make_different_reviews_of_the_same_products() -> None:
    first, second = (table_of(ReviewsOptions(rows=2000, seed=seed)) for seed in (1, 2))
    assert not first["review_body"].equals(second["review_body"])
    assert not set(first["review_id"].to_pylist()) & set(second["review_id"].to_pylist())
    assert len(set(first["product_id"].to_pylist()) & set(second["product_id"].to_pylist())) > 100


def test_the_same_options_make_the_same_rows_on_every_machine() -> None:
    # A pinned fingerprint: it changes only when the generator is changed on purpose, and then for every user.
    options = ReviewsOptions(rows=1000, drift=DriftOptions(0.2, 0.2, 0.2), bias=BiasOptions("Gift Card", 0.2))
    lines = "".join(delimited_lines(generate_block(options, 0), "\t").to_pylist())
    assert hashlib.sha256(lines.encode()).hexdigest() == (
        "a84daeeca5b8aa0871d0e9f0df8ac9e92bad343f43085e744bb963c1c9af3c1b"
    )


def test_values_are_missing_at_the_stated_rates_and_never_both_texts(reviews: pa.Table) -> None:
    for name in reviews.column_names:
        expected = MISSING_SHARES.get(name, 0.0)
        share = reviews[name].null_count / ROWS
        assert share == 0 if expected == 0 else within(share, expected, ROWS), name
    no_headline, no_body = (pc.is_null(reviews[name]) for name in ("review_headline", "review_body"))
    assert not pc.any(pc.and_(no_headline, no_body)).as_py()
    assert pc.is_null(reviews["helpful_votes"]).equals(pc.is_null(reviews["total_votes"]))


def test_categories_have_their_unequal_shares(reviews: pa.Table) -> None:
    for category, expected in zip(CATEGORIES, (0.42, 0.30, 0.22, 0.06), strict=True):
        share = pc.mean(pc.equal(reviews["product_category"], category)).as_py()
        assert within(share, expected, ROWS), category


def test_stars_are_mostly_five_and_rarely_two(reviews: pa.Table) -> None:
    counts = np.bincount(reviews["star_rating"].to_numpy(), minlength=6)
    assert counts[0] == 0
    assert counts.argmax() == 5
    assert counts[1:].argmin() == 1


def test_customers_write_several_reviews_the_busiest_many(reviews: pa.Table) -> None:
    counts = np.array([item["counts"].as_py() for item in reviews["customer_id"].value_counts()])
    assert 3 < counts.mean() < 6
    # P(number < 1) = sqrt(1 / 10,000): about 400 of 40,000 rows.
    assert counts.max() == pytest.approx(400, rel=0.25)
    assert counts[counts > 1].sum() / ROWS > 0.9


def test_some_reviews_are_repeated_by_their_customer_with_their_stars(reviews: pa.Table) -> None:
    long = reviews.filter(pc.greater(pc.count_substring(pc.fill_null(reviews["review_body"], ""), " "), 10))
    by_body = long.group_by("review_body").aggregate(
        [("customer_id", "count_distinct"), ("star_rating", "count_distinct"), ("review_id", "count")]
    )
    repeated = by_body.filter(pc.greater(by_body["review_id_count"], 1))
    assert set(repeated["customer_id_count_distinct"].to_pylist()) == {1}
    assert set(repeated["star_rating_count_distinct"].to_pylist()) == {1}
    copies = pc.sum(repeated["review_id_count"]).as_py() - repeated.num_rows
    # A copy of a copied row has no twin, nor does a pair that lost one body: a few per cent less than all copies.
    assert 0.85 * COPIED_SHARE < copies / long.num_rows < 1.1 * COPIED_SHARE


def test_products_agree_with_their_category_and_title(reviews: pa.Table) -> None:
    titled = reviews.filter(pc.is_valid(reviews["product_title"]))
    for name in ("product_category", "product_title", "product_parent"):
        counts = titled.group_by("product_id").aggregate([(name, "count_distinct")])
        assert set(counts[f"{name}_count_distinct"].to_pylist()) == {1}, name


def test_helpful_votes_are_among_all_votes(reviews: pa.Table) -> None:
    voted = reviews.filter(pc.is_valid(reviews["total_votes"]))
    helpful, total = (voted[name].to_numpy() for name in ("helpful_votes", "total_votes"))
    assert np.all((helpful >= 0) & (helpful <= total))
    # P(total >= k) = 1 / (k + 1)
    assert within(float(np.mean(total >= 1)), 1 / 2, len(total))
    assert within(float(np.mean(total >= 9)), 1 / 10, len(total))


def test_badges_are_yes_or_no_and_a_given_product_is_no_purchase(reviews: pa.Table) -> None:
    vine, verified = reviews["vine"], reviews["verified_purchase"]
    assert set(vine.unique().to_pylist()) == set(verified.unique().to_pylist()) == {"Y", "N"}
    assert not pc.any(pc.and_(pc.equal(vine, "Y"), pc.equal(verified, "Y"))).as_py()
    assert within(pc.mean(pc.equal(vine, "Y")).as_py(), 0.01, ROWS)


def test_dates_are_real_and_within_the_span() -> None:
    made = table_of(ReviewsOptions(rows=5000, start_date=datetime.date(2016, 2, 28), days=3))
    assert set(made["review_date"].to_pylist()) == {None, "2016-02-28", "2016-02-29", "2016-03-01"}


def test_texts_hold_unicode_and_quotes_and_never_tabs_or_line_breaks(reviews: pa.Table) -> None:
    for name in ("product_title", "review_headline", "review_body"):
        assert not pc.any(pc.match_substring_regex(reviews[name], "[\t\r\n]")).as_py()
        assert not pc.any(pc.equal(reviews[name], "")).as_py(), "missing is the one way to be empty"
    for hard in ('"', "é", "ゲーム", "😍"):
        assert pc.any(pc.match_substring(reviews["review_body"], hard)).as_py(), hard


@pytest.mark.parametrize(
    ("options", "may_change"),
    [
        (ReviewsOptions(drift=DriftOptions(vocabulary=0.5)), {"review_headline", "review_body"}),
        (ReviewsOptions(bias=BiasOptions("Gift Card", 0.5)), {"star_rating"}),
        (ReviewsOptions(broken_rows=5), set()),
    ],
)
def test_a_knob_changes_no_other_column(options: ReviewsOptions, may_change: set[str]) -> None:
    before, after = generate_block(ReviewsOptions(), 0), generate_block(options, 0)
    assert {name for name in SCHEMA.names if not before[name].equals(after[name])} == may_change


def test_a_bias_lowers_its_share_of_its_category_by_one_star() -> None:
    before, after = (
        table_of(ReviewsOptions(rows=ROWS, bias=BiasOptions("Gift Card", strength))) for strength in (0.0, 0.5)
    )
    is_biased = pc.equal(before["product_category"], "Gift Card").to_numpy()
    fall = before["star_rating"].to_numpy() - after["star_rating"].to_numpy()
    assert np.all(fall[~is_biased] == 0)
    assert set(fall[is_biased].tolist()) == {0, 1}
    above_one = before["star_rating"].to_numpy() > 1
    assert within(float(fall[is_biased & above_one].mean()), 0.5, int((is_biased & above_one).sum()))
