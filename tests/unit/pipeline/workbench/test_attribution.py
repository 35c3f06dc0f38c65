import numpy as np
import pandas as pd
import pytest

from pipeline.workbench.attribution import MOST_WORDS, occlusion, permutation_importance


def test_a_column_that_the_model_ignores_has_no_importance():
    rows = pd.DataFrame({"used": np.arange(40.0), "ignored": np.arange(40.0), "truth": np.arange(40.0)})

    def loss(asked):
        return np.abs(asked["used"] - asked["truth"]).to_numpy()

    found = permutation_importance(loss, rows, ["ignored", "used"], repeats=3, seed=1).set_index("column")
    assert found.index.tolist() == ["used", "ignored"]
    assert found.loc["ignored", "importance"] == 0
    assert found.loc["ignored", "spread"] == 0
    # The mean distance of two random places among n is (n^2 - 1) / 3n; here 13.3.
    assert found.loc["used", "importance"] == pytest.approx(1599 / 120, abs=2.5)


def test_the_same_seed_gives_the_same_importance_and_changes_no_rows():
    rows = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0)[::-1].copy()})
    before = rows.copy()

    def loss(asked):
        return (asked["a"] * asked["b"]).to_numpy()

    one, other = (permutation_importance(loss, rows, ["a", "b"], repeats=2, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(rows, before)


def test_a_words_effect_is_what_its_loss_costs():
    weights = {"good": 2.0, "bad": -3.0}

    def answer(rows):
        return [sum(weights.get(word, 0.0) for word in text.split()) for text in rows["text"]]

    row = pd.DataFrame({"text": ["a good  book, not bad good"], "n": [1]})
    found = occlusion(answer, row, "text")
    assert found["word"].tolist() == ["a", "good", "book,", "not", "bad", "good"]
    assert found["effect"].tolist() == [0.0, 2.0, 0.0, 0.0, -3.0, 2.0]


@pytest.mark.parametrize("text", [None, "", "   ", float("nan")])
def test_a_text_without_words_has_no_effects(text):
    assert occlusion(lambda rows: [0.0] * len(rows), pd.DataFrame({"text": [text]}), "text").empty


def test_a_very_long_text_is_tried_in_part():
    found = occlusion(lambda rows: [0.0] * len(rows), pd.DataFrame({"text": ["word " * 5000]}), "text")
    assert len(found) == MOST_WORDS
