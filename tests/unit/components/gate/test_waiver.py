"""When an answer depends on the day."""

from typing import Any

import pytest

from components.gate.waiver import depends_on_day


@pytest.mark.parametrize(
    ("settings", "depends"),
    [
        ({"waivers": []}, False),
        ({"waivers": [{"check": "size"}]}, True),
        ({"quality": {"waivers": [{"check": "size"}]}}, True),
        ({"constraints": [{"kind": "freshness", "max_age_days": 3}]}, True),
        ({"constraints": [{"kind": "size", "max_age_days": None}]}, False),
        ("waivers", False),
    ],
)
def test_waivers_and_bounds_of_age_make_an_answer_depend_on_the_day(settings: Any, depends: bool) -> None:
    assert depends_on_day(settings) == depends
