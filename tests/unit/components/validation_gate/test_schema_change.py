"""The schema change in words."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.validation_gate.schema_change import changes_for


def schema(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def test_a_new_value_is_to_be_added_to_the_domain() -> None:
    before = schema('feature { name: "vine" type: BYTES string_domain { value: "Y" value: "N" } }')
    after = schema('feature { name: "vine" type: BYTES string_domain { value: "Y" value: "N" value: "X" } }')
    assert changes_for(["vine"], before, after) == ['feature "vine": add "X" to string_domain.value']


def test_a_shared_domain_is_named() -> None:
    before = schema('feature { name: "vine" domain: "yn" } string_domain { name: "yn" value: "Y" }')
    after = schema('feature { name: "vine" domain: "yn" } string_domain { name: "yn" value: "Y" value: "X" }')
    assert changes_for(["vine"], before, after) == [
        'feature "vine": add "X" to value (the shared string_domain "yn")',
    ]


def test_a_changed_number_shows_what_it_is_now_and_what_it_would_be() -> None:
    before = schema('feature { name: "age" presence { min_fraction: 1 min_count: 1 } int_domain { min: 1 max: 5 } }')
    after = schema('feature { name: "age" presence { min_fraction: 0.93 min_count: 1 } int_domain { min: 1 max: 7 } }')
    assert set(changes_for(["age"], before, after)) == {
        'feature "age": set presence.min_fraction to 0.93 (now 1)',
        'feature "age": set int_domain.max to 7 (now 5)',
    }


def test_a_type_is_called_by_its_name() -> None:
    before, after = schema('feature { name: "age" type: INT }'), schema('feature { name: "age" type: BYTES }')
    assert changes_for(["age"], before, after) == ['feature "age": set type to BYTES (now INT)']


def test_what_disappears_is_to_be_removed() -> None:
    before = schema('feature { name: "t" natural_language_domain {} presence { min_count: 1 } }')
    after = schema('feature { name: "t" presence { min_count: 1 } }')
    assert changes_for(["t"], before, after) == ['feature "t": remove natural_language_domain (now {})']


def test_a_column_that_the_schema_does_not_know_is_to_be_added_whole() -> None:
    (change,) = changes_for(["new"], schema(""), schema('feature { name: "new" type: INT }'))
    assert change == 'add feature { name: "new" type: INT }'


def test_a_feature_inside_a_struct_is_found_by_its_path() -> None:
    nested = 'feature {{ name: "s" type: STRUCT struct_domain {{ feature {{ name: "a" type: {} }} }} }}'
    changes = changes_for(["s", "a"], schema(nested.format("INT")), schema(nested.format("FLOAT")))
    assert changes == ['feature "s.a": set type to FLOAT (now INT)']


def test_constraints_on_the_whole_dataset_are_compared_without_a_feature() -> None:
    before = schema("dataset_constraints { min_examples_count: 100 }")
    after = schema("dataset_constraints { min_examples_count: 40 }")
    assert changes_for([], before, after) == ["dataset_constraints: set min_examples_count to 40 (now 100)"]


def test_equal_schemas_need_no_change() -> None:
    same = schema('feature { name: "age" type: INT presence { min_count: 1 } }')
    assert changes_for(["age"], same, same) == []
    assert changes_for(["unknown"], same, same) == []
