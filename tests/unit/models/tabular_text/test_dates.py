"""Dates in the graph agree with Python's calendar."""

import datetime

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tabular_text.dates import parse_dates

EPOCH = datetime.date(1970, 1, 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dates(), min_size=1, max_size=50))
def test_every_date_of_the_calendar_has_its_day_month_and_weekday(dates: list[datetime.date]) -> None:
    parts = parse_dates(tf.constant([date.isoformat() for date in dates]))
    assert parts.days.numpy().tolist() == [(date - EPOCH).days for date in dates]
    assert parts.month.numpy().tolist() == [date.month for date in dates]
    assert parts.weekday.numpy().tolist() == [date.isoweekday() for date in dates]
    assert not parts.is_missing.numpy().any()


def test_a_time_of_day_is_passed_over() -> None:
    parts = parse_dates(tf.constant(["2015-08-31", "2015-08-31T23:59:59Z", "2015-08-31 00:00"]))
    assert len(set(parts.days.numpy().tolist())) == 1


def test_what_is_no_date_is_missing_and_zero() -> None:
    broken = [
        "",
        "2015-02-29",
        "2015-13-01",
        "2015-00-10",
        "2015-01-00",
        "2015-1-1",
        "31.08.2015",
        "2015-08-31x",
        "日本",
    ]
    parts = parse_dates(tf.constant(broken))
    assert parts.is_missing.numpy().all()
    for part in (parts.days, parts.month, parts.weekday):
        assert part.numpy().tolist() == [0] * len(broken)


def test_leap_days_exist_every_four_years_but_not_in_1900() -> None:
    parts = parse_dates(tf.constant(["2016-02-29", "2000-02-29", "1900-02-29"]))
    assert parts.is_missing.numpy().tolist() == [False, False, True]
