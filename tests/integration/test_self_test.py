"""The self-test of this environment, as `penstock image verify` runs it inside an image."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def self_test(folder, **environ):
    command = [sys.executable, "-m", "pipeline.launch", "--self-test"]
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PENSTOCK_SCRATCH": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return answer, {line["check"]: line for line in map(json.loads, answer.stdout.splitlines())}


def test_this_environment_can_run_every_node(tmp_path):
    answer, found = self_test(tmp_path)
    assert {line["check"] for line in found.values() if line["status"] == "problem"} == set()
    assert answer.returncode == 0, answer.stderr
    assert found["import tfx"]["seen"] == "1.21.0"
    assert found["s3"]["seen"].startswith("s3:// is pipeline.storage.")
    assert {"lock", "lineage", "gpu in tensorflow", "root folder", "import tensorflow_model_analysis"} <= set(found)


def test_a_library_that_cannot_be_imported_and_a_folder_that_is_none_are_told(tmp_path):
    (tmp_path / "boto3.py").write_text("raise ImportError('this image has no boto3')")
    (tmp_path / "scratch").touch()
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    answer, found = self_test(tmp_path / "scratch", PYTHONPATH=paths)
    assert answer.returncode == 1
    assert found["import boto3"]["status"] == "problem"
    assert "import boto3: ImportError: this image has no boto3. Install what the locks name" in answer.stderr
    assert found["root folder"]["status"] == "problem"
