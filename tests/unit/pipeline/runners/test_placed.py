"""Where a runner's nodes keep everything, and whom they ask."""

from aws_config import SETTINGS, config_on_aws

from pipeline.runners.registry import placed_for


def test_only_where_the_registry_continues_runs_models_wait_in_it():
    config = config_on_aws()
    assert placed_for("sagemaker", config).on_aws.model_package_group == SETTINGS.model_package_group == "reviews"
    assert placed_for("step_functions", config).on_aws.model_package_group is None
    assert placed_for("step_functions", config).pipeline.root == SETTINGS.root
    assert placed_for("local", config) is config
