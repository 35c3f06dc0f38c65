import dataclasses
import json

from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.config import Config
from pipeline.feature_planning.column_source import POSSIBLE_KINDS
from pipeline.feature_planning.planner import plan_features
from pipeline.schema_review.inference import mark_kinds

TYPES = {DType.STRING: schema_pb2.BYTES, DType.INT64: schema_pb2.INT, DType.FLOAT32: schema_pb2.FLOAT}
LABELS = [
    (DType.STRING, LabelKind.BINARY),
    (DType.STRING, LabelKind.MULTICLASS),
    (DType.INT64, LabelKind.BINARY),
    (DType.INT64, LabelKind.MULTICLASS),
    (DType.INT64, LabelKind.REGRESSION),
    (DType.FLOAT32, LabelKind.BINARY),
    (DType.FLOAT32, LabelKind.MULTICLASS),
    (DType.FLOAT32, LabelKind.REGRESSION),
]


def features_strategy():
    one = st.sampled_from([(dtype, kind) for dtype, kinds in POSSIBLE_KINDS.items() for kind in kinds])
    return st.lists(one, min_size=1, max_size=6).map(
        lambda pairs: tuple(Feature(f"x{i}", kind, dtype) for i, (dtype, kind) in enumerate(pairs))
    )


def inferred(spec, domain_sizes):
    """What an inference that knows only types and strings might make of the plan's columns."""
    schema = schema_pb2.Schema()
    for column, size in zip([spec.label, *spec.features], domain_sizes, strict=True):
        feature = schema.feature.add(name=column.name, type=TYPES[column.dtype])
        if column.dtype is DType.STRING and size:
            feature.domain = column.name
            schema.string_domain.add(name=column.name, value=[f"v{i}" for i in range(size)])
    return schema


def statistics_of(spec, top):
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=10)
    for column in [spec.label, *spec.features]:
        if column.dtype is DType.INT64:
            feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.INT)
            feature.path.step.append(column.name)
            feature.num_stats.common_stats.num_non_missing = 10
            feature.num_stats.max = top
    return {"train": found}


@given(features=features_strategy(), label=st.sampled_from(LABELS), top=st.integers(0, 5), data=st.data())
def test_planning_from_an_inferred_schema_gives_the_plan_it_was_inferred_with(features, label, top, data):
    used = Feature("used", FeatureKind.NUMERIC, DType.FLOAT32)
    spec = FeatureSpec(Label("y", label[1], label[0]), (*features, used))
    classes = 2 if label[1] is LabelKind.BINARY else data.draw(st.integers(2, 4))
    sizes = [classes, *(data.draw(st.integers(0, 4)) for _ in features), 0]
    schema = mark_kinds(inferred(spec, sizes), spec, statistics_of(spec, max(top, 1)))
    again = plan_features(config(), schema=schema)
    assert [(one.name, one.kind, one.dtype) for one in again.features] == [
        (one.name, one.kind, one.dtype) for one in spec.features
    ]
    assert (again.label.kind, again.label.dtype) == (label[1], label[0])


def config():
    tree = {"pipeline": {"name": "test"}, "data": {"path": "/data/x.csv"}, "label": {"column": "y"}}
    return Config.model_validate_json(json.dumps(tree))


def marked(feature, kind, dtype=DType.STRING, statistics=None):
    spec = FeatureSpec(Label("y", LabelKind.REGRESSION, DType.FLOAT32), (Feature("x", kind, dtype),))
    schema = text_format.Parse(feature, schema_pb2.Schema())
    return mark_kinds(schema, spec, statistics if statistics is not None else statistics_of(spec, 7))


def test_the_schemas_own_words_are_used_where_it_has_them():
    assert marked("feature { name: 'x' type: BYTES }", FeatureKind.TEXT).feature[0].HasField("natural_language_domain")
    date = marked("feature { name: 'x' type: BYTES }", FeatureKind.DATE).feature[0]
    assert date.time_domain.string_format == "%Y-%m-%d"
    code = marked("feature { name: 'x' type: INT }", FeatureKind.CATEGORICAL, DType.INT64).feature[0]
    assert (code.int_domain.min, code.int_domain.max, code.int_domain.is_categorical) == (0, 7, True)
    assert not any(feature.annotation.tag for feature in (date, code))


def test_what_the_schema_has_no_word_for_is_tagged():
    ignored = marked("feature { name: 'x' type: INT }", FeatureKind.IGNORED, DType.INT64).feature[0]
    assert list(ignored.annotation.tag) == ["penstock.kind=ignored"]
    assert not ignored.HasField("int_domain")


def test_a_text_that_came_with_a_domain_loses_the_domain():
    schema = marked(
        "feature { name: 'x' type: BYTES domain: 'x' } string_domain { name: 'x' value: 'a' value: 'b' }",
        FeatureKind.TEXT,
    )
    assert not schema.string_domain
    assert schema.feature[0].WhichOneof("domain_info") == "natural_language_domain"


def test_a_constant_keeps_its_domain_of_one_value():
    schema = marked(
        "feature { name: 'x' type: BYTES domain: 'x' } string_domain { name: 'x' value: 'US' }", FeatureKind.IGNORED
    )
    assert [list(domain.value) for domain in schema.string_domain] == [["US"]]
    assert not schema.feature[0].annotation.tag


def test_a_column_of_another_type_than_the_plans_is_left_alone():
    schema = marked("feature { name: 'x' type: FLOAT }", FeatureKind.TEXT)
    assert schema == text_format.Parse("feature { name: 'x' type: FLOAT }", schema_pb2.Schema())


def test_the_range_of_codes_spans_every_split():
    spec = FeatureSpec(
        Label("y", LabelKind.REGRESSION, DType.FLOAT32), (Feature("x", FeatureKind.CATEGORICAL, DType.INT64),)
    )
    splits = statistics_of(spec, 3)
    splits["eval"] = statistics_of(spec, 9)["train"]
    schema = text_format.Parse("feature { name: 'x' type: INT }", schema_pb2.Schema())
    assert mark_kinds(schema, spec, splits).feature[0].int_domain.max == 9


def test_marking_changes_a_copy():
    spec = FeatureSpec(Label("y", LabelKind.REGRESSION, DType.FLOAT32), (Feature("x", FeatureKind.TEXT, DType.STRING),))
    schema = text_format.Parse("feature { name: 'x' type: BYTES }", schema_pb2.Schema())
    mark_kinds(schema, dataclasses.replace(spec), statistics_of(spec, 1))
    assert schema == text_format.Parse("feature { name: 'x' type: BYTES }", schema_pb2.Schema())


def test_a_label_that_turns_out_to_have_more_classes_than_planned_is_not_called_binary():
    spec = FeatureSpec(Label("y", LabelKind.BINARY, DType.STRING), (Feature("x", FeatureKind.NUMERIC, DType.FLOAT32),))
    schema = mark_kinds(inferred(spec, [3, 0]), spec, {})
    assert plan_features(config(), schema=schema).label.kind is LabelKind.MULTICLASS


def test_two_integer_classes_far_apart_are_still_two():
    spec = FeatureSpec(Label("y", LabelKind.BINARY, DType.INT64), (Feature("x", FeatureKind.NUMERIC, DType.FLOAT32),))
    schema = mark_kinds(inferred(spec, [0, 0]), spec, statistics_of(spec, 5))
    assert plan_features(config(), schema=schema).label.kind is LabelKind.BINARY
