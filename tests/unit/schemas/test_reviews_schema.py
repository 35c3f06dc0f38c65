"""The reviewed schema against the generator's rows, which it is the contract of."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

import schemas
from models.tabular_text.features import FeatureKind
from pipeline.feature_planning.schema_rules import feature_of
from pipeline.sample_data.options import CATEGORIES, ReviewsOptions
from pipeline.sample_data.reviews import MISSING_SHARES, SCHEMA, generate_reviews

PATH = Path(schemas.__file__).parent / "reviews" / "schema.pbtxt"


@pytest.fixture(scope="module")
def schema() -> schema_pb2.Schema:
    return text_format.Parse(PATH.read_text(encoding="utf-8"), schema_pb2.Schema())


def reviews(**options: Any) -> pa.RecordBatch:
    return pa.Table.from_batches(generate_reviews(ReviewsOptions(**options))).combine_chunks().to_batches()[0]


def test_the_schema_has_the_generators_columns_and_types_in_order(schema: schema_pb2.Schema) -> None:
    types = {pa.string(): schema_pb2.BYTES, pa.int64(): schema_pb2.INT}
    assert [(f.name, f.type) for f in schema.feature] == [(field.name, types[field.type]) for field in SCHEMA]


def test_presence_leaves_room_for_what_is_missing_and_none_where_nothing_is(schema: schema_pb2.Schema) -> None:
    for feature in schema.feature:
        missing = MISSING_SHARES.get(feature.name, 0.0)
        allowed = 1 - feature.presence.min_fraction
        assert allowed == 0 if missing == 0 else allowed >= 2 * missing, feature.name
        assert feature.presence.min_count == 1


def test_features_are_parsed_as_sparse_so_that_missing_values_are_absent(schema: schema_pb2.Schema) -> None:
    for feature in schema.feature:
        assert not feature.HasField("shape")
        assert (feature.value_count.min, feature.value_count.max) == (1, 1)


def test_domains_are_what_the_generator_writes(schema: schema_pb2.Schema) -> None:
    domains = {domain.name: list(domain.value) for domain in schema.string_domain}
    assert domains == {"marketplace": ["US"], "product_category": sorted(CATEGORIES), "yes_or_no": ["N", "Y"]}


def test_each_column_is_used_as_meant(schema: schema_pb2.Schema) -> None:
    kinds = {feature.name: feature_of(schema, feature, 1000).kind for feature in schema.feature}
    used = {name: kind for name, kind in kinds.items() if kind is not FeatureKind.IGNORED}
    assert used == {
        "product_title": FeatureKind.TEXT,
        "product_category": FeatureKind.CATEGORICAL,
        "star_rating": FeatureKind.CATEGORICAL,
        "helpful_votes": FeatureKind.NUMERIC,
        "total_votes": FeatureKind.NUMERIC,
        "vine": FeatureKind.CATEGORICAL,
        "verified_purchase": FeatureKind.CATEGORICAL,
        "review_headline": FeatureKind.TEXT,
        "review_body": FeatureKind.TEXT,
        "review_date": FeatureKind.DATE,
    }
