import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.caching.parts import Change, cache_key, canonical, changes, flatten, parse_parts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def without_texts_of_json(value):
    """The value with every text changed so that it holds no JSON."""
    if isinstance(value, dict):
        return {key: without_texts_of_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_texts_of_json(item) for item in value]
    return f"_{value}" if isinstance(value, str) else value


@given(JSON, JSON)
def test_different_values_have_different_leaves(one, other):
    one, other = without_texts_of_json(one), without_texts_of_json(other)
    same = canonical(one) == canonical(other)
    assert (canonical(flatten(one)) == canonical(flatten(other))) == same


@given(JSON)
def test_any_value_can_be_flattened_and_keyed(value):
    parts = {"parameters": flatten(value, "p")}
    assert len(cache_key(parts)) == 64
    assert changes(parts, parts) == []


def test_a_path_leads_through_json_in_a_text():
    text = json.dumps({"training": {"epochs": 5}, "units": [], "a.b": {"": None}})
    assert flatten({"custom_config": text, "n": "[not json"}) == {
        "custom_config.training.epochs": 5,
        "custom_config.units": "[]",
        'custom_config."a.b".""': None,
        "n": "[not json",
    }


def test_text_nested_too_deep_stays_a_text():
    deep = "[" * 100_000
    assert flatten({"x": deep}) == {"x": deep}


def test_each_change_names_section_part_and_both_values():
    old = {"code": {"a.py": "1", "b.py": "2"}, "parameters": {"epochs": 5, "same": None}, "gone": {"x": 1}}
    new = {"code": {"a.py": "1", "c.py": "3"}, "parameters": {"epochs": 6, "same": None}}
    assert changes(old, new) == [
        Change("code", "b.py", "removed", old="2"),
        Change("code", "c.py", "added", new="3"),
        Change("parameters", "epochs", "changed", 5, 6),
        Change("gone", "x", "removed", old=1),
    ]


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), (0, False), ("1", 1), (None, "null"), ("", None)])
def test_values_that_python_takes_for_equal_are_told_apart(one, other):
    assert cache_key({"p": {"x": one}}) != cache_key({"p": {"x": other}})
    assert changes({"p": {"x": one}}, {"p": {"x": other}}) == [Change("p", "x", "changed", one, other)]


def test_the_order_of_parts_does_not_count():
    assert cache_key({"a": {"x": 1, "y": 2}, "b": {}}) == cache_key({"b": {}, "a": {"y": 2, "x": 1}})


@pytest.mark.parametrize("text", ["", "[]", "3", '{"code": 1}', '{"code": []}', "{", "\x00", "[" * 100_000])
def test_what_is_no_parts_is_none(text):
    assert parse_parts(text) is None


def test_stored_parts_are_read_back():
    parts = {"code": {"a.py": "1"}, "parameters": {"x": 1.5, "y": None, "z": "ü \ud800"}}
    assert parse_parts(canonical(parts)) == parts


@pytest.mark.parametrize(("one", "other"), [("[]", "[ ]"), ('{"a":1}', '{"a": 1}'), ('{"a": 2, "a": 1}', '{"a": 1}')])
def test_texts_of_the_same_json_are_two_texts(one, other):
    assert flatten({"null_values": [one]}) != flatten({"null_values": [other]})
    assert flatten({"config": json.dumps({"null_values": [one]})}) != flatten(
        {"config": json.dumps({"null_values": [other]})}
    )
