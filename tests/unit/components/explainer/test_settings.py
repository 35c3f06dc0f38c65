"""Settings survive JSON, and every mistake is told at once."""

import pytest

from components.explainer.settings import ExplanationSettings


def test_settings_survive_json():
    settings = ExplanationSettings(method="permutation_shap", baseline="missing", rows=30, examples=0)
    assert ExplanationSettings.from_json(settings.to_json()) == settings


def test_every_mistake_is_told_at_once():
    with pytest.raises(ValueError, match=r"(?s)method 'lime'.*baseline 'zero'.*rows: 3.*tolerance.*min_completeness"):
        ExplanationSettings(method="lime", baseline="zero", rows=3, tolerance=0.0, min_completeness=1.5)
