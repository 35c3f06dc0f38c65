import pytest

from components.endpoint_pusher.settings import DeploySettings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"endpoint": "a" * 41}, "endpoint is"),
        ({"image": "repo/penstock:latest"}, "@sha256:"),
        ({"traffic": "canary"}, "instances to 2 or more"),
        ({"max_instances": 1, "instances": 3}, "less than instances"),
        ({"weight": 1.0}, "less than 1"),
        ({"timeout_s": 600, "termination_wait_s": 600}, "alone take 900 s"),
        # ten steps of ten percent, each with its wait, and the wait before the old machines end
        ({"traffic": "linear", "instances": 2, "wait_s": 400}, "alone take 4300 s"),
        ({"alarms": ("",)}, "alarms"),
        ({"environment": {"A-B": "x"}}, "environment"),
    ],
)
def test_what_the_service_would_refuse_is_refused_before(settings, words):
    with pytest.raises(ValueError, match=words):
        DeploySettings(**settings)


def test_all_problems_are_told_together():
    with pytest.raises(ValueError, match="weight") as refused:
        DeploySettings(weight=2.0, step_percent=60, capture_percent=0)
    assert len(str(refused.value).splitlines()) == 3
