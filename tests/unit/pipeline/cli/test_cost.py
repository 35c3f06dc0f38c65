import pytest
from aws_config import config_on_aws

from pipeline.cli.cost import _endpoint, _notes, cost
from pipeline.costs.durations import Measurement
from pipeline.costs.estimate import PlannedJob
from pipeline.costs.prices import load_prices
from pipeline.errors import ConfigError

GIB = 2**30


def notes(config, peak_gib=None):
    job = PlannedJob("Trainer", ("Trainer",), "training", "ml.m5.large", 1, 30, False)
    measured = {} if peak_gib is None else {"Trainer": Measurement("r", 1, 1, int(peak_gib * GIB))}
    return _notes(config, load_prices(None), [job], measured)


def test_prices_of_another_region_are_pointed_out():
    assert "The prices are of us-east-1, the pipeline is in eu-central-1: use --prices." in notes(config_on_aws(), 1)


def test_a_node_that_would_not_fit_in_its_instances_memory_is_pointed_out_with_the_key_to_set():
    told = "\n".join(notes(config_on_aws(), 7.5))
    assert "Trainer needed 7.5 GiB of memory, ml.m5.large has 8" in told
    assert "resources.Trainer.memory_gb" in told
    assert "needed" not in "\n".join(notes(config_on_aws(), 7.0))


def test_a_pipeline_that_never_ran_is_told_that_all_times_are_assumed():
    assert any("all times are assumed" in note for note in notes(config_on_aws()))


@pytest.mark.parametrize(("given", "least", "most"), [("2", 2, 2), ("1-4", 1, 4)])
def test_instances_are_a_number_or_a_range(given, least, most):
    found = _endpoint(load_prices(None), None, given)
    assert (found.min_instances, found.max_instances) == (least, most)


@pytest.mark.parametrize("given", ["0", "4-1", "1-", "many"])
def test_other_numbers_of_instances_are_refused(given):
    with pytest.raises(ConfigError, match="expected a number such as 2, or a range"):
        _endpoint(load_prices(None), None, given)


def test_a_run_on_this_machine_has_no_price():
    with pytest.raises(ConfigError, match="a run on this machine has no price"):
        cost(runner="local")
