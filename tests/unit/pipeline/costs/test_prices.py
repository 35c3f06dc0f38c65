import dataclasses

import boto3.session
import pytest

from pipeline.costs.prices import SHIPPED, load_prices
from pipeline.errors import ConfigError
from pipeline.jobs.resources import TYPES


def changed(tmp_path, old, new):
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "prices.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_the_shipped_table_says_when_and_where_its_prices_are_from():
    table = load_prices(None)
    assert (table.date, table.region, table.currency) == ("2026-11-26", "us-east-1", "USD")


@pytest.mark.parametrize("made", TYPES, ids=lambda made: made.name)
def test_every_type_that_a_job_can_get_has_a_price_and_the_size_that_the_plan_takes_it_to_have(made):
    table = load_prices(None)
    listed = table.instances[made.name]
    assert all(table.hourly(made.name, kind) for kind in made.kinds)
    assert (listed.cpus, listed.memory_gb, listed.gpus) == (made.cpus, made.memory_gb, made.gpus)
    assert listed.gpu_kind == made.gpu_kind


def test_the_platform_knows_every_type_in_the_table():
    model = boto3.session.Session()._session.get_service_model("sagemaker")
    known = set(model.shape_for("TrainingInstanceType").enum) | set(model.shape_for("ProcessingInstanceType").enum)
    known |= set(model.shape_for("ProductionVariantInstanceType").enum)
    assert set(load_prices(None).instances) <= known


def test_a_price_may_differ_by_use(tmp_path):
    path = changed(
        tmp_path,
        "ml.m5.xlarge: {cpus: 4, memory_gb: 16, per_hour: 0.23}",
        "ml.m5.xlarge: {cpus: 4, memory_gb: 16, per_hour: {processing: 0.1, hosting: 0.3}}",
    )
    table = load_prices(path)
    prices = [table.hourly("ml.m5.xlarge", use) for use in ("processing", "training", "hosting")]
    assert prices == [0.1, None, 0.3]


def test_all_mistakes_in_a_table_are_told_with_file_line_and_key(tmp_path):
    path = changed(tmp_path, "price_share: 0.73", "price_share: 1.73")
    path.write_text(path.read_text().replace("start_s: 150 ", "begin_s: 150 "), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_prices(path)
    told = "\n".join(refused.value.problems)
    assert "savings_plan.price_share" in told
    assert "assumptions.start_s" in told
    assert "assumptions.begin_s" in told
    assert all(str(path) in problem for problem in refused.value.problems)


def test_an_endpoint_with_more_instances_at_least_than_at_most_is_refused(tmp_path):
    path = changed(tmp_path, "min_instances: 1, max_instances: 2", "min_instances: 3, max_instances: 2")
    with pytest.raises(ConfigError, match="min_instances is 3"):
        load_prices(path)


def test_a_price_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no finite number"):
        load_prices(changed(tmp_path, "per_hour: 0.922", "per_hour: .nan"))


@pytest.mark.parametrize(("text", "told"), [("- 1", "expected keys"), ("a: [", "not valid YAML")])
def test_a_file_that_is_no_table_is_refused_with_the_one_to_copy(tmp_path, text, told):
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_prices(path)


def test_a_file_that_is_not_there_is_refused_with_the_one_to_copy(tmp_path):
    with pytest.raises(ConfigError, match=r"Copy .*prices\.yaml"):
        load_prices(tmp_path / "none.yaml")


def test_a_mistyped_instance_type_gets_the_nearest():
    assert "Did you mean ml.m5.xlarge?" in load_prices(None).lacking("ml.m5.xlrge", "training")
    assert "has no price for training" in load_prices(None).lacking("ml.t3.medium", "training")


def test_what_a_type_has_is_never_changed_after_loading():
    with pytest.raises((dataclasses.FrozenInstanceError, ValueError)):
        load_prices(None).date = "2030-01-01"
