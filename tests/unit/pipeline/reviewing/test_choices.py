import pytest

from pipeline.reviewing.choices import chosen, keys_of, near


@pytest.mark.parametrize(
    ("text", "classes", "expected"),
    [
        ("yes", ["no", "yes"], "yes"),
        ("2", ["no", "yes"], "yes"),
        ("Y", ["no", "yes"], "yes"),
        ("3", ["no", "yes"], None),
        ("", ["no", "yes"], None),
        ("n", ["no", "never"], None),  # both begin so
        ("1", ["0", "1"], "1"),  # the class, not the first one
        ("5.0", ["4", "5"], "5"),  # what a spreadsheet makes of it
        ("2", ["10", "20"], "20"),
    ],
)
def test_what_is_typed_means_a_class(text, classes, expected):
    keys = keys_of(classes)
    if (text, classes) == ("2", ["10", "20"]):
        assert "2" not in keys  # a number is never a place where classes are numbers
    assert chosen(text, classes, keys) == expected


def test_a_sheet_names_classes_in_full():
    assert chosen("1", ["no", "yes"]) is None
    assert chosen("ye", ["no", "yes"]) is None
    assert chosen(" yes ", ["no", "yes"]) == "yes"


def test_a_near_name_is_suggested():
    assert near("Postive", ["positive", "negative"]) == " Did you mean 'positive'?"
    assert near("zzz", ["positive", "negative"]) == ""
