"""`penstock card` on a run made by hand."""

import dataclasses
import json

import pytest
from card_evidence import WRITTEN, evidence, known
from typer.testing import CliRunner
from whole_run import whole_run

from components.model_card.card import build_card
from pipeline.cli.app import app

CONFIG = "pipeline: {{name: {name}, root: {root}}}\ndata: {{path: customers.csv}}\nlabel: {{column: churned}}\n"


@pytest.fixture
def penstock(tmp_path, monkeypatch):
    """Runs `penstock card` beside a run that left a card which lacks the licence and the serving check."""
    run = whole_run(tmp_path / "root")
    card = build_card(dataclasses.replace(WRITTEN, licence=""), known(), evidence(missing=("serving",)))
    (folder,) = (tmp_path / "root" / "artifacts" / "ModelCard" / "card").iterdir()
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "card.html").write_text("<!doctype html>the page")
    text = CONFIG.format(name=run.record.pipeline_name, root=tmp_path / "root")
    (tmp_path / "penstock.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["card", *arguments])


def test_it_says_where_the_page_is_and_what_is_missing(penstock):
    first, *rest = penstock().output.splitlines()
    assert first.endswith("card.html  (1 section missing, 1 piece of evidence missing)")
    assert rest == [
        "  nobody has written card.licence",
        "  the serving check is missing: no serving, because of a reason",
    ]


def test_the_document_comes_alone_so_that_programs_can_read_it(penstock):
    assert json.loads(penstock("--json").output)["model_details"]["overview"] == "Guesses who leaves."


def test_a_copy_of_the_page_or_of_the_document(penstock, tmp_path):
    assert penstock("--output", "copy.html").exit_code == 0
    assert (tmp_path / "copy.html").read_text() == "<!doctype html>the page"
    assert penstock("run-1", "--json", "--output", "copy.json").exit_code == 0
    assert json.loads((tmp_path / "copy.json").read_text())["missing"]["sections"] == ["card.licence"]
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.html", "copy.json"]
