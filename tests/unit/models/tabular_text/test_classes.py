"""Class indices follow the natural order of the class names."""

from hypothesis import given
from hypothesis import strategies as st

from models.tabular_text.classes import natural_order


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_numbers_are_ordered_as_numbers(numbers: list[int]) -> None:
    assert natural_order(map(str, numbers)) == [str(number) for number in sorted(set(numbers))]


@given(st.lists(st.text(min_size=1)))
def test_one_word_among_numbers_makes_all_of_them_words(words: list[str]) -> None:
    assert natural_order([*words, "word"]) == sorted({*words, "word"})


def test_the_positive_class_comes_second() -> None:
    for negative, positive in (("0", "1"), ("no", "yes"), ("False", "True"), ("-1", "1"), ("N", "Y")):
        assert natural_order([positive, negative]) == [negative, positive]


def test_not_a_number_is_no_number() -> None:
    assert natural_order(["nan", "10", "9"]) == ["10", "9", "nan"]
