import dataclasses
import json

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.profile import ColumnProfile, TableProfile
from models.tabular_text.features import DType, FeatureKind, LabelKind
from pipeline.config import Config
from pipeline.feature_planning.column_source import PlanError
from pipeline.feature_planning.planner import describe_plan, plan_features, plan_notes

ROWS = 500


def config(label="stars", label_kind=None, features=None, data=None):
    tree = {
        "pipeline": {"name": "test"},
        "data": {"path": "/data/x.csv", **(data or {})},
        "label": {"column": label, "kind": label_kind},
        "features": features or {},
    }
    return Config.model_validate_json(json.dumps(tree))


def column(
    name,
    dtype=DType.STRING,
    distinct=ROWS,
    nulls=0,
    rows=ROWS,
    words=1.0,
    dates=False,
    values=(),
    exact=True,
    lists=False,
):
    return ColumnProfile(
        name=name,
        dtype=dtype,
        rows=rows,
        nulls=nulls,
        distinct=distinct,
        distinct_is_exact=exact,
        values=tuple(values),
        mean_words=words if dtype is DType.STRING else 0.0,
        iso_dates=dates,
        is_list=lists,
    )


STARS = column("stars", DType.INT64, distinct=5, values="12345")
USED = column("price", DType.FLOAT32)


def profile(*columns, complete=True):
    return TableProfile(files=("/data/x.csv",), rows=ROWS, columns=columns, complete=complete)


def planned_kind(one):
    spec = plan_features(config(), profile=profile(one, USED, STARS))
    return next(feature.kind for feature in spec.features if feature.name == one.name)


def schema(text):
    return text_format.Parse(text, schema_pb2.Schema())


def problems_of(*args, **kwargs):
    with pytest.raises(PlanError) as caught:
        plan_features(*args, **kwargs)
    return caught.value.problems


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (column("gone", distinct=0, nulls=ROWS), FeatureKind.IGNORED),
        (column("gone_number", DType.FLOAT32, distinct=0, nulls=ROWS), FeatureKind.IGNORED),
        (column("same", distinct=1), FeatureKind.IGNORED),
        (column("same_number", DType.INT64, distinct=1), FeatureKind.IGNORED),
        (column("bought", distinct=400, dates=True), FeatureKind.DATE),
        (column("bought_rarely", distinct=3, dates=True), FeatureKind.DATE),
        (column("serial", distinct=ROWS), FeatureKind.IGNORED),
        (column("serial_90", distinct=450), FeatureKind.IGNORED),
        (column("colour", distinct=3), FeatureKind.CATEGORICAL),
        (column("department", distinct=8, words=3.5), FeatureKind.CATEGORICAL),
        (column("city", distinct=100), FeatureKind.CATEGORICAL),
        (column("town", distinct=40, rows=100), FeatureKind.CATEGORICAL),
        (column("street", distinct=200), FeatureKind.IGNORED),
        (column("customer_id", distinct=200), FeatureKind.IGNORED),
        (column("store_id", distinct=20), FeatureKind.CATEGORICAL),
        (column("body", distinct=490, words=40.0), FeatureKind.TEXT),
        (column("title", distinct=90, words=5.0), FeatureKind.TEXT),
        (column("headline", distinct=480, words=2.4), FeatureKind.TEXT),
        (column("cost", DType.FLOAT32, distinct=3), FeatureKind.NUMERIC),
        (column("votes", DType.INT64, distinct=80), FeatureKind.NUMERIC),
        (column("weekday", DType.INT64, distinct=7), FeatureKind.CATEGORICAL),
        (column("grade", DType.INT64, distinct=20, rows=99), FeatureKind.NUMERIC),
        (column("rank", DType.INT64, distinct=ROWS), FeatureKind.NUMERIC),
        (column("id", DType.INT64, distinct=ROWS), FeatureKind.IGNORED),
        (column("orderID", DType.INT64, distinct=60), FeatureKind.IGNORED),
        (column("shop_id", DType.INT64, distinct=6), FeatureKind.CATEGORICAL),
        (column("paid", DType.INT64, distinct=60), FeatureKind.NUMERIC),
        (column("Unnamed: 0", DType.INT64, distinct=ROWS), FeatureKind.IGNORED),
        (column("price_index", DType.INT64, distinct=60), FeatureKind.NUMERIC),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_without_a_schema_a_column_is_used_as_its_values_call_for(one, kind):
    assert planned_kind(one) is kind


@given(
    dtype=st.sampled_from(DType),
    rows=st.integers(1, 10_000),
    data=st.data(),
    name=st.sampled_from(["id", "index", "a", "someId"]),
)
def test_every_column_gets_a_kind_that_its_type_allows_and_a_reason(dtype, rows, data, name):
    nulls = data.draw(st.integers(0, rows))
    distinct = data.draw(st.integers(min(1, rows - nulls), rows - nulls))
    words = data.draw(st.floats(0, 100))
    dates = data.draw(st.booleans()) and distinct > 0 and dtype is DType.STRING
    one = column(name, dtype, distinct, nulls, rows, words, dates)
    feature = plan_features(config(), profile=profile(one, USED, STARS)).features[0]
    allowed = {
        DType.STRING: {FeatureKind.CATEGORICAL, FeatureKind.TEXT, FeatureKind.DATE, FeatureKind.IGNORED},
        DType.INT64: {FeatureKind.NUMERIC, FeatureKind.CATEGORICAL, FeatureKind.IGNORED},
        DType.FLOAT32: {FeatureKind.NUMERIC, FeatureKind.IGNORED},
    }
    assert feature.kind in allowed[dtype]
    assert feature.reason
    if distinct < 2:
        assert feature.kind is FeatureKind.IGNORED


def test_the_reason_holds_the_numbers_that_decided():
    spec = plan_features(config(), profile=profile(column("colour", distinct=3, nulls=20), STARS))
    assert spec.features[0].reason == "3 distinct values in 500 rows (20 without one)"
    assert spec.features[0].cardinality == 3


def test_the_limit_on_integer_codes_is_the_configured_one():
    grade = column("grade", DType.INT64, distinct=30)
    by_default = plan_features(config(), profile=profile(grade, STARS))
    raised = plan_features(config(features={"max_int_categories": 30}), profile=profile(grade, STARS))
    assert by_default.features[0].kind is FeatureKind.NUMERIC
    assert raised.features[0].kind is FeatureKind.CATEGORICAL


@pytest.mark.parametrize(("nulls", "complete", "required"), [(0, True, True), (1, True, False), (0, False, False)])
def test_a_column_is_required_only_if_every_row_was_seen_to_have_it(nulls, complete, required):
    one = column("colour", distinct=3, nulls=nulls)
    spec = plan_features(config(), profile=profile(one, STARS, complete=complete))
    assert spec.features[0].required is required


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (column("y", distinct=2, values=("no", "yes")), LabelKind.BINARY),
        (column("y", distinct=7, values="abcdefg"), LabelKind.MULTICLASS),
        (column("y", DType.INT64, distinct=2, values="01"), LabelKind.BINARY),
        (column("y", DType.INT64, distinct=5, values="12345"), LabelKind.MULTICLASS),
        (column("y", DType.INT64, distinct=21), LabelKind.REGRESSION),
        (column("y", DType.INT64, distinct=18, rows=30), LabelKind.REGRESSION),
        (column("y", DType.FLOAT32, distinct=2, values=("0.0", "1.0")), LabelKind.BINARY),
        (column("y", DType.FLOAT32, distinct=2, values=("0.5", "1.0")), LabelKind.REGRESSION),
        (column("y", DType.FLOAT32, distinct=5), LabelKind.REGRESSION),
    ],
)
def test_the_kind_of_label_follows_from_its_values(label, kind):
    spec = plan_features(config("y"), profile=profile(USED, label))
    assert spec.label.kind is kind
    assert spec.label.dtype is label.dtype


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (column("y", DType.INT64, distinct=5, values="12345"), LabelKind.REGRESSION),
        (column("y", DType.INT64, distinct=200), LabelKind.MULTICLASS),
        (column("y", DType.FLOAT32, distinct=3, values=("1.0", "2.0", "3.0")), LabelKind.MULTICLASS),
        (column("y", distinct=2, values=("no", "yes")), LabelKind.MULTICLASS),
        (column("y", distinct=150), LabelKind.MULTICLASS),
    ],
)
def test_the_kind_of_label_can_be_set_where_the_values_allow_it(label, kind):
    assert plan_features(config("y", kind), profile=profile(USED, label)).label.kind is kind


@pytest.mark.parametrize(
    ("label", "kind", "words"),
    [
        (column("y", distinct=3, values="abc"), LabelKind.REGRESSION, "holds strings"),
        (
            column("y", DType.INT64, distinct=3, values="123"),
            LabelKind.BINARY,
            "3 distinct values in 500 rows, not two",
        ),
        (column("y", DType.FLOAT32, distinct=400), LabelKind.MULTICLASS, "numbers with fractions"),
        (column("y", DType.FLOAT32, distinct=2, values=("0.5", "1.0")), LabelKind.MULTICLASS, "numbers with fractions"),
        (column("y", distinct=1_001), LabelKind.MULTICLASS, "more than 1,000"),
        (column("y", distinct=400), None, "as text or an identifier would"),
        (column("y", distinct=101, rows=100_000), None, "as text or an identifier would"),
        (column("y", distinct=0, nulls=ROWS), None, "no value in any of 500 rows"),
        (column("y", distinct=1, values=("yes",)), None, "the same value 'yes' in every row"),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused_with_what_was_seen(label, kind, words):
    (problem,) = problems_of(config("y", kind), profile=profile(USED, label))
    assert words in problem
    assert "'y'" in problem


def test_a_missing_label_column_is_named_with_the_nearest():
    (problem,) = problems_of(config("star_ratting"), profile=profile(USED, column("star_rating", DType.INT64)))
    assert problem == "label.column is 'star_ratting', and the data has no such column. Did you mean 'star_rating'?"


def test_a_column_of_another_separator_is_recognized():
    (problem,) = problems_of(config("y"), profile=profile(column("id;x;y")))
    assert "has no such column. There are: id;x;y. The file looks separated by ';'" in problem


def test_a_column_of_lists_is_not_used_and_cannot_be():
    table = profile(column("tags", distinct=3, lists=True), column("sizes", DType.FLOAT32, lists=True), USED, STARS)
    features = plan_features(config(), profile=table).features[:2]
    expected = (FeatureKind.IGNORED, "a list per row; lists are not used")
    assert [(feature.kind, feature.reason) for feature in features] == [expected] * 2
    problems = problems_of(config(features={"kinds": {"tags": "categorical", "sizes": "numeric"}}), profile=table)
    assert problems == [
        f"features.kinds: '{name}' cannot be {kind}: it holds a list per row; lists are not used."
        for name, kind in (("tags", "categorical"), ("sizes", "numeric"))
    ]
    plan_features(config(features={"kinds": {"tags": "ignored"}}), profile=table)


def test_a_label_of_lists_is_refused():
    (problem,) = problems_of(config("y"), profile=profile(USED, column("y", distinct=2, lists=True)))
    assert "The label 'y' holds several values in a row" in problem


def test_columns_that_the_data_section_names_must_be_in_the_data():
    data = {"split_by": "pricee", "column_types": {"price": "float32", "starz": "int64"}}
    problems = problems_of(config(data=data), profile=profile(USED, STARS))
    assert problems == [
        "data.split_by names 'pricee', and the data has no such column. Did you mean 'price'?",
        "data.column_types names 'starz', and the data has no such column. Did you mean 'stars'?",
    ]
    plan_features(config(data={"split_by": "stars", "column_types": {"stars": "int64"}}), profile=profile(USED, STARS))


def test_the_configuration_overrides_the_rules():
    spec = plan_features(
        config(features={"kinds": {"code": "categorical", "colour": "ignored", "votes": "categorical"}}),
        profile=profile(column("code"), column("colour", distinct=3), column("votes", DType.INT64, 80), STARS, USED),
    )
    assert [feature.kind for feature in spec.features] == ["categorical", "ignored", "categorical", "numeric"]
    assert spec.features[0].reason.startswith("set by features.kinds; without it ignored (identifier")


def test_included_columns_are_used_and_no_others():
    table = profile(column("colour", distinct=3), column("size", distinct=4), USED, STARS)
    spec = plan_features(config(features={"include": ["colour", "price"]}), profile=table)
    assert [feature.name for feature in spec.used] == ["colour", "price"]


def test_excluded_columns_are_not_used():
    table = profile(column("colour", distinct=3), column("size", distinct=4), STARS)
    spec = plan_features(config(features={"exclude": ["colour"]}), profile=table)
    assert [feature.name for feature in spec.used] == ["size"]


def test_everything_wrong_is_reported_at_once():
    problems = problems_of(
        config(
            "starz",
            features={
                "kinds": {"price": "text", "colours": "text", "when": "date", "empty": "text"},
                "exclude": ["sise"],
            },
        ),
        profile=profile(
            column("colour", distinct=3),
            column("size"),
            column("when"),
            column("empty", distinct=0, nulls=ROWS),
            USED,
            STARS,
        ),
    )
    assert problems == [
        "features.kinds names 'colours', and the data has no such column. Did you mean 'colour'?",
        "features.exclude names 'sise', and the data has no such column. Did you mean 'size'?",
        "label.column is 'starz', and the data has no such column. Did you mean 'stars'?",
        "features.kinds: 'when' cannot be date: it holds values that are not ISO 8601 dates (such as 2024-02-29).",
        "features.kinds: 'empty' cannot be text: it has no value in any of 500 rows.",
        "features.kinds: 'price' cannot be text: it holds float32, which can only be numeric or ignored; "
        "data.column_types can have it read as another type.",
    ]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"include": ["price"], "exclude": ["price"]}, "features.include uses it"),
        ({"kinds": {"price": "numeric"}, "exclude": ["price"]}, "features.kinds uses it"),
        ({"kinds": {"colour": "text"}, "include": ["price"]}, "features.include does not list it"),
        ({"exclude": ["stars"]}, "which is the label"),
        ({"include": ["price", "serial"]}, "asks for 'serial', which would be ignored"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(features, words):
    table = profile(column("colour", distinct=3), column("serial"), USED, STARS)
    (problem,) = problems_of(config(features=features), profile=table)
    assert words in problem


def test_a_table_without_a_usable_column_is_refused_with_the_reasons():
    (problem,) = problems_of(config(), profile=profile(column("serial"), STARS))
    assert "serial: identifier: 500 distinct values in 500 rows" in problem


def test_the_sizes_come_from_the_configuration():
    sizes = {"max_tokens": 7, "text_vocabulary_size": 11, "categorical_vocabulary_size": 13, "oov_buckets": 3}
    spec = plan_features(config(features=sizes), profile=profile(USED, STARS))
    assert {name: getattr(spec, name) for name in sizes} == sizes


SCHEMA = """
feature { name: "review_id" type: BYTES presence { min_fraction: 1 } }
feature { name: "category" type: BYTES domain: "categories" presence { min_fraction: 1 } }
feature { name: "vine" type: BYTES string_domain { value: "N" value: "Y" } presence { min_fraction: 0.5 } }
feature { name: "body" type: BYTES natural_language_domain {} }
feature { name: "bought" type: BYTES time_domain { string_format: "%Y-%m-%d" } }
feature { name: "bought_us" type: BYTES time_domain { string_format: "%m/%d/%Y" } }
feature { name: "votes" type: INT int_domain { min: 0 } }
feature { name: "grade" type: INT int_domain { min: 3 max: 7 is_categorical: true } }
feature { name: "postcode" type: INT int_domain { min: 1000 max: 99999 is_categorical: true } }
feature { name: "flag" type: INT bool_domain {} }
feature { name: "price" type: FLOAT }
feature { name: "parent" type: INT annotation { tag: "penstock.kind=ignored" } }
feature { name: "colours" type: BYTES value_count { min: 0 max: 3 } domain: "categories" }
feature { name: "country" type: BYTES string_domain { value: "US" } }
feature { name: "photo" type: BYTES image_domain {} }
feature { name: "old" type: BYTES natural_language_domain {} lifecycle_stage: DEPRECATED }
feature { name: "stars" type: INT int_domain { min: 1 max: 5 is_categorical: true } presence { min_fraction: 1 } }
string_domain { name: "categories" value: "a" value: "b" value: "c" }
"""


def test_with_a_schema_the_kinds_come_from_it_alone():
    spec = plan_features(config(), schema=schema(SCHEMA))
    assert {feature.name: str(feature.kind) for feature in spec.features} == {
        "review_id": "ignored",
        "category": "categorical",
        "vine": "categorical",
        "body": "text",
        "bought": "date",
        "bought_us": "ignored",
        "votes": "numeric",
        "grade": "categorical",
        "postcode": "categorical",
        "flag": "categorical",
        "price": "numeric",
        "parent": "ignored",
        "colours": "ignored",
        "country": "ignored",
        "photo": "ignored",
    }
    by_name = {feature.name: feature for feature in spec.features}
    assert [name for name, feature in by_name.items() if feature.required] == ["review_id", "category"]
    counted = ("category", "vine", "grade", "flag", "postcode", "votes")
    assert {name: by_name[name].cardinality for name in counted} == {
        "category": 3,
        "vine": 2,
        "grade": 5,
        "flag": 2,
        "postcode": None,
        "votes": None,
    }
    assert spec.label.kind is LabelKind.MULTICLASS


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        ("type: BYTES string_domain { value: 'a' value: 'b' }", LabelKind.BINARY),
        ("type: BYTES string_domain { value: 'a' value: 'b' value: 'c' }", LabelKind.MULTICLASS),
        ("type: INT bool_domain {}", LabelKind.BINARY),
        ("type: INT int_domain { min: 0 max: 1 }", LabelKind.BINARY),
        ("type: INT int_domain { min: 1 max: 5 is_categorical: true }", LabelKind.MULTICLASS),
        ("type: INT int_domain { min: 1 max: 5 }", LabelKind.REGRESSION),
        ("type: INT", LabelKind.REGRESSION),
        ("type: FLOAT", LabelKind.REGRESSION),
        ("type: FLOAT annotation { tag: 'penstock.kind=multiclass' }", LabelKind.MULTICLASS),
    ],
)
def test_with_a_schema_the_kind_of_label_follows_from_its_type_and_domain(feature, kind):
    spec = plan_features(
        config("y"), schema=schema(f"feature {{ name: 'x' type: FLOAT }} feature {{ name: 'y' {feature} }}")
    )
    assert spec.label.kind is kind


@pytest.mark.parametrize(
    ("feature", "kind", "words"),
    [
        ("type: BYTES", None, "no string_domain"),
        ("type: BYTES string_domain { value: 'a' }", None, "one value"),
        ("type: BYTES string_domain { value: 'a' value: 'b' }", "regression", "no number to predict"),
        ("type: BYTES string_domain { value: 'a' value: 'b' value: 'c' }", "binary", "3 values, not two"),
        ("type: BYTES annotation { tag: 'penstock.kind=regression' }", None, "no number to predict"),
    ],
)
def test_with_a_schema_an_impossible_label_is_refused(feature, kind, words):
    one = schema(f"feature {{ name: 'x' type: FLOAT }} feature {{ name: 'y' {feature} }}")
    (problem,) = problems_of(config("y", kind), schema=one)
    assert words in problem


def test_with_a_schema_its_own_mistakes_and_the_configurations_are_reported_together():
    problems = problems_of(
        config(
            features={"kinds": {"price": "date", "old": "text"}},
            data={"column_types": {"votes": "string", "not_in_schema": "string"}},
        ),
        schema=schema(
            SCHEMA
            + """
            feature { name: "nested" type: STRUCT }
            feature { name: "tagged" type: FLOAT annotation { tag: "penstock.kind=text" } }
            feature { name: "typo" type: FLOAT annotation { tag: "penstock.kind=nummeric" } }
            """
        ),
    )
    assert [problem.split(".")[0].split(":")[0] for problem in problems] == [
        "The schema's feature 'nested' has type STRUCT; make it BYTES, INT or FLOAT, or remove it",
        "The schema's feature 'tagged' has the tag 'penstock",
        "The schema's feature 'typo' has the tag 'penstock",
        "features",
        "data",
        "features",
    ]
    assert "Did you mean 'numeric'?" in problems[2]
    assert "names 'old'" in problems[3]
    assert problems[4] == "data.column_types reads 'votes' as string, and the schema says int64; make them agree."
    assert "'price' cannot be date" in problems[5]


def test_the_plan_is_a_table_with_a_header_the_label_and_every_column():
    header, label, *rows = describe_plan(
        plan_features(config(), profile=profile(column("colour", distinct=3), USED, STARS))
    )
    assert header == ("column", "type", "kind", "required", "distinct", "why")
    assert label[:4] == ("stars", "int64", "label: multiclass", "yes")
    assert rows[0] == ("colour", "string", "categorical", "yes", "3", "3 distinct values in 500 rows")
    assert [row[0] for row in rows] == ["colour", "price"]


def test_notes_tell_of_bad_rows_and_of_a_table_that_was_cut():
    table = dataclasses.replace(profile(USED, STARS, complete=False), rows_bad=12)
    bad, cut = plan_notes(config(), profile=table)
    assert "12 of 512 rows that were read cannot be used" in bad
    assert "quarantine" in bad
    assert "first 500 rows" in cut
    assert plan_notes(config(), profile=profile(USED, STARS)) == ()


def test_notes_tell_of_a_schema_that_lets_labels_be_missing():
    loose = schema("feature { name: 'x' type: FLOAT } feature { name: 'stars' type: INT }")
    (note,) = plan_notes(config(), schema=loose)
    assert "'stars'" in note
    assert plan_notes(config(), schema=schema(SCHEMA)) == ()
