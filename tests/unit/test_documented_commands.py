"""What documents tell their readers to type can be typed: commands, options, files and configuration keys exist."""

import dataclasses
import re
import typing
from pathlib import Path

import pytest
from documented_commands import commands_in, mentions_in, problem_of, problem_of_mention
from ruamel.yaml import YAML

from pipeline.config import Config

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
_NO_FILES = {"pipeline/runid"}
"""A label of Kubeflow's."""
_FOLDERS = "benchmarks|components|deploy|docs|models|notebooks|pipeline|schemas|serving|tests"


@DOCUMENT
def test_every_command_of_a_document_can_be_typed_as_it_stands(document):
    found = {command: problem_of(command) for command in commands_in(document.read_text(encoding="utf-8"))}
    assert {command: problem for command, problem in found.items() if problem} == {}


@DOCUMENT
def test_every_command_that_a_document_names_exists_with_its_options(document):
    found = {mention: problem_of_mention(mention) for mention in mentions_in(document.read_text(encoding="utf-8"))}
    assert {mention: problem for mention, problem in found.items() if problem} == {}


@DOCUMENT
def test_no_command_has_slipped_out_of_its_block_of_code(document):
    outside = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^(?:penstock|aws|make) [a-z-]+ .*--.*", outside, flags=re.MULTILINE) == []


def test_commands_are_found_in_the_documents():
    """Of each kind; else the tests above would hold for nothing."""
    found = [command for document in DOCUMENTS for command in commands_in(document.read_text(encoding="utf-8"))]
    assert {command.split()[0] for command in found} >= {"penstock", "aws", "make", "python"}
    assert len(found) > 100


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("penstock staus RUN", "No such command 'staus'"),
        ("penstock status RUN --waits", "No such option: --waits"),
        ("penstock status ONE TWO", "unexpected extra argument"),
        ("penstock cost --runs-per-month MANY", "Invalid value for '--runs-per-month'"),
        ("penstock infra outputs # of a stack", "Missing option '--stack'"),
        ("python -m pipeline.cli submit", "Missing option '--runner'"),
        ("aws s4 mb s3://bucket", "aws s4 has no mb"),
        ("aws sagemaker describe-pipelines", "has no describe-pipelines"),
        ("aws sagemaker describe-pipeline --name reviews", "has no --name"),
        ("aws sagemaker describe-pipeline --region eu-central-1", "needs --pipeline-name"),
        ("aws cloudformation deploy --template packaged.yaml", "has no --template"),
        ("make tests", "the Makefile has no tests"),
        ("python -m pip install -r requirements-none.lock", "there is no requirements-none.lock"),
        ("python benchmarks/beam_modes.py --row 10", "benchmarks/beam_modes.py has no --row"),
        ("python -m pipeline.launch --node Trainer", "has no --node"),
    ],
)
def test_command_that_cannot_be_typed_is_found(command, told):
    assert told in problem_of(command)


@pytest.mark.parametrize(
    ("mention", "told"),
    [
        ("penstock stauts", "there is no 'stauts'"),
        ("penstock infra checks", "there is no 'checks'"),
        ("penstock deploy VERSION --endpoints NAME", "it has no --endpoints"),
        ("aws sts get-caller", "has no get-caller"),
        ("aws sagemaker stop-pipeline-execution --run", "has no --run"),
    ],
)
def test_mention_of_what_is_not_there_is_found(mention, told):
    assert told in problem_of_mention(mention)


@DOCUMENT
def test_every_file_that_a_document_names_is_there(document):
    text = document.read_text(encoding="utf-8")
    named = re.findall(rf"(?<![\w/.<-])((?:{_FOLDERS})/[\w./-]*\w|requirements[-a-z]*\.lock)", text)
    assert [path for path in sorted(set(named) - _NO_FILES) if not (ROOT / path).exists()] == []


SECTIONS = {field.alias or name: field.annotation for name, field in Config.model_fields.items()}


def keys_of(section):
    """The keys of a section of the configuration, or of its lines where it has any."""
    kinds = [section, *typing.get_args(section)]
    names = [field.name for kind in kinds if dataclasses.is_dataclass(kind) for field in dataclasses.fields(kind)]
    models = [kind.model_fields for kind in kinds if hasattr(kind, "model_fields")]
    return {*names, *(field.alias or name for fields in models for name, field in fields.items())}


@DOCUMENT
def test_every_key_of_the_configuration_that_a_document_names_is_one(document):
    text = document.read_text(encoding="utf-8")
    named = re.findall(rf"`({'|'.join(SECTIONS)})\.(?:[A-Z]\w+\.)?([a-z_]+)(?=[`.:= {{])", text)
    others = {("pipeline", path.stem) for path in (ROOT / "pipeline").iterdir()}  # a module of ours
    others |= {(section, ending) for section in SECTIONS for ending in ("html", "json", "tar", "yaml")}  # a file
    assert [each for each in named if each[1] not in keys_of(SECTIONS[each[0]]) and each not in others] == []


@DOCUMENT
def test_every_key_of_an_example_of_the_configuration_is_one(document):
    blocks = re.findall(r"^```yaml\n(.*?)^```", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    unknown = []
    for block in blocks:
        example = YAML(typ="safe").load(block)
        if not isinstance(example, dict) or not set(example) & set(SECTIONS):
            continue
        unknown += [section for section in example if section not in SECTIONS and section != "extends"]
        for section, given in example.items():
            if section in SECTIONS and isinstance(given, dict):
                lines = given.values() if section in ("nodes", "resources") else [given]
                unknown += [
                    f"{section}.{key}" for line in lines for key in line if key not in keys_of(SECTIONS[section])
                ]
    assert unknown == []
