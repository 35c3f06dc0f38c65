"""From the plan of a compiled pipeline to what the user reads."""

import json
from pathlib import Path

import pytest
from aws_config import config_on_aws

from pipeline import ir as ir_documents
from pipeline.aws_settings import ResourceLine
from pipeline.costs.endpoint import estimate_endpoint
from pipeline.costs.estimate import estimate_run
from pipeline.costs.preview import planned_jobs, with_some_account
from pipeline.costs.preview_text import LEFT_OUT, Preview, as_json, hardware_rows, input_lines, job_rows, summary_rows
from pipeline.costs.prices import load_prices
from pipeline.jobs import plan_jobs

IR = (Path(__file__).parents[3] / "golden" / "reviews.ir.json").read_text(encoding="utf-8")
LOOKUPS = ir_documents.resolver_nodes(IR)


def jobs(**resources):
    lines = {name: ResourceLine(**line) for name, line in resources.items()}
    return {job.name: job for job in planned_jobs(plan_jobs(IR, config_on_aws(resources=lines)), LOOKUPS)}


def preview(found, **changes):
    table = load_prices(None)
    run = estimate_run(list(found.values()), {}, table, orchestration_per_job=changes.pop("per_job", 0.0))
    given = {"runner": "sagemaker", "pipeline_name": "reviews", "prices_file": "prices.yaml", "data_factor": 1.0}
    return Preview(
        **given, prices=table, run=run, runs_per_month=10, endpoint=estimate_endpoint(table.endpoint, table), **changes
    )


def test_every_node_of_the_pipeline_is_priced_once():
    priced = [node_id for job in jobs().values() for node_id in job.node_ids]
    assert sorted(priced) == sorted(ir_documents.node_ids(IR))


def test_what_a_resource_line_asks_for_is_what_is_priced():
    found = jobs(Trainer={"instance_type": "ml.g5.xlarge", "spot": True, "disk_gb": 50})
    trainer = found["Trainer"]
    assert (trainer.use, trainer.instance_type, trainer.instances) == ("training", "ml.g5.xlarge", 1)
    assert (trainer.spot, trainer.volume_gb, trainer.depends_on) == (True, 50, ("Transform",))
    assert (found["Transform"].use, found["Transform"].spot) == ("processing", False)


def test_nodes_that_only_look_things_up_are_known_as_such():
    root = jobs()["ArrowExampleGen"]
    assert "latest_blessed_model" in root.lookups
    assert "ArrowExampleGen" not in root.lookups


def test_a_pipeline_without_an_account_is_priced_too_and_gets_no_account():
    config = config_on_aws().model_copy(update={"aws": None})
    assert with_some_account(config, "us-east-1").on_aws.region == "us-east-1"
    assert config.aws is None
    assert with_some_account(config_on_aws(), "us-east-1").on_aws.region == "eu-central-1"


def test_the_sum_of_the_table_is_the_sum_of_its_rows():
    rows = job_rows(preview(jobs()))
    assert rows[-1][0] == "sum"
    column = rows[0].index("on demand")
    assert float(rows[-1][column]) == pytest.approx(sum(float(row[column]) for row in rows[1:-1]), abs=1e-3)


def test_a_time_that_nobody_measured_is_marked_and_explained():
    shown = preview(jobs())
    trainer = next(row for row in job_rows(shown) if row[0] == "Trainer")
    assert trainer[4].endswith("*")
    assert any(line.startswith("* not measured by any run") and "Trainer" in line for line in input_lines(shown))


def test_the_user_is_told_that_it_is_an_estimate_of_when_and_where_and_what_is_left_out():
    told = "\n".join(input_lines(preview(jobs())))
    assert "estimate" in told
    assert "2026-11-26" in told
    assert "us-east-1" in told
    assert all(item in told for item in LEFT_OUT)


def test_training_and_serving_hardware_stand_side_by_side():
    rows = hardware_rows(preview(jobs(Trainer={"gpus": 1})))
    assert [row[0] for row in rows[1:]] == ["ml.m5.large", "ml.g4dn.xlarge"]
    assert rows[0][-3:] == ("processing", "training", "hosting")


def test_step_functions_own_price_is_told_where_there_is_one():
    assert not any("Step Functions" in row[0] for row in summary_rows(preview(jobs())))
    charged = preview(jobs(), per_job=0.0001)
    assert ("of it Step Functions", f"{0.0001 * len(jobs()):.5f} USD") in summary_rows(charged)


def test_a_months_runs_cost_their_number_of_times_one():
    shown = preview(jobs())
    month = next(row[1] for row in summary_rows(shown) if row[0] == "10 runs a month")
    assert float(month.removesuffix(" USD")) == pytest.approx(10 * shown.run.total("as_configured"), abs=0.005)


def test_programs_get_the_same_amounts_and_all_inputs():
    shown = preview(jobs())
    found = json.loads(json.dumps(as_json(shown)))
    assert found["is_estimate"] is True
    assert found["run"]["on_demand"] == pytest.approx(shown.run.total("on_demand"))
    assert found["inputs"]["prices"]["assumptions"]["start_s"] == 150
    assert set(found["inputs"]["prices"]["instances"]) == {"ml.m5.large"}
    assert len(found["run"]["jobs"]) == len(jobs())
