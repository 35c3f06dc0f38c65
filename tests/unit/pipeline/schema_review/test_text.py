from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.schema_review.text import edited_text

TEXT = """# The contract.
# Two lines.

# Who { wrote "it.
feature { name: "a}" type: BYTES }  # an identifier
feature: <
  name: 'b'  # with a } here
  type: INT
>

# How much.
feature {
  name: "c"
  type: BYTES domain: "yes_or_no"
}
represent_variable_length_as_ragged: false

# Closed.
string_domain { name: "yes_or_no" value: "N" value: "Y\\"#" }
# The end.
"""


def parse(text):
    return text_format.Parse(text, schema_pb2.Schema())


def test_the_text_of_an_unchanged_schema_stays_as_it_is():
    assert edited_text(TEXT, parse(TEXT)) == TEXT


def test_only_the_block_that_changed_is_written_anew():
    schema = parse(TEXT)
    schema.string_domain[0].value.append("größer")
    expected = TEXT.replace(
        """string_domain { name: "yes_or_no" value: "N" value: "Y\\"#" }""",
        'string_domain {\n  name: "yes_or_no"\n  value: "N"\n  value: "Y\\"#"\n  value: "größer"\n}',
    )
    assert edited_text(TEXT, schema) == expected


def test_a_new_feature_follows_the_features_and_a_new_domain_the_domains():
    schema = parse(TEXT)
    schema.feature.add(name="d", type=schema_pb2.BYTES, domain="colour")
    schema.string_domain.add(name="colour", value=["red"])
    text = edited_text(TEXT, schema)
    assert text.index('name: "c"') < text.index('name: "d"') < text.index("# Closed.") < text.index('name: "colour"')
    assert text.endswith("}\n# The end.\n")
    assert parse(text) == schema


def test_a_dropped_feature_takes_its_own_comment_along_and_leaves_the_one_above():
    schema = parse(TEXT)
    del schema.feature[0]
    text = edited_text(TEXT, schema)
    assert text.startswith("# The contract.\n# Two lines.\n")
    assert "Who" not in text
    assert "identifier" not in text
    assert parse(text) == schema


def test_a_single_setting_can_be_changed_added_and_dropped():
    schema = parse(TEXT)
    schema.represent_variable_length_as_ragged = True
    schema.dataset_constraints.min_examples_count = 3
    text = edited_text(TEXT, schema)
    assert "represent_variable_length_as_ragged: true" in text
    assert parse(text) == schema
    schema.ClearField("represent_variable_length_as_ragged")
    assert parse(edited_text(text, schema)) == schema


def test_another_order_cannot_be_had_by_editing():
    schema = parse(TEXT)
    schema.feature.reverse()
    assert edited_text(TEXT, schema) is None


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=4)


@given(
    old=st.lists(NAMES, unique=True, min_size=1, max_size=5),
    new=st.lists(NAMES, unique=True, max_size=3),
    dropped=st.sets(st.integers(0, 4)),
    changed=st.sets(st.integers(0, 4)),
)
def test_whatever_changes_the_edited_text_means_the_schema_and_keeps_the_comments(old, new, dropped, changed):
    before, after = schema_pb2.Schema(), schema_pb2.Schema()
    text = "# head\n\n"
    for at, name in enumerate(old):
        one = schema_pb2.Schema()
        one.feature.add(name=name, type=schema_pb2.INT)
        before.MergeFrom(one)
        text += f"# about {at}.\n{text_format.MessageToString(one, as_utf8=at % 2 == 0)}\n"
        if at in dropped:
            continue
        if at in changed:
            one.feature[0].int_domain.max = 3
        after.MergeFrom(one)
    for name in new:
        if name not in old:
            after.feature.add(name=name, type=schema_pb2.FLOAT)
    edited = edited_text(text, after)
    assert edited is not None
    assert parse(edited) == after
    for at in range(len(old)):
        assert (f"# about {at}." in edited) == (at not in dropped)
