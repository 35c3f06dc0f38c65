"""What can be asked for, and that everything wrong is told at once."""

import pytest

from components.training_balancer.settings import BalancingSettings


def test_settings_come_back_as_they_were_written():
    settings = BalancingSettings("upsample", 0.3, "plan", 4.0, 5, 7)
    assert BalancingSettings.from_json(settings.to_json()) == settings


def test_nothing_is_balanced_by_default():
    assert not BalancingSettings().enabled


def test_every_bad_value_is_reported_at_once():
    with pytest.raises(ValueError, match="target") as caught:
        BalancingSettings("downsample", target=0.0, max_factor=0.5, min_class_rows=0, seed=-1)
    told = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in told] == ["target", "max_factor", "min_class_rows", "seed"]


@pytest.mark.parametrize("bad", [{"target": 1.5}, {"target": float("nan")}, {"max_factor": float("inf")}])
def test_numbers_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        BalancingSettings("upsample", **bad)


def test_weights_are_of_the_labels_classes_only():
    with pytest.raises(ValueError, match="class_weights weighs the label's classes, not those of 'plan'"):
        BalancingSettings("class_weights", by="plan")
