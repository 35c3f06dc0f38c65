"""Times as of crontab in six fields; what is no time is told by field."""

import pytest

from pipeline.errors import ConfigError
from pipeline.runners.kubeflow.cron import six_fields


@pytest.mark.parametrize(
    ("five", "six"),
    [
        ("30 6 * * *", "0 30 6 * * *"),
        ("*/15 0-6/2 1,15 JAN-mar MON", "0 */15 0-6/2 1,15 JAN-mar MON"),
        ("0 0 * * 7", "0 0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 0 * * 5,6,0"),
        ("0 0 * * 1-7/2", "0 0 0 * * 1,3,5,0"),
        ("0  9 * *  1,7", "0 0 9 * * 1,0"),
    ],
)
def test_five_fields_become_six_with_the_same_times(five, six):
    assert six_fields(five) == six


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 30 6 * * *", "expected five fields .* these are 6"),
        ("60 6 * * *", r"'60' is no minute \(0 to 59\)"),
        ("0 0 0 * *", r"'0' is no day of the month \(1 to 31\)"),
        ("0 0 * FEBRUARY *", "'FEBRUARY' is no month"),
        ("0 20-6 * * *", "'20-6': the range of the hour goes backwards"),
        ("*/0 * * * *", "a step of 0 never comes"),
        ("0 0 L * *", "'L' is no day of the month"),
        ("@ 0 * * *", "'@' is no minute; expected"),
    ],
)
def test_what_is_no_time_is_told_by_its_field(cron, told):
    with pytest.raises(ConfigError, match=told):
        six_fields(cron)


def test_every_wrong_field_is_told_at_once():
    with pytest.raises(ConfigError) as refused:
        six_fields("60 24 32 13 8")
    assert len(refused.value.problems) == 5
