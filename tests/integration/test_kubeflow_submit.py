"""`penstock submit --runner kubeflow` as it is typed, with everything on a volume that is mounted here."""

import dataclasses
import json
import re

import pytest
from kubeflow_config import config_on_kubeflow
from kubeflow_server import NAMESPACE
from projects import completed, make_project
from tables import CHURN_CONFIG, FEWER_NODES, write_customers

from pipeline.kubeflow_settings import Volume
from pipeline.node_reports import read_reports

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path, kubeflow_server, monkeypatch):
    for name, value in kubeflow_server.variables.items():
        monkeypatch.setenv(name, value)
    made = make_project(tmp_path, CHURN_CONFIG + FEWER_NODES)
    write_customers(made.config.parent / "customers.csv")
    (tmp_path / "volume").mkdir()
    settings = dataclasses.asdict(
        config_on_kubeflow(
            endpoint=kubeflow_server.endpoint,
            namespace=NAMESPACE,
            root=f"{tmp_path}/volume/churn",
            volumes=(Volume("data", f"{tmp_path}/volume"),),
        ).kubeflow
    )
    kept = {key: value for key, value in settings.items() if value is not None}
    made.config.write_text(made.config.read_text() + f"kubeflow: {json.dumps(kept)}\n")
    return made


def test_what_pods_do_not_see_is_refused_and_what_they_see_is_submitted_with_what_its_pages_need(project, tmp_path):
    refused = project.penstock("submit", "--runner", "kubeflow")
    assert refused.returncode == 2
    assert f"customers.csv, which pods do not see: they see {tmp_path}/volume" in refused.stderr

    data = tmp_path / "volume" / "customers.csv"
    (project.config.parent / "customers.csv").rename(data)
    there = f"--set=data.path={data}"
    told = completed(project.penstock("submit", "--runner", "kubeflow", there), 0)
    (run_id,) = re.findall(r"Run (\S+) of pipeline 'churn' was started on kubeflow\.", told)
    (config,) = (tmp_path / "volume" / "churn" / "ir").glob("*.config.json")
    assert json.loads(config.read_text())["data"]["path"] == str(data)
    assert config.with_name(config.name.replace("config", "provenance")).is_file()
    assert read_reports(f"{tmp_path}/volume/churn", "churn") == []
    assert f"run {run_id} of churn on kubeflow: running" in completed(project.penstock("status", run_id), 0)

    lines = project.penstock("compile", "--runner", "kubeflow", "--diff-deployed", there).stdout.splitlines()
    assert lines == ["churn: as it is deployed.", "churn-continue: as it is deployed."]
