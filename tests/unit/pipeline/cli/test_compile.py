from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli import compile as compile_verb
from pipeline.cli.app import app
from pipeline.cli.compile import files_of
from pipeline.runners.base import Document

REST = Document("sagemaker", "reviews-continue", "{}", (), {}, "{}")
DOCUMENT = Document("sagemaker", "reviews", "{}", (), {}, "{}", REST)


def test_what_goes_on_after_an_approval_lies_beside_the_document(tmp_path):
    output = tmp_path / "pipeline.json"
    assert files_of(output, DOCUMENT) == {output: DOCUMENT, tmp_path / "pipeline-continue.json": REST}
    output.write_text("{}")
    assert len(files_of(output, DOCUMENT)) == 2


def test_nothing_is_written_beside_a_device():
    null = Path("/dev/null")
    assert files_of(null, DOCUMENT) == {null: DOCUMENT}


def test_warnings_go_where_they_do_not_get_into_the_document(tmp_path, monkeypatch):
    warned = Document("local", "reviews", "{}", (), {}, "{}", warnings=("the training is lost with its pod",))
    monkeypatch.setattr(compile_verb, "compiled", lambda *_: warned)
    config = tmp_path / "penstock.yaml"
    config.write_text("pipeline: {name: reviews}\ndata: {path: x.csv}\nlabel: {column: y}\n")
    done = CliRunner().invoke(app, ["compile", "--runner", "local", "--config", str(config)])
    assert (done.stdout, done.stderr) == ("{}\n", "warning: the training is lost with its pod\n")
