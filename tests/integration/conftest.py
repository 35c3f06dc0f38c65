"""Runs that several tests read: made once, never changed (copy the folder to change anything)."""

import functools
import re
from pathlib import Path
from typing import Any

import pytest
from aws_platforms import place, platform_services, platform_warm, signer, stand_in  # noqa: F401 - fixtures
from aws_services import aws_services, interpreter, s3_bucket, s3_endpoint  # noqa: F401 - fixtures
from contract_on_platforms import on_aws, on_cluster, running, tiny_compiler  # noqa: F401 - fixtures
from kubeflow_pods import cluster, place_on_cluster  # noqa: F401 - fixtures
from kubeflow_server import kubeflow_server  # noqa: F401 - a fixture
from mariadb import mariadb  # noqa: F401 - a fixture
from projects import Project, completed, make_project
from tables import CHURN_CONFIG, RENTS_CONFIG, write_customers, write_rents
from xdist.scheduler import LoadFileScheduling

CONFIG = """
pipeline: {name: reviews}
data:
  path: data/span-{SPAN}/reviews.tsv
  split_by: customer_id
  splits: {train: 7, eval: 1, test: 2}
label: {column: star_rating}
training: {epochs: 4, batch_size: 128}
tuner: {enabled: true, max_trials: 2, epochs: 1}
distribution: {enabled: false}  # span 2 drifts on purpose
evaluation:
  thresholds: [{metric: accuracy, lower: 0.6}]
"""
ROWS = 4000


SLOWEST = (
    "test_diff.py",  # with every other file that reads its runs
    "test_platforms_match.py",
    "test_contract_on_platforms.py",
    "test_sample_pipeline.py",
    "test_beam_modes.py",
    "test_decisions_on_platforms.py",
    "test_interruptions.py",
    "test_tabular_text.py",
    "test_kubeflow_approval.py",
    "test_pipeline_on_s3.py",
    "test_step_functions.py",
    "test_sagemaker_definition.py",
    "test_caching.py",
    "test_gates.py",
    "test_explanation.py",
    "test_warm_forks.py",
    "test_approval.py",
    "test_parts_of_a_run.py",
    "test_kills.py",
)
"""Files that take minutes, the slowest first (`pytest --durations`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files come first, so that no worker is left alone with one of them at the end."""
    order = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(SLOWEST)))


_SEVERAL_MACHINES = ("/test_followers.py", "/test_instances.py")


class OneWorkerForARun(LoadFileScheduling):
    """Tests of one file go to one worker; so do files that read the same runs, which are made once, and those whose
    trainings on several machines take the same ports."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        if path.endswith(_SEVERAL_MACHINES):
            return "several machines"
        return "shared runs" if _reads_a_shared_run(self.config.rootpath / path) else path


_TAKES_A_SHARED_RUN = re.compile(r"^def \w+\([^)]*\b(two_runs|churn|rents)\b", re.MULTILINE)


@functools.cache
def _reads_a_shared_run(path: Path) -> bool:
    return _TAKES_A_SHARED_RUN.search(path.read_text(encoding="utf-8")) is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return OneWorkerForARun(config, log)


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with two complete runs on reviews: span 1 as generated, span 2 drifted and trained for longer.

    Both tuned their hyperparameters and pushed a model; ids are `first` and `second`.
    """
    folder = tmp_path_factory.mktemp("two-runs")
    project = make_project(folder, CONFIG)
    spans = {"1": (), "2": ("--seed=7", "--drift-category-mix=0.8", "--drift-vocabulary=0.2", "--drift-label=0.3")}
    for run_id, (span, drift) in zip(("first", "second"), spans.items(), strict=True):
        path = folder / "data" / f"span-{span}" / "reviews.tsv"
        path.parent.mkdir(parents=True)
        completed(project.penstock_plain("sample-data", "--output", str(path), f"--rows={ROWS}", *drift), 0)
        longer = [] if run_id == "first" else ["training.epochs=5"]
        completed(project.penstock("run", "--run-id", run_id, overrides=longer), 0)
    return project


@pytest.fixture(scope="session")
def churn(tmp_path_factory):
    """A table of customers with a yes-or-no label, its hyperparameters tuned, and what `penstock run` printed."""
    folder = tmp_path_factory.mktemp("churn")
    write_customers(folder / "customers.csv")
    project = make_project(folder, CHURN_CONFIG)
    return project, completed(project.penstock("run"), 0)


@pytest.fixture(scope="session")
def rents(tmp_path_factory):
    """A table of flats with a price to predict, and what `penstock run` printed."""
    folder = tmp_path_factory.mktemp("rents")
    write_rents(folder / "rents.parquet")
    project = make_project(folder, RENTS_CONFIG)
    return project, completed(project.penstock("run"), 0)
