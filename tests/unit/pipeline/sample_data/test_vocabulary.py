import unicodedata

import numpy as np
import pytest

from pipeline.sample_data.randomness import TABLE_SIZE
from pipeline.sample_data.vocabulary import vocabulary
from pipeline.sample_data.word_lists import COMMON_WORDS, OPENERS, OPINION_WORDS


def plain(word: str) -> str:
    """A word as models see it: letters, digits and symbols, lower case."""
    return "".join(c for c in word.lower() if unicodedata.category(c)[0] in "LMN" or unicodedata.category(c) == "So")


def test_no_word_of_an_opinion_means_anything_else_also_without_case_and_punctuation() -> None:
    opinion_words = [word for words in OPINION_WORDS for word in words]
    assert len({plain(word) for word in opinion_words}) == len(opinion_words)
    known = vocabulary()
    others = set(map(plain, known.words.to_pylist())) - set(map(plain, opinion_words))
    made_up = known.words.to_pylist()[len(OPENERS) + len(COMMON_WORDS) : known.size - len(opinion_words)]
    assert not set(map(plain, opinion_words)) & set(map(plain, [*OPENERS, *COMMON_WORDS, *made_up]))
    assert len(others) > 3500


def test_no_word_stands_twice() -> None:
    words = vocabulary().words.to_pylist()
    assert len(words) == 2 * vocabulary().size
    assert len(set(words)) == len(words)


def test_words_hold_no_white_space_and_are_composed_unicode() -> None:
    for word in vocabulary().words.to_pylist():
        assert word.split() == [word]
        assert unicodedata.is_normalized("NFC", word)


def test_the_vocabulary_covers_what_readers_stumble_over() -> None:
    text = " ".join(vocabulary().words.to_pylist())
    for hard in ('"', "'", "\\", "é", "ゲ", "戏", "😍", "ы", "<br/>", ",", ";"):
        assert hard in text


def test_tables_draw_only_from_their_own_words() -> None:
    known = vocabulary()
    words = np.array(known.words.to_pylist())
    assert set(words[known.openers]) == set(OPENERS)
    assert set(COMMON_WORDS) <= set(words[known.fillers])
    for opinion, mine in enumerate(OPINION_WORDS):
        assert set(words[known.opinions[opinion]]) == set(mine)


def test_frequent_words_are_as_frequent_as_zipf_says() -> None:
    counts = np.bincount(vocabulary().fillers)
    ranked = counts[counts > 0]
    # 1 / (rank + 2.7): rank 1 against rank 8 is 10.7 to 3.7.
    assert ranked[0] / ranked[7] == pytest.approx(10.7 / 3.7, rel=0.01)
    assert counts.sum() == TABLE_SIZE


def test_drift_replaces_its_share_of_the_words_and_more_of_the_same_when_it_grows() -> None:
    known, replaced_before = vocabulary(), np.zeros(vocabulary().size, dtype=bool)
    for strength in (0.0, 0.1, 0.3, 0.7, 1.0):
        numbers = known.replacements(strength)
        is_replaced = numbers != np.arange(known.size)
        assert is_replaced.mean() == pytest.approx(strength, abs=0.005)
        assert np.all(numbers[is_replaced] == np.flatnonzero(is_replaced) + known.size)
        assert np.all(is_replaced[replaced_before])
        assert is_replaced[known.fillers].mean() == pytest.approx(strength, abs=0.1), "share of the words in a text"
        replaced_before = is_replaced
