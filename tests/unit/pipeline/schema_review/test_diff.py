import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipeline.errors import ConfigError
from pipeline.schema_review.diff import ChangeKind, Effect, apply_changes, diff_schemas, format_changes

REVIEWED = """
feature { name: "stars" type: INT int_domain { min: 1 max: 5 is_categorical: true } presence { min_fraction: 1 } }
feature { name: "vine" type: BYTES domain: "yesno" presence { min_fraction: 1 min_count: 1 } }
feature { name: "verified" type: BYTES domain: "yesno" annotation { comment: "as the shop says" } }
feature { name: "body" type: BYTES natural_language_domain {} value_count { min: 1 max: 1 } }
feature { name: "gone" type: FLOAT float_domain { min: 0 } }
string_domain { name: "yesno" value: "N" value: "Y" }
"""
STATISTICS = """
datasets {
  num_examples: 500
  features {
    path { step: "vine" } type: STRING
    string_stats {
      common_stats { num_non_missing: 400 min_num_values: 1 max_num_values: 1 }
      rank_histogram {
        buckets { label: "N" sample_count: 300 } buckets { label: "Y" sample_count: 88 }
        buckets { label: "X" sample_count: 12 }
      }
    }
  }
  features {
    path { step: "stars" } type: INT num_stats { common_stats { num_non_missing: 500 } min: 0 max: 5 }
  }
  features { path { step: "new" } type: FLOAT num_stats { common_stats { num_non_missing: 500 } min: 0 max: 5 } }
  features {
    path { step: "body" } type: STRING
    string_stats { common_stats { num_non_missing: 500 min_num_values: 1 max_num_values: 3 } }
  }
}
"""


def schema(text):
    return text_format.Parse(text, schema_pb2.Schema())


def statistics():
    return {"train": text_format.Parse(STATISTICS, statistics_pb2.DatasetFeatureStatisticsList())}


def diff(before, after):
    return diff_schemas(schema(REVIEWED), schema(REVIEWED.replace(before, after)), statistics())


def test_a_schema_does_not_differ_from_itself():
    assert diff_schemas(schema(REVIEWED), schema(REVIEWED), statistics()) == []
    assert format_changes([]) == ["No changes: this run's statistics fit the schema."]


@pytest.mark.parametrize(
    ("before", "after", "kind", "effect"),
    [
        ("min: 1 max: 5", "min: 0 max: 5", ChangeKind.RANGE, Effect.LOOSENS),
        ("min: 1 max: 5", "min: 2 max: 5", ChangeKind.RANGE, Effect.TIGHTENS),
        ("min: 1 max: 5", "min: 2 max: 6", ChangeKind.RANGE, Effect.REPLACES),
        ("min: 1 max: 5", "min: 1", ChangeKind.RANGE, Effect.LOOSENS),
        ("is_categorical: true", "", ChangeKind.DOMAIN, Effect.REPLACES),
        ("min_fraction: 1 min_count: 1", "min_fraction: 0.8 min_count: 1", ChangeKind.PRESENCE, Effect.LOOSENS),
        ("min_fraction: 1 min_count: 1", "min_fraction: 1 min_count: 9", ChangeKind.PRESENCE, Effect.TIGHTENS),
        ("min_fraction: 1 min_count: 1", "min_fraction: 0.5 min_count: 9", ChangeKind.PRESENCE, Effect.REPLACES),
        ("min: 1 max: 1", "min: 1 max: 3", ChangeKind.VALUE_COUNT, Effect.LOOSENS),
        ("value_count { min: 1 max: 1 }", "", ChangeKind.VALUE_COUNT, Effect.LOOSENS),
        ("natural_language_domain {}", "", ChangeKind.DOMAIN, Effect.LOOSENS),
        ("natural_language_domain {}", "url_domain {}", ChangeKind.DOMAIN, Effect.REPLACES),
        ("as the shop says", "as the customer says", ChangeKind.OTHER, Effect.REPLACES),
        ("float_domain { min: 0 }", "", ChangeKind.DOMAIN, Effect.LOOSENS),
    ],
)
def test_each_change_is_named_with_what_it_does_to_the_contract(before, after, kind, effect):
    (change,) = diff(before, after)
    assert (change.kind, change.effect) == (kind, effect)


def test_a_new_value_is_explained_by_how_often_it_was_seen_for_each_feature_that_shares_the_domain():
    vine, verified = diff('value: "Y"', 'value: "Y" value: "X"')
    assert (vine.feature, vine.kind, vine.effect) == ("vine", ChangeKind.VALUES_ADDED, Effect.LOOSENS)
    assert vine.before == "2 values: 'N', 'Y'"
    assert vine.after == "3 values: 'N', 'Y', 'X'"
    assert vine.why == "value 'X' seen in 12 of 500 rows of split train"
    assert verified.why == "value 'X' is not in the statistics"


def test_a_removed_value_tightens_the_contract():
    assert {change.effect for change in diff('value: "Y"', "")} == {Effect.TIGHTENS}


def test_missing_values_are_counted():
    (change,) = diff("min_fraction: 1 min_count: 1", "min_fraction: 0.8 min_count: 1")
    assert change.before == "in every row"
    assert change.after == "in at least 80.00% of the rows"
    assert change.why == "split train: no value in 100 of 500 rows"


def test_a_wider_range_is_explained_by_the_values_seen():
    (change,) = diff("min: 1 max: 5", "min: 0 max: 5")
    assert (change.before, change.after) == ("1 to 5", "0 to 5")
    assert change.why == "split train: from 0 to 5 in 500 rows"


def test_more_values_per_row_are_explained_by_their_number():
    (change,) = diff("min: 1 max: 1", "min: 1 max: 3")
    assert (change.before, change.after) == ("exactly 1", "1 to 3")
    assert change.why == "split train: 1 to 3 values in each row that has one (500 rows)"


def test_added_and_removed_columns_are_told_with_what_they_hold():
    proposed = schema(REVIEWED + 'feature { name: "new" type: FLOAT presence { min_fraction: 1 } }')
    proposed.feature[4].lifecycle_stage = schema_pb2.DEPRECATED
    removed, added = diff_schemas(schema(REVIEWED), proposed, statistics())
    assert (removed.feature, removed.kind, removed.after) == ("gone", ChangeKind.REMOVED, "deprecated")
    assert removed.why == "split train: no such column"
    assert (added.feature, added.kind, added.after) == ("new", ChangeKind.ADDED, "FLOAT, any value, in every row")
    assert added.why == "split train: a value in all 500 rows"


def test_another_type_is_explained_by_what_the_data_holds():
    changes = diff_schemas(
        schema('feature { name: "stars" type: BYTES }'), schema('feature { name: "stars" type: INT }'), statistics()
    )
    assert [(change.kind, change.before, change.after) for change in changes] == [(ChangeKind.TYPE, "BYTES", "INT")]
    assert changes[0].why == "split train: integers (INT)"


def test_a_change_of_the_whole_table_is_told():
    proposed = schema(REVIEWED)
    proposed.dataset_constraints.min_examples_count = 100
    (change,) = diff_schemas(schema(REVIEWED), proposed, statistics())
    assert change.feature == "(dataset)"
    assert change.why == "rows: 500 in train"


def test_changes_are_printed_with_reasons_and_counted():
    lines = format_changes(diff("min: 1 max: 5", "min: 0 max: 5"))
    assert lines == [
        "stars: range (accepts more)",
        "    1 to 5 → 0 to 5",
        "    split train: from 0 to 5 in 500 rows",
        "1 change: 1 accepts more.",
    ]


WIDER = REVIEWED.replace('value: "Y"', 'value: "Y" value: "X"').replace("min: 1 max: 5", "min: 0 max: 5")


def test_accepting_everything_gives_the_proposed_schema():
    assert apply_changes(schema(REVIEWED), schema(WIDER), None) == schema(WIDER)


def test_accepting_one_feature_leaves_every_other_as_it_was():
    accepted = apply_changes(schema(REVIEWED), schema(WIDER), ["stars"])
    assert accepted == schema(REVIEWED.replace("min: 1 max: 5", "min: 0 max: 5"))


def test_accepting_a_value_for_one_feature_does_not_accept_it_for_another_that_shares_the_domain():
    accepted = apply_changes(schema(REVIEWED), schema(WIDER), ["vine"])
    domains = {domain.name: list(domain.value) for domain in accepted.string_domain}
    by_name = {feature.name: feature for feature in accepted.feature}
    assert domains[by_name["vine"].domain] == ["N", "Y", "X"]
    assert domains[by_name["verified"].domain] == ["N", "Y"]


def test_accepting_a_value_for_all_that_share_a_domain_keeps_it_shared():
    accepted = apply_changes(schema(REVIEWED), schema(WIDER), ["vine", "verified", "stars"])
    assert accepted == schema(WIDER)


def test_accepting_a_new_column_appends_it_with_its_domain():
    proposed = schema(
        REVIEWED
        + 'feature { name: "colour" type: BYTES domain: "colour" } string_domain { name: "colour" value: "red" }'
    )
    assert apply_changes(schema(REVIEWED), proposed, ["colour"]) == proposed


def test_accepting_what_is_not_proposed_is_refused_with_the_nearest():
    with pytest.raises(ConfigError) as caught:
        apply_changes(schema(REVIEWED), schema(WIDER), ["star", "body"])
    assert caught.value.problems[0].endswith("Did you mean 'stars'?")
    assert "'body'" in caught.value.problems[1]


CHANGES = {
    "stars": ("min: 1 max: 5", "min: 0 max: 9"),
    "body": ("value_count { min: 1 max: 1 }", "value_count { min: 1 max: 4 }"),
    "verified": ('"as the shop says"', '"as the customer says"'),
    "gone": ("float_domain { min: 0 }", ""),
    "vine": ("min_fraction: 1 min_count: 1", "min_fraction: 0.5"),
}


@given(proposed=st.sets(st.sampled_from(sorted(CHANGES)), min_size=1), data=st.data())
def test_after_accepting_some_changes_exactly_the_others_are_left(proposed, data):
    accepted = data.draw(st.sets(st.sampled_from(sorted(proposed))))
    text = REVIEWED
    for name in proposed:
        text = text.replace(*CHANGES[name])
    result = apply_changes(schema(REVIEWED), schema(text), accepted)
    assert {change.feature for change in diff_schemas(result, schema(text), {})} == proposed - accepted
    assert {change.feature for change in diff_schemas(schema(REVIEWED), result, {})} == accepted
