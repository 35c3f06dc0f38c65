"""Expected amounts are worked out by hand, on a table of round numbers."""

import pytest

from pipeline.costs.durations import Measurement, measurements, shared_s, work_s
from pipeline.costs.endpoint import estimate_endpoint
from pipeline.costs.estimate import PlannedJob, estimate_run
from pipeline.costs.prices import PriceTable
from pipeline.costs.spent import spent_on
from pipeline.errors import ConfigError
from pipeline.run_store import NodeRecord, RunRecord
from pipeline.runners.remote import JobUsage

TABLE = PriceTable.model_validate(
    {
        "date": "2026-01-01",
        "region": "nowhere-1",
        "currency": "USD",
        "source": "made up",
        "instances": {
            "cpu": {"cpus": 4, "memory_gb": 8, "per_hour": 0.36},
            "gpu": {"cpus": 4, "memory_gb": 16, "gpus": 1, "per_hour": {"training": 3.6}},
        },
        "spot": {"price_share": 0.5, "repeated_share": 0.2},
        "savings_plan": {"price_share": 0.75},
        "storage": {"volume_gb_month": 0.1},
        "step_functions": {"per_1000_transitions": 0.025, "transitions_per_job": 4},
        "endpoint": {"instance_type": "cpu", "min_instances": 1, "max_instances": 3, "volume_gb": 10},
        "assumptions": {
            "start_s": 100,
            "billed_start_s": 60,
            "unmeasured_s": 300,
            "cached_s": 20,
            "cpu_speed": 1,
            "gpu_speedup": 4,
            "instance_efficiency": 0.5,
            "hours_per_month": 1000,
        },
    }
)


def measured(wall_s, cpu_s=0.0, run_id="r1"):
    return Measurement(run_id, wall_s, cpu_s, 0)


def job(name="A", use="processing", instance_type="cpu", **changes):
    given = {"node_ids": (name,), "instances": 1, "volume_gb": 0, "spot": False, **changes}
    return PlannedJob(name=name, use=use, instance_type=instance_type, **given)


def test_a_node_that_kept_fewer_processors_busy_than_there_are_takes_its_measured_time():
    assert work_s(measured(100, 200), TABLE.instances["cpu"], TABLE.assumptions, 1) == 100


def test_a_node_that_kept_more_processors_busy_takes_its_processor_time_divided_by_the_vcpus():
    assert work_s(measured(100, 1600), TABLE.instances["cpu"], TABLE.assumptions, 1) == 400


def test_ten_times_the_data_takes_ten_times_as_long_and_half_as_fast_a_vcpu_twice():
    slow = TABLE.assumptions.model_copy(update={"cpu_speed": 0.5})
    assert work_s(measured(100), TABLE.instances["cpu"], slow, 10) == 2000


def test_a_second_instance_adds_its_part_of_the_first():
    assert shared_s(300, 1, TABLE.assumptions) == 300
    assert shared_s(300, 2, TABLE.assumptions) == 200


def test_a_job_costs_its_work_and_the_paid_part_of_its_start():
    cost = estimate_run([job()], {"A": measured(140)}, TABLE).jobs[0]
    assert cost.billed_s == 200
    assert cost.on_demand == pytest.approx(0.36 * 200 / 3600)  # 0.02
    assert cost.savings_plan == pytest.approx(0.015)
    assert cost.spot == cost.on_demand  # processing has none
    assert cost.cached == pytest.approx(0.36 * 80 / 3600)


def test_nodes_of_one_job_follow_each_other_and_are_started_once():
    cost = estimate_run([job(node_ids=("R", "A"))], {"R": measured(10), "A": measured(30)}, TABLE).jobs[0]
    assert cost.billed_s == 100


def test_a_node_that_was_not_measured_is_named_and_its_time_assumed():
    cost = estimate_run([job(node_ids=("A", "B"))], {"A": measured(40)}, TABLE).jobs[0]
    assert (cost.assumed_nodes, cost.billed_s) == (("B",), 400)


def test_a_node_that_only_looks_in_the_lineage_store_is_as_quick_as_one_from_the_cache():
    cost = estimate_run([job(node_ids=("R", "A"), lookups=("R",))], {"A": measured(40)}, TABLE).jobs[0]
    assert (cost.assumed_nodes, cost.billed_s) == ((), 120)  # 20 + 40 + 60


def test_spot_is_cheaper_by_its_share_and_repeats_a_part_of_the_work():
    training = job(use="training", instance_type="gpu", spot=True)
    cost = estimate_run([training], {"A": measured(160)}, TABLE).jobs[0]
    assert cost.work_s == 40  # a quarter, by gpu_speedup
    assert cost.on_demand == pytest.approx(3.6 * 100 / 3600)  # 0.1
    assert cost.spot == pytest.approx(3.6 * 0.5 * 108 / 3600)  # 0.054
    assert cost.as_configured == cost.spot


def test_spot_that_is_not_asked_for_is_shown_and_not_counted():
    cost = estimate_run([job(use="training")], {}, TABLE).jobs[0]
    assert cost.as_configured == cost.on_demand > cost.spot


def test_each_instance_is_paid_and_so_is_its_volume():
    cost = estimate_run([job(use="training", instances=2, volume_gb=100)], {"A": measured(60)}, TABLE).jobs[0]
    volume_per_hour = 100 * 0.1 / 1000
    assert cost.billed_s == 100  # 60 / 1.5 + 60
    assert cost.on_demand == pytest.approx(2 * (0.36 + volume_per_hour) * 100 / 3600)
    assert cost.savings_plan == pytest.approx(2 * (0.27 + volume_per_hour) * 100 / 3600)


def test_a_run_costs_its_jobs_and_what_the_orchestrator_charges():
    run = estimate_run([job(), job("B")], {"A": measured(40), "B": measured(40)}, TABLE, orchestration_per_job=0.0001)
    assert run.total("on_demand") == pytest.approx(2 * 0.01 + 0.0002)


def test_jobs_that_do_not_wait_for_each_other_take_the_time_of_the_longest_chain():
    jobs = [job("A"), job("B"), job("C", depends_on=("A", "B")), job("D", depends_on=("B",))]
    took = {"A": measured(40), "B": measured(140), "C": measured(40), "D": measured(10)}
    # B: 100 + 60 + 140; C after it: 100 + 60 + 40
    assert estimate_run(jobs, took, TABLE).wall_s == 500


def test_every_type_without_a_price_is_named_with_its_job():
    with pytest.raises(ConfigError) as refused:
        estimate_run([job(instance_type="gpu"), job("B", instance_type="cpuu")], {}, TABLE)
    assert ["Job 'A'" in refused.value.problems[0], "Job 'B'" in refused.value.problems[1]] == [True, True]
    assert "Did you mean cpu?" in refused.value.problems[1]


def test_an_endpoint_costs_its_fewest_to_its_most_instances_for_all_hours_of_the_month():
    cost = estimate_endpoint(TABLE.endpoint, TABLE)
    assert (cost.least, cost.most) == (pytest.approx(361), pytest.approx(1083))  # 0.36 * 1000 + 10 * 0.1
    assert (cost.least_savings_plan, cost.most_savings_plan) == (pytest.approx(271), pytest.approx(813))


def test_an_endpoint_on_a_type_that_does_not_host_is_refused():
    with pytest.raises(ConfigError, match="gpu has no price for hosting"):
        estimate_endpoint(TABLE.endpoint.model_copy(update={"instance_type": "gpu"}), TABLE)


def used(**changes):
    given = {"name": "A", "kind": "training", "instance_type": "gpu", "instances": 2, "volume_gb": 100}
    return JobUsage(**{**given, "billed_s": 100.0, "ran_s": 400.0, **changes})


def test_what_a_run_took_costs_its_billed_seconds_and_its_volumes_as_long_as_they_were_there():
    (spent,) = spent_on([used()], TABLE)
    assert spent.amount == pytest.approx(2 * (3.6 * 100 + 0.01 * 400) / 3600)
    assert spent.saved == pytest.approx(2 * 3.6 * 300 / 3600)


def test_what_a_run_took_on_a_type_without_a_price_is_named():
    with pytest.raises(ConfigError, match="Job 'A': gpu has no price for processing"):
        spent_on([used(kind="processing")], TABLE)


def run(run_id, *nodes, pipeline_name="p"):
    return RunRecord(run_id, pipeline_name, "COMPLETE", "t", "t", 1, "d", ("A", "B"), nodes)


def test_times_are_those_of_the_newest_run_that_carried_the_node_out():
    runs = [
        run("r3", NodeRecord("A", "CACHED", wall_s=1), NodeRecord("B", "COMPLETE", wall_s=5, cpu_s=7)),
        run("r2", NodeRecord("A", "COMPLETE", wall_s=9, peak_memory_bytes=11), NodeRecord("B", "COMPLETE", wall_s=8)),
        run("other", NodeRecord("C", "COMPLETE", wall_s=9), pipeline_name="q"),
    ]
    found = measurements(runs, "p")
    assert found == {"A": Measurement("r2", 9, 0, 11), "B": Measurement("r3", 5, 7, 0)}
