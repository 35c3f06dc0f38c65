import json
import math

import pytest
from kubeflow_node import EndedNode

from pipeline.errors import ConfigError
from pipeline.kubeflow_task.arguments import parse
from pipeline.kubeflow_task.outputs import CARD, METRICS, Outputs, Shown

INPUT = (
    '{"outputs": {"outputFile": "/o/x.json", "artifacts": {"card": {"artifacts": [{"name": "9", "uri": "s3://b/c"}]}}}}'
)


@pytest.fixture
def ended(tmp_path, monkeypatch):
    return EndedNode("Trainer", tmp_path, monkeypatch)


def test_the_document_is_the_one_that_kfp_itself_writes(ended):
    from kfp.dsl import HTML, Metrics, Output, executor

    def component(card: Output[HTML], metrics: Output[Metrics]):
        metrics.log_metric("accuracy", 0.5)
        metrics.log_metric("rows", 12)

    executor.Executor(ended.executor_input(CARD, METRICS), component).execute()
    expected = json.loads(ended.document.read_text())
    ended.document.unlink()
    shown = {CARD: Shown("<p>"), METRICS: Shown("{}", {"accuracy": 0.5, "rows": 12}), "other": Shown("not asked for")}
    ended.task(CARD, METRICS).outputs.write(shown)
    assert json.loads(ended.document.read_text()) == expected
    assert ended.file(CARD).read_text() == "<p>"


def test_a_number_that_kubeflows_launcher_would_fail_over_is_never_written(ended):
    with pytest.raises(ValueError, match="not JSON compliant"):
        ended.task(METRICS).outputs.write({METRICS: Shown("", {"loss": math.nan})})
    assert not ended.document.exists()


def test_the_launchers_words_are_left_to_the_launcher():
    own = ("--executor-input", INPUT, "--show", "card=/s3/b/c")
    task, words = parse(["--ir", "x", "--nodes", "Trainer", *own, "--answer", "Push=/tmp/a"])
    assert words == ["--ir", "x", "--nodes", "Trainer", "--answer", "Push=/tmp/a"]
    assert task.outputs.given == {"card": {"name": "9", "uri": "s3://b/c"}}
    assert (str(task.outputs.files["card"]), str(task.outputs.document)) == ("/s3/b/c", "/o/x.json")
    assert task.report_of("r") is None


def test_a_run_is_named_in_the_place_of_its_report():
    words = ["--executor-input", INPUT, "--report-url", "https://x.org/{run_id}/a?run={run_id}"]
    assert parse(words)[0].report_of("a b/c") == "https://x.org/a%20b%2Fc/a?run=a%20b%2Fc"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "required: --executor-input"),
        (["--executor-input", "{{$}}"], "--executor-input: it is no ExecutorInput with outputs"),
        (["--executor-input", INPUT, "--show", "card"], "--show card: expected OUTPUT=FILE."),
        (["--executor-input", INPUT, "--show", "links=/x"], "it has no output links"),
    ],
)
def test_words_that_make_no_sense_are_refused(words, told):
    with pytest.raises(ConfigError) as refused:
        parse(words)
    assert told in str(refused.value)


def test_without_artifacts_nothing_is_expected():
    assert Outputs.of('{"outputs": {"outputFile": "/o/x.json"}}', {}).given == {}
