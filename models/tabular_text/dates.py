"""ISO 8601 dates as numbers, inside the TensorFlow graph."""

from typing import NamedTuple

import tensorflow as tf

#: A calendar date, alone or followed by a time of day (which is not used).
ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ].*)?"


class DateParts(NamedTuple):
    """int64 [batch] each; where `is_missing`, days = month = weekday = 0."""

    days: tf.Tensor  # since 1970-01-01, may be negative
    month: tf.Tensor  # 1 to 12
    weekday: tf.Tensor  # 1 to 7, Monday = 1
    is_missing: tf.Tensor  # bool


def parse_dates(text: tf.Tensor) -> DateParts:
    """The parts of ISO 8601 dates, string [batch]; whatever is no date of the calendar is missing."""
    looks_right = tf.strings.regex_full_match(text, ISO_DATE)
    safe = tf.where(looks_right, text, "1970-01-01")
    year, month, day = (_number(safe, start, length) for start, length in ((0, 4), (5, 2), (8, 2)))
    is_real = (month >= 1) & (month <= 12) & (day >= 1) & (day <= _days_in_month(year, month))
    is_missing = ~(looks_right & is_real)
    days = tf.where(is_missing, tf.zeros_like(year), days_since_1970(year, month, day))
    # 1970-01-01 was a Thursday, ISO weekday 4.
    weekday = tf.where(is_missing, tf.zeros_like(days), tf.math.floormod(days + 3, 7) + 1)
    return DateParts(days, tf.where(is_missing, tf.zeros_like(month), month), weekday, is_missing)


def days_since_1970(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Days from 1970-01-01 in the proleptic Gregorian calendar, int64, same shape as the inputs.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil: years start in March, so
    that the leap day is the last one.
    """
    shifted_year = tf.where(month <= 2, year - 1, year)
    era = shifted_year // 400
    year_of_era = shifted_year - era * 400
    day_of_year = (153 * tf.math.floormod(month + 9, 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


def _days_in_month(year: tf.Tensor, month: tf.Tensor) -> tf.Tensor:
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = tf.constant([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], tf.int64)
    length = tf.gather(lengths, tf.clip_by_value(month - 1, 0, 11))
    return length + tf.cast(is_leap & (month == 2), tf.int64)


def _number(text: tf.Tensor, start: int, length: int) -> tf.Tensor:
    return tf.strings.to_number(tf.strings.substr(text, start, length), tf.int64)
