import pytest

from components.human_review.settings import ReviewSettings


def test_the_threshold_is_the_books():
    assert ReviewSettings().threshold == 0.90


def test_every_mistake_is_told_at_once():
    with pytest.raises(ValueError, match="threshold is 90") as refused:
        ReviewSettings(threshold=90, max_rows=0)
    assert "max_rows is 0" in str(refused.value)


def test_settings_survive_json():
    settings = ReviewSettings(threshold=0.8, max_rows=5, path="more.csv")
    assert ReviewSettings.from_json(settings.to_json()) == settings
