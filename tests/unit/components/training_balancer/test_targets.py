"""How many rows of each class there are afterwards: by hand, and what holds for any counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import BadData
from components.training_balancer.settings import BalancingSettings
from components.training_balancer.targets import Balance, balance_of

COUNTS = st.lists(st.integers(10, 10**9), min_size=2, max_size=12).map(
    lambda found: {f"c{index}": count for index, count in enumerate(found)}
)
TARGET = st.floats(0.001, 1.0)


def after(counts, method, **settings):
    balance = balance_of(counts, 0, "y", BalancingSettings(method, **settings))
    return {item.name: item.after for item in balance.classes}


def test_down_sampling_cuts_to_the_rarest_class_over_the_target():
    assert after({"a": 900, "b": 90, "c": 30}, "downsample") == {"a": 30, "b": 30, "c": 30}
    assert after({"a": 900, "b": 90, "c": 30}, "downsample", target=0.4) == {"a": 75, "b": 75, "c": 30}


def test_up_sampling_raises_to_the_target_of_the_most_frequent_class():
    assert after({"a": 300, "b": 90, "c": 40}, "upsample") == {"a": 300, "b": 300, "c": 300}
    assert after({"a": 300, "b": 200, "c": 40}, "upsample", target=0.5) == {"a": 300, "b": 200, "c": 150}


def test_a_target_is_taken_as_it_is_written():
    # 0.1 as a binary number is above a tenth: 30 rows would become 31 that way, and 10 / 0.1 would become 99.
    assert after({"a": 300, "b": 20}, "upsample", target=0.1) == {"a": 300, "b": 30}
    assert after({"a": 300, "b": 10}, "downsample", target=0.1) == {"a": 100, "b": 10}


def test_no_row_is_there_more_often_than_allowed_and_the_report_says_so():
    balance = balance_of({"a": 1000, "b": 20}, 0, "y", BalancingSettings("upsample", max_factor=10.0))
    assert balance.classes[1].after == 200
    (warning,) = balance.warnings
    assert "'y' = 'b' reaches 0.2 of the most frequent class instead of 1" in warning
    assert "balancing.max_factor allows 10 times its 20 rows" in warning


def test_weights_leave_every_row_where_it_is():
    balance = balance_of({"a": 90, "b": 10}, 0, "y", BalancingSettings("class_weights"))
    assert [item.after for item in balance.classes] == [90, 10]
    # rows / (classes * rows of the class)
    assert [item.weight for item in balance.classes] == pytest.approx([100 / (2 * 90), 100 / (2 * 10)])
    assert [item.share_after for item in balance.classes] == pytest.approx([0.5, 0.5])


def test_the_shift_of_the_prior_is_recorded_with_what_undoes_it():
    balance = balance_of({"no": 900, "yes": 100}, 0, "y", BalancingSettings("downsample"))
    no, yes = balance.classes
    assert (no.share_before, yes.share_before) == (0.9, 0.1)
    assert (no.share_after, yes.share_after) == (0.5, 0.5)
    assert (no.correction, yes.correction) == pytest.approx((1.8, 0.2))
    # A model that says 0.5 of a row on balanced rows says 0.1 on the rows as they come.
    assert yes.correction * 0.5 / (yes.correction * 0.5 + no.correction * 0.5) == pytest.approx(0.1)


def test_rows_without_a_class_are_counted_and_left_alone():
    balance = balance_of({"a": 100, "b": 50}, 7, "y", BalancingSettings("downsample"))
    assert (balance.rows_before, balance.rows_after, balance.unclassed) == (157, 107, 7)


def test_a_class_that_would_decide_everything_stops_down_sampling():
    with pytest.raises(BadData) as caught:
        balance_of({"a": 5000, "b": 1}, 0, "y", BalancingSettings("downsample"))
    text = str(caught.value)
    assert "would cut every value of 'y' to at most 1 of 5,001 training rows" in text
    assert "balancing.min_class_rows = 10: 'b' (1)" in text
    assert "upsample or class_weights" in text


@pytest.mark.parametrize("method", ["upsample", "class_weights"])
def test_a_class_of_one_row_is_warned_of(method):
    balance = balance_of({"a": 8, "b": 1}, 0, "y", BalancingSettings(method))
    assert [warning.split(":")[0] for warning in balance.warnings] == [
        "'y' = 'a' has only 8 training rows",
        "'y' = 'b' has only 1 training row",
    ]


def test_an_absent_class_stays_absent_and_is_warned_of():
    balance = balance_of({"a": 100, "gone": 0, "b": 50}, 0, "y", BalancingSettings("upsample"))
    gone = balance.classes[1]
    assert (gone.after, gone.share_after, gone.correction) == (0, 0.0, None)
    assert balance.warnings == ("'y' = 'gone' has no training row, so no balancing can bring it back.",)


@pytest.mark.parametrize(("counts", "seen"), [({"a": 30, "b": 0}, "only 'a'"), ({}, "no value")])
def test_one_class_is_nothing_to_balance(counts, seen):
    with pytest.raises(BadData, match=f"column 'y' has {seen} in the train split"):
        balance_of(counts, 3, "y", BalancingSettings("upsample"))


def test_a_balance_comes_back_as_it_was_written():
    balance = balance_of({"a": 100, "b": 3}, 2, "y", BalancingSettings("upsample"))
    assert Balance.from_json(balance.to_json()) == balance


def test_a_balance_of_another_format_is_refused():
    with pytest.raises(ValueError, match="format 2"):
        Balance.from_json({"format": 2})


@given(COUNTS, TARGET)
def test_down_sampling_never_adds_a_row_and_keeps_the_rarest_class_whole(counts, target):
    found = after(counts, "downsample", target=target)
    assert all(found[name] <= counts[name] for name in counts)
    assert min(found.values()) == min(counts.values())
    assert min(found.values()) >= target * max(found.values()) * (1 - 1e-9)


@given(COUNTS, TARGET)
def test_up_sampling_never_loses_a_row_and_reaches_the_target(counts, target):
    found = after(counts, "upsample", target=target, max_factor=1e12)
    assert all(found[name] >= counts[name] for name in counts)
    assert max(found.values()) == max(counts.values())
    assert min(found.values()) >= target * max(found.values()) * (1 - 1e-9)


@given(COUNTS, TARGET, st.floats(1.0, 50.0), st.sampled_from(["downsample", "upsample", "class_weights"]))
def test_shares_sum_to_one_before_and_after(counts, target, max_factor, method):
    balance = balance_of(counts, 0, "y", BalancingSettings(method, target=target, max_factor=max_factor))
    assert sum(item.share_before for item in balance.classes) == pytest.approx(1)
    assert sum(item.share_after for item in balance.classes) == pytest.approx(1)
