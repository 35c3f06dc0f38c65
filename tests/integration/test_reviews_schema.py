"""The reviewed schema holds for the generator's rows, and for nothing that breaks the contract, as TFDV sees it."""

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
from pipeline.sample_data.options import DriftOptions, ReviewsOptions
from pipeline.sample_data.reviews import generate_reviews

pytestmark = pytest.mark.integration

PATH = Path(schemas.__file__).parent / "reviews" / "schema.pbtxt"


@pytest.fixture(scope="module")
def schema() -> schema_pb2.Schema:
    return text_format.Parse(PATH.read_text(encoding="utf-8"), schema_pb2.Schema())


def reviews(**options: Any) -> pa.RecordBatch:
    return pa.Table.from_batches(generate_reviews(ReviewsOptions(**options))).combine_chunks().to_batches()[0]


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


def test_generated_reviews_have_no_anomalies_and_drift_of_their_mix_is_none(schema: schema_pb2.Schema) -> None:
    for seed in range(5):
        assert anomalies(reviews(rows=20_000, seed=seed), schema) == {}
    assert anomalies(reviews(rows=20_000, drift=DriftOptions(1, 1, 1)), schema) == {}


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
