import json

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.config import Config
from pipeline.errors import NotFound
from pipeline.feature_planning.planner import plan_features
from pipeline.schema_review.diff import ChangeKind, Effect, apply_changes, diff_schemas
from pipeline.schema_review.inference import infer_schema, propose_schema

pytestmark = pytest.mark.integration

ROWS = 300
SPEC = FeatureSpec(
    Label("stars", LabelKind.MULTICLASS, DType.INT64),
    (
        Feature("review_id", FeatureKind.IGNORED, DType.STRING),
        Feature("colour", FeatureKind.CATEGORICAL, DType.STRING),
        Feature("town", FeatureKind.CATEGORICAL, DType.STRING),
        Feature("aisle", FeatureKind.CATEGORICAL, DType.STRING),
        Feature("body", FeatureKind.TEXT, DType.STRING),
        Feature("bought", FeatureKind.DATE, DType.STRING),
        Feature("weekday", FeatureKind.CATEGORICAL, DType.INT64),
        Feature("parent", FeatureKind.IGNORED, DType.INT64),
        Feature("price", FeatureKind.NUMERIC, DType.FLOAT32),
        Feature("country", FeatureKind.IGNORED, DType.STRING),
        Feature("empty", FeatureKind.IGNORED, DType.STRING),
    ),
)


def table(rows=ROWS, **changed):
    columns = {
        "empty": [None] * rows,
        "aisle": [f"{i % 12:03d}" for i in range(rows)],
        "bought": [f"2024-01-{1 + i % 28:02d}" for i in range(rows)],
        "body": [f"word {i} and more words" for i in range(rows)],
        "colour": [["red", "green", "blue"][i % 3] for i in range(rows)],
        "country": ["US"] * rows,
        "parent": list(range(rows)),
        "price": [None if i % 4 == 0 else i / 3 for i in range(rows)],
        "review_id": [f"R{i}" for i in range(rows)],
        "stars": [1 + i % 5 for i in range(rows)],
        "town": [f"town {i % 150}" for i in range(rows)],
        "weekday": [i % 7 for i in range(rows)],
    }
    return {name: values for name, values in (columns | changed).items() if values is not None}


def statistics_of(columns):
    """TFDV's own statistics of a table; a value None is a missing feature."""
    import pyarrow as pa
    from tensorflow_data_validation.statistics import stats_impl, stats_options

    arrays = [
        pa.nulls(len(values)) if all(value is None for value in values) else _lists(pa, values)
        for values in columns.values()
    ]
    batch = pa.record_batch(arrays, names=list(columns))
    return stats_impl.generate_statistics_in_memory(batch, stats_options.StatsOptions())


def _lists(pa, values):
    lists = pa.array([None if value is None else [value] for value in values])
    names = {pa.string(): pa.large_binary(), pa.float64(): pa.float32()}
    item = lists.type.value_type
    return lists.cast(pa.list_(names.get(item, item)))


def splits(train, evaluation=None):
    return {"train": statistics_of(train), "eval": statistics_of(evaluation or table(rows=210))}


def anomalies(schema, statistics):
    import tensorflow_data_validation as tfdv

    found = [tfdv.validate_statistics(of_split, schema) for of_split in statistics.values()]
    return {name: info.description for one in found for name, info in one.anomaly_info.items()}


def config():
    tree = {"pipeline": {"name": "test"}, "data": {"path": "/data/x.csv"}, "label": {"column": "stars"}}
    return Config.model_validate_json(json.dumps(tree))


def kinds(spec):
    return {feature.name: str(feature.kind) for feature in spec.features}


@pytest.fixture(scope="module")
def usual():
    return splits(table())


@pytest.fixture(scope="module")
def reviewed(usual):
    schema = infer_schema(usual, SPEC)
    by_name = {feature.name: feature for feature in schema.feature}
    by_name["colour"].annotation.comment.append("as on the label")
    by_name["body"].lifecycle_stage = schema_pb2.PRODUCTION
    return schema


def test_an_inferred_schema_says_what_the_plan_says_and_every_split_fits_it(usual):
    schema = infer_schema(usual, SPEC)
    again = plan_features(config(), schema=schema)
    assert kinds(again) == kinds(SPEC)
    assert again.label.kind is LabelKind.MULTICLASS
    assert [feature.name for feature in schema.feature] == ["stars", *(feature.name for feature in SPEC.features)]
    assert {feature.name for feature in again.features if not feature.required} == {"price", "empty"}
    assert anomalies(schema, usual) == {}


def test_a_schema_can_be_inferred_without_a_plan(usual):
    schema = infer_schema(usual)
    names = [feature.name for feature in schema.feature]
    assert names == sorted(table())
    assert anomalies(schema, usual) == {}


def test_a_value_that_only_the_second_split_has_belongs_to_the_schema():
    both = splits(table(), table(rows=210, colour=["red", "green", "pink"] * 70))
    schema = infer_schema(both, SPEC)
    (colours,) = [list(domain.value) for domain in schema.string_domain if domain.name == "colour"]
    assert sorted(colours) == ["blue", "green", "pink", "red"]
    assert anomalies(schema, both) == {}


def test_nothing_is_proposed_where_the_data_fits(usual, reviewed):
    assert propose_schema(reviewed, usual, SPEC) == reviewed


CASES = {
    "a new value": (
        {"colour": ["red", "green", "pink"] * 100},
        {("colour", ChangeKind.VALUES_ADDED)},
        "value 'pink' seen in 100 of 300 rows of split train",
    ),
    "a missing value": (
        {"colour": ["red", "green", None] * 100},
        {("colour", ChangeKind.PRESENCE)},
        "split train: no value in 100 of 300 rows",
    ),
    "a code out of range": ({"weekday": [7] * 300}, {("weekday", ChangeKind.RANGE)}, "split train: from 7 to 7"),
    "a new column": ({"size": [1.5] * 300}, {("size", ChangeKind.ADDED)}, "split train: a value in all 300 rows"),
    "another type": ({"colour": list(range(300))}, {("colour", ChangeKind.TYPE)}, "split train: integers (INT)"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_proposed_changes_are_those_that_the_data_asks_for_and_then_it_fits(case, reviewed):
    changed, expected, why = CASES[case]
    name = next(iter(changed))
    statistics = splits(table(**changed), table(rows=300, **changed))
    assert set(anomalies(reviewed, statistics)) == {name}
    proposed = propose_schema(reviewed, statistics, SPEC)
    changes = diff_schemas(reviewed, proposed, statistics)
    assert expected <= {(change.feature, change.kind) for change in changes}
    assert {change.feature for change in changes} == {name}
    assert any(change.why.startswith(why) for change in changes)
    assert anomalies(proposed, statistics) == {}
    assert [one.name for one in proposed.feature][: len(reviewed.feature)] == [one.name for one in reviewed.feature]
    kept = {feature.name: feature for feature in proposed.feature}
    assert list(kept["colour"].annotation.comment) == ["as on the label"]
    assert kept["body"].lifecycle_stage == schema_pb2.PRODUCTION


def test_a_column_that_has_gone_is_proposed_as_deprecated(reviewed):
    without = {name: values for name, values in table().items() if name != "colour"}
    statistics = splits(without, without)
    proposed = propose_schema(reviewed, statistics, SPEC)
    (change,) = diff_schemas(reviewed, proposed, statistics)
    assert (change.feature, change.kind, change.effect) == ("colour", ChangeKind.REMOVED, Effect.LOOSENS)
    assert anomalies(proposed, statistics) == {}


def test_accepting_one_of_two_changes_leaves_the_other_anomaly(reviewed):
    changed = {"colour": ["red", "green", "pink"] * 100, "weekday": [7] * 300}
    statistics = splits(table(**changed), table(rows=300, **changed))
    accepted = apply_changes(reviewed, propose_schema(reviewed, statistics, SPEC), ["colour"])
    assert set(anomalies(accepted, statistics)) == {"weekday"}


def test_features_that_share_a_domain_are_changed_only_where_the_data_asks_for_it():
    reviewed = text_format.Parse(
        """
        feature { name: "vine" type: BYTES domain: "yesno" presence { min_fraction: 1 } }
        feature { name: "verified" type: BYTES domain: "yesno" presence { min_fraction: 1 } }
        string_domain { name: "yesno" value: "N" value: "Y" }
        """,
        schema_pb2.Schema(),
    )
    statistics = {"train": statistics_of({"vine": ["N", "X"] * 50, "verified": ["N", "Y"] * 50})}
    proposed = propose_schema(reviewed, statistics)
    (change,) = diff_schemas(reviewed, proposed, statistics)
    assert (change.feature, change.kind) == ("vine", ChangeKind.VALUES_ADDED)
    assert anomalies(proposed, statistics) == {}


def test_strings_of_digits_that_are_categories_are_listed(usual):
    by_name = {feature.name: feature for feature in infer_schema(usual, SPEC).feature}
    assert list(by_name["aisle"].string_domain.value) == [f"{i:03d}" for i in range(12)]


def test_limits_on_the_number_of_rows_are_widened_to_the_data(usual, reviewed):
    strict = schema_pb2.Schema()
    strict.CopyFrom(reviewed)
    strict.dataset_constraints.min_examples_count = 250
    strict.dataset_constraints.max_examples_count = 280
    proposed = propose_schema(strict, usual, SPEC)
    assert proposed.dataset_constraints.min_examples_count == 210
    assert proposed.dataset_constraints.max_examples_count == 300
    assert [change.feature for change in diff_schemas(strict, proposed, usual)] == ["(dataset)"]


def test_splits_without_examples_say_nothing():
    empty = statistics_pb2.DatasetFeatureStatisticsList()
    empty.datasets.add(num_examples=0)
    with pytest.raises(NotFound, match="No split has an example"):
        infer_schema({"train": empty})
    assert infer_schema({"train": empty, "eval": statistics_of(table())}).feature
