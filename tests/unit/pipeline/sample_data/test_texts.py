import numpy as np
import pytest

from pipeline.sample_data.randomness import TABLE_SIZE, Purpose, Stream
from pipeline.sample_data.texts import MAX_WORDS, body_word_counts, headline_word_counts, write_texts
from pipeline.sample_data.vocabulary import vocabulary
from pipeline.sample_data.word_lists import OPENERS, OPINION_WORDS


def texts(opinions: list[int], counts: np.ndarray, drift: float = 0) -> list[str]:
    stream = Stream(3, 0, Purpose.BODY)
    return write_texts(np.array(opinions), counts, vocabulary().replacements(drift), stream).to_pylist()


def test_bodies_are_as_long_as_the_books() -> None:
    counts = body_word_counts()
    assert counts.mean() == pytest.approx(51.7, rel=0.01)
    assert np.percentile(counts, 80) == 63
    assert counts.max() == MAX_WORDS == 5347
    assert counts.min() == 1


def test_headlines_have_one_to_six_words() -> None:
    assert set(headline_word_counts().tolist()) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("n_words", [1, 2, 3, 17, 100])
def test_every_text_tells_its_opinion_and_no_other_early_enough_to_be_read(n_words: int) -> None:
    opinions = [0, 1, 2, 3, 4] * 100
    counts = np.full(TABLE_SIZE, n_words, dtype=np.uint16)
    for opinion, text in zip(opinions, texts(opinions, counts), strict=True):
        words = text.split(" ")
        assert len(words) == n_words
        assert n_words == 1 or words[0] in OPENERS
        told = {o for o, mine in enumerate(OPINION_WORDS) for word in words[:17] if word in mine}
        assert told == {opinion}
        assert {o for o, mine in enumerate(OPINION_WORDS) for word in words if word in mine} == {opinion}


def test_long_texts_repeat_their_opinion_at_the_stated_rate() -> None:
    counts = np.full(TABLE_SIZE, 2000, dtype=np.uint16)
    words = " ".join(texts([4] * 50, counts)).split(" ")
    share = np.mean([word in OPINION_WORDS[4] for word in words])
    # 0.12 of 1999 words and one more in 2000; four standard errors of 100,000 draws.
    assert share == pytest.approx(0.1204, abs=4 * (0.12 * 0.88 / 100_000) ** 0.5)


def test_a_full_drift_of_the_vocabulary_replaces_word_by_word() -> None:
    counts = np.full(TABLE_SIZE, 30, dtype=np.uint16)
    before, after = texts([1, 2], counts), texts([1, 2], counts, drift=1)
    words = vocabulary().words.to_pylist()
    translated = [" ".join(words[words.index(word) + vocabulary().size] for word in text.split(" ")) for text in before]
    assert after == translated
