"""The reviewed schema against the generator's rows, which it is the contract of."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

import schemas
from models.tabular_text.features import FeatureKind
from pipeline.feature_planning.schema_rules import feature_of
from pipeline.sample_data.options import CATEGORIES, DriftOptions, ReviewsOptions
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


def anomalies(batch: pa.RecordBatch, schema: schema_pb2.Schema) -> dict[str, str]:
    """What TFDV finds, feature by feature."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what third parties say while they are imported is not this test's matter
        import tensorflow_data_validation as tfdv
        from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory

        lists = pa.RecordBatch.from_arrays([_lists(column) for column in batch.columns], batch.schema.names)
        statistics = generate_statistics_in_memory(lists, tfdv.StatsOptions())
        found = tfdv.validate_statistics(statistics, schema)
    return {name: info.description for name, info in found.anomaly_info.items()}


def _lists(column: pa.Array) -> pa.Array:
    """The column as examples hold it: lists of one value, none where it is missing."""
    values = column.drop_null()
    values = values.cast(pa.binary()) if values.type == pa.string() else values
    is_valid = column.is_valid().to_numpy(zero_copy_only=False)
    ends = np.concatenate(([0], np.cumsum(is_valid)))
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)
    return pc.if_else(pa.array(is_valid), lists, pa.scalar(None, lists.type))


@pytest.mark.integration
def test_generated_reviews_have_no_anomalies_and_drift_of_their_mix_is_none(schema: schema_pb2.Schema) -> None:
    for seed in range(5):
        assert anomalies(reviews(rows=20_000, seed=seed), schema) == {}
    assert anomalies(reviews(rows=20_000, drift=DriftOptions(1, 1, 1)), schema) == {}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "change", "finding"),
    [
        ("product_category", lambda c: pc.replace_substring(c, "Gift Card", "Books"), "values missing from the schema"),
        ("star_rating", lambda c: pc.add(c, 1), "Unexpectedly large value: 6"),
        ("helpful_votes", lambda c: pc.subtract(c, 1), "Unexpectedly small value: -1"),
        ("customer_id", lambda c: pa.array(range(len(c))), "Expected data of type: BYTES but got INT"),
        ("review_body", lambda c: pc.if_else(pc.starts_with(c, "T"), None, c), "present in fewer examples"),
    ],
)
def test_rows_that_break_the_contract_are_anomalies(
    schema: schema_pb2.Schema, name: str, change: Any, finding: str
) -> None:
    batch = reviews(rows=2000)
    broken = batch.set_column(batch.schema.get_field_index(name), name, change(batch[name]))
    found = anomalies(broken, schema)
    assert list(found) == [name]
    assert finding in found[name]
