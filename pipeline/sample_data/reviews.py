"""The rows: 15 columns of product reviews, one block at a time."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sample_data.catalog import catalog, customer_ids, review_ids
from pipeline.sample_data.options import CATEGORIES, ReviewsOptions
from pipeline.sample_data.randomness import Floats, Ints, Purpose, Stream, choose
from pipeline.sample_data.ratings import rating_model
from pipeline.sample_data.texts import body_word_counts, headline_word_counts, write_texts
from pipeline.sample_data.vocabulary import vocabulary

BLOCK_ROWS = 8192
"""Rows that are made together; part of the data's definition, like the seed."""

SCHEMA = pa.schema(
    [
        pa.field("marketplace", pa.string()),
        pa.field("customer_id", pa.string()),
        pa.field("review_id", pa.string()),
        pa.field("product_id", pa.string()),
        pa.field("product_parent", pa.int64()),
        pa.field("product_title", pa.string()),
        pa.field("product_category", pa.string()),
        pa.field("star_rating", pa.int64()),
        pa.field("helpful_votes", pa.int64()),
        pa.field("total_votes", pa.int64()),
        pa.field("vine", pa.string()),
        pa.field("verified_purchase", pa.string()),
        pa.field("review_headline", pa.string()),
        pa.field("review_body", pa.string()),
        pa.field("review_date", pa.string()),
    ]
)
"""The book's columns in the book's order."""

MISSING_SHARES = {
    "product_title": 0.002,
    "helpful_votes": 0.005,
    "total_votes": 0.005,
    "review_headline": 0.01,
    "review_body": 0.02,
    "review_date": 0.005,
}
"""Share of rows without a value; both kinds of votes lack together, headline and body never do."""

REVIEWS_PER_CUSTOMER = 4
"""In the mean; the busiest of N customers writes about 2 sqrt(N) times as many as the last one."""

COPIED_SHARE = 0.03
"""Share of rows that repeat another review of the same customer, stars and all, on another product.

So a split by row, not by customer, lets a model see some evaluation rows, noise included, while it trains.
"""

MARKETPLACE = "US"
VINE_SHARE = 0.01
VERIFIED_SHARE = 0.85
MAX_VOTES = 5000


@dataclasses.dataclass(frozen=True)
class _Opinions:
    """Who thinks what of which kind of product, and what they wrote: arrays of the block's length."""

    categories: Ints
    opinions: Ints
    stars: Ints
    customers: Ints
    headlines: pa.StringArray
    bodies: pa.StringArray


def generate_reviews(options: ReviewsOptions) -> Iterator[pa.RecordBatch]:
    """The good rows as batches of `SCHEMA`, BLOCK_ROWS each and the rest; memory holds one batch."""
    for index in range(-(-options.rows // BLOCK_ROWS)):
        yield generate_block(options, index)


def generate_block(options: ReviewsOptions, index: int) -> pa.RecordBatch:
    """The rows from index * BLOCK_ROWS on, the same whether or not other blocks are made."""
    first = index * BLOCK_ROWS
    size = min(BLOCK_ROWS, options.rows - first)
    if index < 0 or size <= 0:
        raise IndexError(f"block {index} of {options.rows} rows in blocks of {BLOCK_ROWS}")
    streams = {purpose: Stream(options.seed, index, purpose) for purpose in Purpose}
    said = _opinions(options, size, streams)
    columns = (
        {"review_id": review_ids(options.seed, np.arange(first, first + size))}
        | _who_and_what(said)
        | _products(said.categories, streams[Purpose.PRODUCT])
        | _votes(said.opinions, streams)
        | _badges(size, streams)
        | {"review_date": _dates(options, size, streams[Purpose.DATE])}
    )
    _leave_out(columns, size, streams)
    return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _opinions(options: ReviewsOptions, size: int, streams: dict[Purpose, Stream]) -> _Opinions:
    model = rating_model(options)
    categories = choose(streams[Purpose.CATEGORY].uniforms(size), model.category)
    opinions = choose(streams[Purpose.OPINION].uniforms(size), model.opinion[categories])
    replacements = vocabulary().replacements(options.drift.vocabulary)
    source = _sources(size, streams[Purpose.COPIES])
    return _Opinions(
        categories=categories[source],
        opinions=opinions[source],
        stars=1 + choose(streams[Purpose.STARS].uniforms(size), model.stars[categories, opinions])[source],
        customers=_customers(options.rows, streams[Purpose.CUSTOMER].uniforms(size))[source],
        headlines=write_texts(opinions, headline_word_counts(), replacements, streams[Purpose.HEADLINE]).take(source),
        bodies=write_texts(opinions, body_word_counts(), replacements, streams[Purpose.BODY]).take(source),
    )


def _sources(size: int, stream: Stream) -> Ints:
    """For each row the row whose customer, text and stars it carries: itself, or any row of the block."""
    is_copy = stream.uniforms(size) < COPIED_SHARE
    others = (stream.uniforms(size) * size).astype(np.int64)
    return np.where(is_copy, others, np.arange(size))


def _customers(rows: int, uniforms: Floats) -> Ints:
    """Customers' numbers, int64 [n]; the density falls with the square root of the number."""
    n_customers = -(-rows // REVIEWS_PER_CUSTOMER)
    return (n_customers * uniforms * uniforms).astype(np.int64)


def _who_and_what(said: _Opinions) -> dict[str, pa.Array]:
    return {
        "marketplace": pa.repeat(MARKETPLACE, len(said.stars)),
        "customer_id": customer_ids(said.customers),
        "product_category": pa.array(CATEGORIES).take(pa.array(said.categories)),
        "star_rating": pa.array(said.stars),
        "review_headline": said.headlines,
        "review_body": said.bodies,
    }


def _products(categories: Ints, stream: Stream) -> dict[str, pa.Array]:
    known = catalog()
    chosen = pa.array(known.choose(categories, stream.uniforms(len(categories))))
    return {name: getattr(known, name).take(chosen) for name in ("product_id", "product_parent", "product_title")}


def _votes(opinions: Ints, streams: dict[Purpose, Stream]) -> dict[str, pa.Array]:
    """P(total >= k) = 1 / (k + 1); texts of a middling or better opinion are found helpful more often."""
    uniforms = streams[Purpose.VOTES].uniforms(len(opinions))
    total = np.minimum(1.0 / (1.0 - uniforms) - 1.0, MAX_VOTES).astype(np.int64)
    helped = streams[Purpose.HELPFUL].uniforms(len(opinions))
    shares = np.where(opinions >= 2, np.sqrt(helped), helped)
    helpful = np.minimum(((total + 1) * shares).astype(np.int64), total)
    return {"helpful_votes": pa.array(helpful), "total_votes": pa.array(total)}


def _badges(size: int, streams: dict[Purpose, Stream]) -> dict[str, pa.Array]:
    """Vine reviewers are given the product, so theirs is never a verified purchase."""
    is_vine = streams[Purpose.VINE].uniforms(size) < VINE_SHARE
    is_verified = (streams[Purpose.VERIFIED].uniforms(size) < VERIFIED_SHARE) & ~is_vine
    return {
        "vine": pc.if_else(pa.array(is_vine), "Y", "N"),
        "verified_purchase": pc.if_else(pa.array(is_verified), "Y", "N"),
    }


def _dates(options: ReviewsOptions, size: int, stream: Stream) -> pa.StringArray:
    """ISO 8601 dates; reviews become more frequent with time, as the shop grows."""
    days = (options.days * np.sqrt(stream.uniforms(size))).astype(np.int64)
    return pa.array(np.datetime64(options.start_date, "D") + days).cast(pa.string())


def _leave_out(columns: dict[str, pa.Array], size: int, streams: dict[Purpose, Stream]) -> None:
    """Takes values away from `columns` at the rates of `MISSING_SHARES`."""
    text = streams[Purpose.MISSING_TEXT].uniforms(size)
    # From the two ends of one draw, so that no row lacks both.
    _remove(columns, ["review_body"], text < MISSING_SHARES["review_body"])
    _remove(columns, ["review_headline"], text >= 1 - MISSING_SHARES["review_headline"])
    other = streams[Purpose.MISSING_OTHER]
    for names in (["helpful_votes", "total_votes"], ["review_date"], ["product_title"]):
        _remove(columns, names, other.uniforms(size) < MISSING_SHARES[names[0]])


def _remove(columns: dict[str, pa.Array], names: list[str], is_missing: npt.NDArray[np.bool_]) -> None:
    for name in names:
        columns[name] = pc.if_else(pa.array(is_missing), pa.scalar(None, columns[name].type), columns[name])
