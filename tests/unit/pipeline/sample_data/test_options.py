import datetime

import pytest

from pipeline.errors import ConfigError
from pipeline.sample_data.options import BiasOptions, DriftOptions, InvalidOptions, ReviewsOptions


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(InvalidOptions) as caught:
        ReviewsOptions(
            rows=0,
            seed=-1,
            drift=DriftOptions(label=1.5, vocabulary=float("nan")),
            bias=BiasOptions("Gift Cards", 2),
            broken_rows=-3,
            days=0,
        )
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 8
    for part in ("rows is 0", "seed is -1", "drift label is 1.5", "drift vocabulary is nan", "bias strength is 2"):
        assert part in problems
    assert "broken rows is -3" in problems
    assert "days is 0" in problems
    assert "Did you mean 'Gift Card'?" in problems


def test_a_bias_without_a_category_is_refused() -> None:
    with pytest.raises(InvalidOptions, match="no category; name one of 'Gift Card', 'Digital_Video_Games'"):
        ReviewsOptions(bias=BiasOptions(strength=0.5))


def test_days_past_the_end_of_the_calendar_are_refused() -> None:
    last = datetime.date(9999, 12, 30)
    assert ReviewsOptions(start_date=last, days=2).days == 2
    with pytest.raises(InvalidOptions, match="days is 3; give a whole number from 1 to 2"):
        ReviewsOptions(start_date=last, days=3)


def test_mistakes_are_caught_as_value_errors_and_as_the_command_lines_errors() -> None:
    assert issubclass(InvalidOptions, ValueError)
    assert issubclass(InvalidOptions, ConfigError)
