"""Both platforms' documents before judges that are not ours: Amazon's own SDK, and a linter of its states language."""

import copy
import json
import os
import subprocess
from pathlib import Path

import pytest
from aws_services import CREDENTIALS, PYTHON, skip_without_environment

pytestmark = pytest.mark.integration

FIXTURES = Path(__file__).parents[1] / "fixtures"
GOLDEN = Path(__file__).parents[1] / "golden"
MACHINES = sorted(GOLDEN.glob("*.step_functions.json"))
DEFINITIONS = sorted(GOLDEN.glob("*.sagemaker*.json"))


@pytest.fixture(autouse=True)
def environment():
    skip_without_environment()


def in_environment(*command, **options):
    """A command in the environment beside ours, which sees nothing of the project and asks nobody for anything."""
    variables = {**os.environ, **CREDENTIALS, "SAGEMAKER_VALIDATE_ROLE": "false"}
    variables.pop("PYTHONPATH", None)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False, **options)


def lint(document, folder):
    path = folder / "machine.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    done = in_environment(str(PYTHON.with_name("statelint")), str(path))
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_the_linter_of_the_states_language_finds_nothing(path, tmp_path):
    document = path.read_text(encoding="utf-8").replace("<sha256>", "0" * 64)
    assert lint(document, tmp_path) == (0, "")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda states: states["Gen"].update(Next="Jugde"), 'No state found named "Jugde"'),
        (lambda states: states["Together 1 ended"].update(Default="Judgement"), 'No state found named "Judgement"'),
        (lambda states: states["Judge"].pop("Next"), ""),
        (lambda states: states["Judge"].update(Type="Tsak"), "Tsak"),
        (lambda states: states["Judge"].update(Rety=[]), "Rety"),
        (lambda states: states["Judge"]["Catch"][0].update(ResultPath="error["), "ResultPath"),
        (lambda states: states["Judge"]["Retry"][0].update(MaxAttempts="3"), "MaxAttempts"),
        (lambda states: states["Together 1"].pop("Branches"), "Branches"),
        (lambda states: states["Run failed"].update(Next="Gen"), "Next"),
    ],
)
def test_the_linter_finds_what_is_planted(change, told, tmp_path):
    document = copy.deepcopy(json.loads((GOLDEN / "branching.step_functions.json").read_text(encoding="utf-8")))
    change(document["States"])
    code, words = lint(document, tmp_path)
    assert code != 0
    assert told in words


def through_the_sdk(documents):
    return in_environment(str(PYTHON), str(FIXTURES / "sdk_definition.py"), input=json.dumps(documents))


def test_definitions_go_through_amazons_own_compiler_unchanged():
    texts = [path.read_text(encoding="utf-8").replace("<sha256>", "0" * 64) for path in DEFINITIONS]
    ours = [json.loads(text) for text in texts]
    assert len(ours) == 3
    done = through_the_sdk(ours)
    assert done.returncode == 0, done.stderr
    for document, theirs in zip(ours, json.loads(done.stdout), strict=True):
        added = {key: theirs.pop(key) for key in list(theirs) if key not in document}
        assert set(added) == {"PipelineExperimentConfig", "MlflowConfig"}  # which only the SDK writes
        assert theirs == document


def test_the_compiler_refuses_steps_that_wait_for_each_other():
    document = json.loads((GOLDEN / "branching.sagemaker.json").read_text(encoding="utf-8"))
    document["Steps"][0]["DependsOn"] = ["Judge"]
    done = through_the_sdk([document])
    assert done.returncode != 0
    assert "Cycle detected in pipeline step graph" in done.stderr
