"""The sample pipeline on each platform, against the same run on this machine: the same artifacts, and the same in them.

From `penstock submit` on, as a user would: the document is stored with the platform, which carries it out.
"""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import pytest
from projects import ROOT, completed, make_project

from pipeline.metadata import LineageStore
from pipeline.run_store import RunStore

pytestmark = pytest.mark.integration

ROWS = 1000
OVERRIDES = (
    f"schema.path={ROOT / 'schemas/reviews/schema.pbtxt'}",
    "training.epochs=1",
    "training.batch_size=64",
    "evaluation.thresholds=[{metric: accuracy, lower: 0.1}]",
    "distribution.enabled=false",
    "explanation.enabled=false",
    "bias.facets=[]",
    "review.enabled=false",
)
EQUAL = ("examples", "statistics", "schema", "anomalies")
"""Outputs that have to be equal to the last byte."""

REFUSED = 5
"""The exit code: so few rows are not enough to bless a model, which is then approved by nobody."""

BEHIND_APPROVAL = ("Pusher", "ModelRegistry")
"""Started on this machine all the same, where they publish that nothing was pushed; left out on platforms."""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The project, its data, and every artifact of a run on this machine: (node, key) → files."""
    folder = tmp_path_factory.mktemp("local")
    data = folder / "reviews.tsv"
    project = make_project(folder, (ROOT / "penstock.yaml").read_text())
    completed(project.penstock_plain("sample-data", "--output", str(data), f"--rows={ROWS}"), 0)
    completed(project.penstock("run", "--run-id=local", overrides=[f"data.path={data}", *OVERRIDES]), REFUSED)
    outputs = LineageStore(RunStore(project.root).metadata_uri).outputs_of_run("local")
    outputs = [item for item in outputs if item.node_id not in BEHIND_APPROVAL]
    return data, {(item.node_id, item.key): _local_files(item.uri) for item in outputs}


def _local_files(uri):
    root = Path(uri)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _files_on_s3(place, uri):
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client = place.services.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", ()) if not item["Key"].endswith("/")]
    bodies = {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(f"{prefix}/"): body for key, body in bodies.items()}


def _project_on(place, data):
    """The same project for a platform, its data on S3; and a function that runs a verb of it."""
    aws = {key: value for key, value in dataclasses.asdict(place.config.aws).items() if value}
    text = (ROOT / "penstock.yaml").read_text()
    project = make_project(place.folder / "project", f"{text}\naws: {json.dumps(aws)}\n")
    place.services.client("s3").upload_file(str(data), place.config.aws.bucket, "data/reviews.tsv")
    sets = [f"data.path=s3://{place.config.aws.bucket}/data/reviews.tsv", *OVERRIDES]

    def penstock(*words):
        command = project.command(*words, overrides=sets)
        variables = {**os.environ, **place.services.variables}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=600, cwd=project.config.parent, env=variables, check=False
        )

    return penstock


def _run_id(printed):
    """Of the run that `penstock submit` has started."""
    return printed.split("Run ", 1)[1].split(" ", 1)[0]


def _check_equal(place, run_id, expected):
    """Fails unless the run's artifacts are those of the run on this machine."""
    outputs = LineageStore(place.store_uri).outputs_of_run(run_id)
    assert {item.uri.partition(":")[0] for item in outputs} == {"s3"}
    found = {(item.node_id, item.key): _files_on_s3(place, item.uri) for item in outputs}
    assert sorted(found) == sorted(expected)
    for place_of, files in expected.items():
        if place_of[1] in EQUAL:
            assert {name: found[place_of].get(name) for name in files} == files, place_of
    here, there = (json.loads(files["Evaluator", "blessing"]["decision.json"]) for files in (expected, found))
    assert here["blessed"] == there["blessed"]
    assert there["metrics"] == pytest.approx(here["metrics"], abs=0.05)


def test_a_state_machine_makes_what_a_run_on_this_machine_makes(place, local):
    data, expected = local
    penstock = _project_on(place, data)
    run_id = _run_id(completed(penstock("submit", "--runner", "step_functions"), 0))
    completed(penstock("status", run_id, "--runner", "step_functions", "--wait", "--timeout", "550"), 0)
    _check_equal(place, run_id, expected)


def test_a_sagemaker_pipeline_makes_what_a_run_on_this_machine_makes(place, local):
    data, expected = local
    penstock = _project_on(place, data)
    run_id = _run_id(completed(penstock("submit", "--runner", "sagemaker"), 0))
    definition = place.services.client("sagemaker").describe_pipeline(PipelineName="reviews")["PipelineDefinition"]
    report = place.run_definition(definition, run_id)
    assert report["status"] == "Succeeded", report["log"]
    _check_equal(place, run_id, expected)
