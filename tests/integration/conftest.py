"""Runs that several tests read: made once, never changed (copy the folder to change anything)."""

import pytest
from projects import Project, completed, make_project

CONFIG = """
pipeline: {name: reviews}
data:
  path: data/span-{SPAN}/reviews.tsv
  split_by: customer_id
  splits: {train: 7, eval: 1, test: 2}
label: {column: star_rating}
training: {epochs: 4, batch_size: 128}
tuner: {enabled: true, max_trials: 2, epochs: 1}
evaluation:
  thresholds: [{metric: accuracy, lower: 0.6}]
"""
ROWS = 4000


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
