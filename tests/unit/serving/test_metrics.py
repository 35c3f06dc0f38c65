"""The counts of a server in Prometheus' text format; times come from a clock that the test sets."""

import threading

import pytest

from serving.metrics import Metrics


@pytest.fixture
def clock():
    """Seconds; the first entry is the time now."""
    return [0.0]


@pytest.fixture
def metrics(clock):
    return Metrics({"version": "7", "digest": "ab"}, lambda: clock[0])


def value(metrics, series):
    """The number of one series."""
    found = [line.rpartition(" ")[2] for line in metrics.text().splitlines() if line.rpartition(" ")[0] == series]
    assert len(found) == 1, metrics.text()
    return float(found[0])


def ask(metrics, clock, seconds, status):
    with metrics.one_request() as tell:
        clock[0] += seconds
        tell(status)


def test_a_request_is_in_the_class_of_its_time_and_in_all_longer_ones(metrics, clock):
    for seconds, status in [(0.005, 200), (0.02, 200), (0.02, 400), (60, 503)]:
        ask(metrics, clock, seconds, status)
    counts = {
        bound: value(metrics, f'penstock_serving_request_seconds_bucket{{le="{bound}"}}')
        for bound in ("0.005", "0.01", "0.025", "10.0", "+Inf")
    }
    assert counts == {"0.005": 1, "0.01": 1, "0.025": 3, "10.0": 3, "+Inf": 4}
    assert value(metrics, "penstock_serving_request_seconds_count") == 4
    assert value(metrics, "penstock_serving_request_seconds_sum") == pytest.approx(60.045)
    by_status = {
        code: value(metrics, f'penstock_serving_requests_total{{status="{code}"}}') for code in (200, 400, 503)
    }
    assert by_status == {200: 2, 400: 1, 503: 1}


def test_a_request_whose_answer_nobody_told_is_counted_as_an_error_of_ours_and_is_over(metrics, clock):
    with metrics.one_request():
        assert value(metrics, "penstock_serving_requests_under_way") == 1
    assert value(metrics, 'penstock_serving_requests_total{status="500"}') == 1
    assert value(metrics, "penstock_serving_requests_under_way") == 0


def test_every_series_is_there_before_the_first_request_and_has_its_kind_said_before_it(metrics):
    assert metrics.text().startswith(
        "# HELP penstock_serving_model_info The model that answers, in labels.\n"
        "# TYPE penstock_serving_model_info gauge\n"
        'penstock_serving_model_info{version="7",digest="ab"} 1\n'
    )
    assert value(metrics, "penstock_serving_rows_total") == 0
    assert metrics.text().endswith("penstock_serving_request_seconds_count 0\n")
    told = ""
    for line in metrics.text().splitlines():
        if line.startswith("# TYPE "):
            told = line.split()[2]
        elif not line.startswith("#"):
            assert line.startswith(told)


def test_labels_cannot_end_their_line(metrics):
    said = Metrics({"version": 'a"b\\c\nd'}).text()
    assert 'penstock_serving_model_info{version="a\\"b\\\\c\\nd"} 1\n' in said


def test_no_count_is_lost_among_threads(metrics, clock):
    def many():
        for _ in range(500):
            ask(metrics, clock, 0, 200)
            metrics.add_rows(2)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, 'penstock_serving_requests_total{status="200"}') == 2000
    assert value(metrics, "penstock_serving_rows_total") == 4000
