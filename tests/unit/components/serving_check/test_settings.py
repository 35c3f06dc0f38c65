"""ServingCheck's settings."""

import json

import pytest

from components.serving_check.settings import ServingCheckSettings


def test_all_findings_are_reported_together() -> None:
    with pytest.raises(
        ValueError, match=r"(?s)timeout_s: 0 is not above 0.*rows: 1000 is more than the 256.*tolerance"
    ):
        ServingCheckSettings(rows=1000, timeout_s=0, tolerance=-1)


def test_a_p95_below_the_p50_is_refused() -> None:
    with pytest.raises(ValueError, match=r"max_p95_ms: 5 is below max_p50_ms 10"):
        ServingCheckSettings(max_p50_ms=10, max_p95_ms=5)


def test_settings_survive_json() -> None:
    settings = ServingCheckSettings(rows=3, tolerance=0.0)
    assert ServingCheckSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
