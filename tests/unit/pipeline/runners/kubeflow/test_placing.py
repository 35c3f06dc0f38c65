"""What is looked at before a run is submitted: what pods see of its places, and what of them is here."""

import dataclasses

import pytest
from kubeflow_config import config_on_kubeflow

from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import Secret, Volume
from pipeline.platform_root import platform_root, reached_root
from pipeline.runners.kubeflow import check_place, region_of, why_unreached

STORE = Secret("store", environment={"PENSTOCK_METADATA_PASSWORD": "password"})
KEYS = Secret("keys", path="/etc/keys")


def on_volume(folder, data="rows.csv", **changes):
    settings = {"root": f"{folder}/root", "volumes": (Volume("claim", str(folder)),), "secrets": (STORE, KEYS)}
    config = config_on_kubeflow(**{**settings, "notify_variable": None, **changes})
    return config.model_copy(update={"data": config.data.model_copy(update={"path": f"{folder}/{data}"})})


def with_schema(config, path):
    return config.model_copy(update={"schema_": config.schema_.model_copy(update={"path": path})})


def test_a_volume_that_is_mounted_here_leaves_nothing_open(tmp_path):
    config = on_volume(tmp_path)
    assert check_place(config) == ()
    assert why_unreached(config) == ""
    assert reached_root("kubeflow", config).place == f"{tmp_path}/root"


def test_data_that_pods_do_not_see_are_refused_with_what_they_see(tmp_path):
    config = on_volume(tmp_path)
    config = config.model_copy(
        update={
            "data": config.data.model_copy(update={"path": "/elsewhere/rows.csv"}),
            "signing": dataclasses.replace(config.signing, public_key="/etc/keys/models.pem"),
            "push": config.push.model_copy(update={"directory": f"{tmp_path}else/pushed"}),
        }
    )
    with pytest.raises(ConfigError) as refused:
        check_place(config)
    assert [problem.partition(" is ")[0] for problem in refused.value.problems] == ["data.path", "push.directory"]
    assert f"they see {tmp_path}, /etc/keys" in refused.value.problems[0]


def test_on_a_machine_without_the_volume_it_is_said_what_was_not_looked_at(tmp_path):
    away = on_volume(tmp_path / "away")
    here = away.kubeflow.volumes[0]
    config = with_schema(away, "/schema.pbtxt")
    with pytest.raises(ConfigError, match=r"schema\.path .* claim 'claim', and .*away is not there on this machine"):
        check_place(config)
    both = dataclasses.replace(away.kubeflow, root=f"{tmp_path}/root", volumes=(here, Volume("work", str(tmp_path))))
    (note,) = check_place(config.model_copy(update={"kubeflow": both}))
    assert note == f"It was not looked whether there are data: {tmp_path}/away is not mounted here."


def test_without_a_schema_the_data_must_be_here(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.path .* which columns there are\. Submit where that claim is"):
        check_place(on_volume(tmp_path / "away"))


def test_what_runs_left_on_a_volume_is_read_where_it_is_mounted_only(tmp_path):
    config = on_volume(tmp_path / "away")
    assert platform_root("kubeflow", config).place == f"{tmp_path}/away/root"
    with pytest.raises(
        ConfigError, match=r"claim 'claim', .* a notebook server that has it; or have kubeflow\.root on s3"
    ):
        reached_root("kubeflow", config)


def test_the_region_is_that_of_pods_and_s3_is_reached_from_anywhere(monkeypatch):
    monkeypatch.delenv("AWS_REGION", raising=False)
    config = config_on_kubeflow()
    assert region_of(config) == "eu-central-1"
    assert region_of(config_on_kubeflow(environment={})) is None
    assert (
        reached_root("kubeflow", config_on_kubeflow(environment={})).below("runs", "x") == "s3://bucket/prefix/runs/x"
    )
    assert reached_root("local", config) is None
    assert reached_root(None, config) is None
