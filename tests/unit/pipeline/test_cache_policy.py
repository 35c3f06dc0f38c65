import pytest

from pipeline.cache_policy import CachePolicy, NodePolicy

HOUR_MS = 3_600_000


def test_an_answer_expires_when_its_hours_are_over():
    policy = NodePolicy(cache_ttl_hours=24)
    assert not policy.has_expired(0, 24 * HOUR_MS)
    assert policy.has_expired(0, 24 * HOUR_MS + 1)
    assert not NodePolicy().has_expired(0, 10**15)


def test_a_node_that_is_not_named_is_cached_for_ever():
    policy = CachePolicy({"Trainer": NodePolicy(cache=False)})
    assert (policy.of("Trainer").cache, policy.of("Pusher")) == (False, NodePolicy(cache=True, cache_ttl_hours=None))


def test_a_policy_travels_as_text():
    policy = CachePolicy({"Trainer": NodePolicy(False), "Transform": NodePolicy(cache_ttl_hours=0.5)})
    assert CachePolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize("hours", [0, -1, float("nan")])
def test_a_time_to_live_that_is_none_is_refused(hours):
    with pytest.raises(ValueError, match="more than 0"):
        NodePolicy(cache_ttl_hours=hours)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"Trainer": 1}', '{"Trainer": {"ttl": 3}}', "{"])
def test_text_that_is_no_policy_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        CachePolicy.from_json(text)
