"""Constraints proposed from a table and checked against it, without a run."""

import datetime
import re

import pytest
from command_line import penstock as penstock_here

from pipeline.config import load_config
from pipeline.constraint_text import constraint_text, suggestions_text
from pipeline.data_quality import check_quality, suggest_constraints

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
HEAD = "pipeline: {name: shop}\ndata: {path: orders.csv}\nlabel: {column: late}\n"


@pytest.fixture
def project(tmp_path):
    """400 orders; the id of row 7 is there twice."""
    rows = [
        f"N{7 if n == 8 else n:04},{n % 50},{'yes' if n % 3 else 'no'},{'a#b' if n % 2 else 'c: d'}" for n in range(400)
    ]
    (tmp_path / "orders.csv").write_text("\n".join(["id,amount,late,kind", *rows]), encoding="utf-8")
    return tmp_path


def config_of(project, more=""):
    path = project / "shop.yaml"
    path.write_text(HEAD + more, encoding="utf-8")
    return load_config(path)


def test_what_is_suggested_can_be_pasted_and_holds(project):
    suggested = suggest_constraints(config_of(project))
    text = suggestions_text(item.to_json() for item in suggested)
    pasted = config_of(project, text + "\n")
    assert list(pasted.quality.constraints) == [item.constraint for item in suggested]
    assert "allowed_values(kind)" in [item.name for item in pasted.quality.constraints]
    verdict = check_quality(pasted, NOW)
    assert verdict.passed
    assert all(finding.passed for finding in verdict.findings)


def test_a_check_finds_a_repeated_key_and_says_in_which_rows(project):
    settings = "quality: {constraints: [{kind: uniqueness, columns: [id]}, {kind: size, min: 400, max: 400}]}\n"
    verdict = check_quality(config_of(project, settings), NOW)
    assert not verdict.passed
    (repeated,) = verdict.refusing
    assert "2 of 400 rows break it" in repeated.sentence
    assert "id = 'N0007' (2 times)" in repeated.sentence


@pytest.mark.parametrize("value", ["a: b", "yes", "#", "", "'", '"', "1", "null", "é", "-", "{", "a\nb"])
def test_any_text_survives_being_a_line_of_a_configuration(project, value):
    line = constraint_text({"kind": "allowed_values", "column": "kind", "values": [value, 1, True]})
    (constraint,) = config_of(project, f"quality:\n  constraints:\n    - {line}\n").quality.constraints
    assert constraint.values == (value, 1, True)


def penstock(project, verb):
    return penstock_here(project, "quality", verb, "--config", "shop.yaml")


def test_the_commands_say_what_they_found_and_a_refusal_is_exit_code_4(project):
    config_of(project, "quality: {constraints: [{kind: uniqueness, columns: [id]}, {kind: size, max: 500}]}\n")
    checked = penstock(project, "check")
    assert checked.returncode == 4
    assert re.search(r"^refuses +uniqueness\(id\)", checked.stdout, flags=re.MULTILINE)
    assert re.search(r"^passed +size", checked.stdout, flags=re.MULTILINE)
    assert "DataQualityGate refuses the data: 1 check failed." in checked.stderr
    suggested = penstock(project, "suggest")
    assert (suggested.returncode, suggested.stderr) == (0, "")
    assert "- {kind: completeness, column: id}" in suggested.stdout
