import functools
import shutil

import pytest
from cloudformation import FOLDER

from pipeline.errors import ConfigError
from pipeline.infra.template import parse_template
from pipeline.infra.wiring import MAIN, read_all, wiring_problems


@pytest.fixture(autouse=True)
def _read_once(monkeypatch):
    """Reading all templates takes a second; a test spoils one of them."""
    monkeypatch.setattr("pipeline.infra.template.parse_template", _parse)


_parse = functools.cache(parse_template)


@pytest.fixture
def templates(tmp_path):
    """A copy of the templates that a test may spoil."""
    return shutil.copytree(FOLDER, tmp_path / "aws")


def spoil(templates, name, old, new):
    path = templates / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def problems(templates):
    return wiring_problems(read_all(templates), templates)


def test_templates_fit_together():
    assert wiring_problems(read_all(FOLDER), FOLDER) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (MAIN, "        PipelineName: !Ref PipelineName\n", "", "does not give PipelineName: roles.yaml needs it"),
        (MAIN, "        IncomingMarker: !Ref IncomingMarker\n", "", "give IncomingMarker: nobody can decide it"),
        (MAIN, "        IncomingMarker: !Ref IncomingMarker\n", "", "IncomingMarker decides nothing"),
        (MAIN, "    Description: Who pays; a tag of everything.\n", "", "parameter CostCenter has no Description"),
        (MAIN, "    Description: Taken to change endpoints.\n", "", "output DeployRoleArn has no Description"),
        (
            MAIN,
            "        RootPrefix: !Ref RootPrefix\n",
            "        RootFolder: x\n",
            "gives RootFolder, which metadata.yaml",
        ),
        (MAIN, "!GetAtt Keys.Outputs.SigningKeyArn\n", "!GetAtt Keys.Outputs.SignKey\n", "SignKey, which is no output"),
        (MAIN, "        - {Key: Owner, Value: !Ref Owner}\n", "", "Keys has no tag Owner"),
        (
            MAIN,
            "a tag of everything.\n    MinLength: 1",
            "a tag of everything.\n    Default: us",
            "Owner has a default",
        ),
        ("keys.yaml", "TargetKeyId: !Ref SigningKey", "TargetKeyId: !Ref Singing", "refers to Singing"),
        ("events.yaml", "pipeline/${PipelineName}-continue", "pipeline/${Pipelin}-continue", "refers to Pipelin"),
        ("keys.yaml", "Outputs:\n", "Outputs:\n  Spare:\n    Value: x\n", "output Spare is taken by nobody"),
    ],
)
def test_mistake_between_templates_is_told_before_deploying(templates, name, old, new, told):
    spoil(templates, name, old, new)
    assert any(told in problem for problem in problems(templates)), problems(templates)


def test_template_that_nothing_nests_is_told(templates):
    shutil.copy(templates / "keys.yaml", templates / "old-keys.yaml")
    assert problems(templates) == ["old-keys.yaml: main.yaml nests no stack of it."]


def test_templates_that_are_missing_or_broken_are_told_together(templates):
    (templates / "keys.yaml").unlink()
    (templates / "costs.yaml").write_text("Resources: [")
    with pytest.raises(ConfigError) as caught:
        read_all(templates)
    named = [problem.split(": ")[0].rpartition("/")[2] for problem in caught.value.problems]
    assert named == ["keys.yaml", "costs.yaml"]


def test_short_tags_mean_what_the_long_form_means():
    body = "Resources: {A: {a: !GetAtt B.Arn, b: !Sub '${C}', c: !If [D, !Ref E, !Ref 'AWS::NoValue'], d: !Not [x]}}"
    assert parse_template("t", body).resources["A"] == {
        "a": {"Fn::GetAtt": ["B", "Arn"]},
        "b": {"Fn::Sub": "${C}"},
        "c": {"Fn::If": ["D", {"Ref": "E"}, {"Ref": "AWS::NoValue"}]},
        "d": {"Fn::Not": ["x"]},
    }
