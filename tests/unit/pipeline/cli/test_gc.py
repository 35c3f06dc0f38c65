"""`penstock gc` beside a root on a volume that runs on Kubeflow write to."""

import dataclasses
import json

import pytest
from kubeflow_config import config_on_kubeflow
from synthetic_store import SyntheticStore
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import Volume


@pytest.fixture
def store(tmp_path):
    made = SyntheticStore(tmp_path / "volume" / "root")
    made.add_run("run-1", files=True)
    return made


@pytest.fixture
def gc(store, tmp_path):
    """Cleans with the root of Kubeflow's runs at that folder of the volume."""
    volumes = (Volume("data", str(tmp_path / "volume")),)

    def clean(root):
        settings = dataclasses.asdict(
            config_on_kubeflow(root=str(tmp_path / "volume" / root), volumes=volumes).kubeflow
        )
        sections = {"pipeline": {"name": "reviews", "root": str(store.root)}, "data": {"path": "x.csv"}}
        kept = {key: value for key, value in settings.items() if value is not None}
        text = json.dumps({**sections, "label": {"column": "y"}, "kubeflow": kept})
        (tmp_path / "penstock.yaml").write_text(text)
        return CliRunner().invoke(app, ["gc", "--keep-last", "0", "--config", str(tmp_path / "penstock.yaml")])

    return clean


def test_a_volume_is_left_alone_and_that_is_said(gc, tmp_path):
    theirs = tmp_path / "volume" / "theirs" / "artifacts" / "reviews" / "Trainer" / "model" / "1"
    theirs.mkdir(parents=True)
    done = gc("theirs")
    assert done.exit_code == 0, done.output
    assert f"note: {tmp_path}/volume/theirs, where runs on kubeflow keep everything, is on a volume" in done.output
    assert theirs.is_dir()


def test_a_folder_that_runs_on_kubeflow_share_is_not_cleaned_because_their_outputs_are_in_another_store(gc, store):
    before = sorted(store.root.rglob("*"))
    done = gc("root")
    assert isinstance(done.exception, ConfigError)
    assert f"pipeline.root and kubeflow.root are both {store.root}" in str(done.exception)
    assert sorted(store.root.rglob("*")) == before
