"""Rows of runs on a platform: their queue comes from there, and answers go to the record there."""

import json
import types

import pytest
from kubeflow_config import config_on_kubeflow

from components.human_review.queue import Origin, Question, Queue
from components.ledger.ledger import Ledger
from pipeline.cli import review
from pipeline.cli.app import app
from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import Volume

QUESTION = Question("r1", {"text": "fine"}, "5", 0.614, (("5", 0.614), ("4", 0.3)), "4")
QUEUE = Queue(Origin("stars", ("4", "5"), {"text": "string"}, {}, 0), 0.9, 1824, 1, 1, (QUESTION,))


@pytest.fixture
def volume(tmp_path, monkeypatch):
    """A volume that is mounted here, with the root of the runs."""
    config = config_on_kubeflow(root=f"{tmp_path}/root", volumes=(Volume("data", str(tmp_path)),))
    config = config.at(str(tmp_path / ".penstock"))
    (tmp_path / "penstock.yaml").write_text(json.dumps(json.loads(config.model_dump_json(by_alias=True))))
    monkeypatch.chdir(tmp_path)

    def view_of(settings, runner, run_id):
        assert (runner, run_id) == ("kubeflow", "run-1")
        return types.SimpleNamespace(
            record=types.SimpleNamespace(run_id=run_id), review=types.SimpleNamespace(value=QUEUE, reason="")
        )

    monkeypatch.setattr(review, "view_of", view_of)
    return tmp_path


def penstock(*arguments):
    return app(args=["review", *arguments, "--runner", "kubeflow"], standalone_mode=False)


def test_answers_about_a_run_on_a_volume_are_on_the_record_there(volume, capsys):
    penstock("export", "rows.csv", "run-1")
    sheet = (volume / "rows.csv").read_text(encoding="utf-8-sig").splitlines()
    header, row = (line.split(",") for line in sheet[:2])
    row[header.index("label")] = "5"
    (volume / "rows.csv").write_text("\n".join([",".join(header), ",".join(row)]) + "\n")
    penstock("import", "rows.csv", "run-1", "--by", "ann")
    record = Ledger(str(volume / "root" / "review" / "reviews" / "answers.jsonl"))
    assert [entry.kind for entry in record.entries()] == ["asked", "answered"]
    penstock("status", "run-1")
    assert "1 rows of 1 below 0.9; 0 not answered" in capsys.readouterr().out
    assert not (volume / ".penstock" / "review").exists()


def test_a_span_on_s3_is_not_written_from_here(volume):
    with pytest.raises(
        ConfigError, match=r"data\.path is s3://bucket/rows\.csv, and a span is written from files of this"
    ):
        penstock("publish", "--set", "data.path=s3://bucket/rows.csv")
