import logging

import pytest

from components.arrow_example_gen.telling import RowTeller


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.DEBUG, logger="penstock.progress")
    return lambda: [(record.levelname, record.progress) for record in caplog.records]


def test_rows_are_told_once_a_second_and_at_the_end(said):
    now = 0.0
    teller = RowTeller("second pass", 1000, clock=lambda: now)
    for _ in range(24):
        now += 0.125
        teller.add(40)
    teller.end()
    done = [(level, progress["done"], progress["total"]) for level, progress in said()]
    assert done == [("DEBUG", 320, 1000), ("DEBUG", 640, 1000), ("DEBUG", 960, 1000), ("INFO", 960, 1000)]


def test_nobody_knows_the_total_of_the_first_pass(said):
    teller = RowTeller("first pass")
    teller.add(7)
    teller.end()
    assert said() == [("INFO", {"done": 7, "total": None, "unit": "rows"})]
