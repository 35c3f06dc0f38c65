import pytest

from pipeline.caching.parts import Change
from pipeline.caching.words import sentences, shortened

CASES = [
    (Change("code", "models/tabular_text/model.py", "changed", "a", "b"), "models/tabular_text/model.py changed"),
    (Change("code", "models/new.py", "added", new="b"), "models/new.py is new"),
    (Change("parameters", "training.epochs", "changed", 5, 6), "training.epochs: 5 → 6"),
    (Change("parameters", "x", "changed", None, True), "x: null → true"),
    (Change("parameters", "x", "removed", "old"), "x: old is gone"),
    (Change("data", "rows.csv", "changed", "a", "b"), "data file 'rows.csv' changed"),
    (Change("data", "rows-2.csv", "added", new="b"), "data file 'rows-2.csv' is new"),
    (Change("schema", "schema.pbtxt", "changed", "a", "b"), "schema file 'schema.pbtxt' changed"),
    (Change("inputs", "examples.fingerprint", "changed", "a", "b"), "input 'examples': bytes changed"),
    (Change("inputs", "examples.fingerprint", "changed", "a", None), "input 'examples': deleted"),
    (Change("inputs", "examples.span", "changed", 1, 2), "input 'examples': span 1 → 2"),
    (Change("inputs", "baseline_model.type", "added", new="Model"), "input 'baseline_model' is new"),
    (Change("environment", "python", "changed", "3.11.2", "3.11.9"), "python 3.11.2 → 3.11.9"),
    (Change("environment", "requirements.lock", "changed", "a", "b"), "requirements.lock changed"),
    (
        Change("day", "today", "changed", "2026-11-21", "2026-11-22"),
        "the day: 2026-11-21 → 2026-11-22 (waivers expire)",
    ),
    (Change("outputs", "model.type", "changed", "A", "B"), "output model.type: A → B"),
]


@pytest.mark.parametrize(("change", "words"), CASES, ids=[words for _, words in CASES])
def test_a_change_is_told_in_the_users_words(change, words):
    assert sentences([change]) == [words]


def test_a_changed_lock_is_told_by_its_packages():
    lock = Change("environment", "requirements.lock", "changed", "a", "b")
    assert sentences([lock], ["tensorflow 2.20 → 2.21", "six is gone"]) == ["tensorflow 2.20 → 2.21, six is gone"]


def test_an_artifact_more_is_told_once():
    added = [Change("inputs", f"model.{name}", "added", new="x") for name in ("fingerprint", "span", "type")]
    assert sentences(added) == ["input 'model' is new"]


@pytest.mark.parametrize("value", ["\x1b[31mred\x00", "a\nb\rc", "x" * 10_000, "\u202eevil", "\ud800"])
def test_hostile_values_cannot_disturb_a_terminal(value):
    (words,) = sentences([Change("parameters", "p", "changed", value, 1)])
    assert words.isprintable()
    assert len(words) < 100


def test_what_tells_most_comes_first():
    changes = [
        Change("inputs", "examples.fingerprint", "changed", "a", "b"),
        *(Change("parameters", f"features[{number}].reason", "changed", "a", "b") for number in range(3)),
        Change("parameters", "training.epochs", "changed", 5, 6),
        Change("code", "models/model.py", "changed", "a", "b"),
    ]
    assert sentences(changes)[:3] == ["models/model.py changed", "training.epochs: 5 → 6", "features[0].reason: a → b"]
    assert sentences(changes)[-1] == "input 'examples': bytes changed"


def test_a_long_list_is_cut_and_says_so():
    assert shortened([str(number) for number in range(20)])[-1] == "and 8 more differences"
    assert shortened(["a", "b"]) == ["a", "b"]
    assert len(shortened([str(number) for number in range(13)])) == 13
