"""What Kubeflow's UI shows of a node, for nodes that left what real ones leave."""

import datetime
import html
import json

import pyarrow as pa
import pytest
from kubeflow_node import EndedNode
from pyarrow import parquet

from components.evaluator.analysis import Analysis, Confusion, Interval, SliceAnalysis
from components.evaluator.decision import Measured, decide
from components.evaluator.demands import Demands
from components.evaluator.predictions import PREDICTIONS_SCHEMA
from components.evaluator.settings import Threshold
from components.gate.verdict import Finding, Verdict, judge
from pipeline.kubeflow_task import content, node_view
from pipeline.kubeflow_task.card import MOST_BYTES
from pipeline.kubeflow_task.content import content_of
from pipeline.kubeflow_task.showing import show
from pipeline.launch import Failure
from pipeline.report.section import Section
from pipeline.report.tags import tag

HOSTILE = "<script>alert('x')</script>\ud800\u202e"
COST = {"wall_s": 12.5, "cpu_s": 20.25, "peak_memory_mb": 300}


@pytest.fixture
def ended(tmp_path, monkeypatch):
    return lambda node_id: EndedNode(node_id, tmp_path, monkeypatch)


def evaluator(ended, classes=("no", "yes")):
    """An Evaluator of four rows, one of them answered wrongly."""
    measured = [Measured((), {"example_count": 4.0, "accuracy": 0.75, "auc": float("nan")})]
    demands = Demands(("example_count", "accuracy", "auc"), (Threshold("accuracy", lower=0.5),), (), (), 1)
    overall = SliceAnalysis({}, 4, {"accuracy": Interval(0.75, 0.3, 0.95)}, {})
    confusion = Confusion(classes, ((2, 0), (1, 1)), (0, 0))
    analysis = Analysis("y", "binary", "test", 0.95, {}, 4, 10, 1, "accuracy", overall, (), confusion)
    made = ended("Evaluator")
    decision = decide(demands, measured, None, None, tfma_passed=True).to_json()
    made.add("blessing", "ModelBlessing", documents={"decision.json": decision}, fingerprint="ab" * 32)
    folder = made.add("evaluation", "ModelEvaluation", documents={"analysis.json": analysis.to_json()})
    made.add("model", "Model", "input", fingerprint="cd" * 32)
    rows = zip(range(4), (0.0, 0.0, 1.0, 1.0), (0.1, 0.4, 0.3, 0.9), strict=True)
    answers = [{"example": number, "slices": [], "label": label, "scores": [score]} for number, label, score in rows]
    (folder / "predictions").mkdir()
    parquet.write_table(pa.Table.from_pylist(answers, PREDICTIONS_SCHEMA), folder / "predictions" / "0.parquet")
    return made


def test_an_evaluator_shows_metrics_confusion_and_curve(ended):
    made = evaluator(ended)
    shown = content_of(made.task(), made.request, made.outcome())
    assert shown["metrics"].metadata == {"blessed": 1, "example_count": 4.0, "accuracy": 0.75, "slices": 0, **COST}
    found = shown["classification_metrics"].metadata
    assert found["confusionMatrix"] == {
        "annotationSpecs": [{"displayName": "no"}, {"displayName": "yes"}],
        "rows": [{"row": [2, 0]}, {"row": [1, 1]}],
    }
    rates = [(point["falsePositiveRate"], point["recall"]) for point in found["confidenceMetrics"]]
    assert rates == [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]


def test_a_curve_of_more_rows_than_memory_was_asked_for_is_left_out(ended, monkeypatch):
    monkeypatch.setattr("pipeline.kubeflow_task.classification.MOST_ROWS", 3)
    made = evaluator(ended)
    shown = content_of(made.task(), made.request, made.outcome())
    assert set(shown["classification_metrics"].metadata) == {"confusionMatrix"}


def test_a_card_says_what_became_of_the_node_what_it_read_and_made_and_where_the_report_is(ended):
    made = evaluator(ended)
    task = made.task(report_url="https://reports.example.com/{run_id}/index.html")
    shown = content_of(task, made.request, made.outcome())
    card = shown["card"].text
    for said in ("<h1>Evaluator</h1>", "ran in this run", "12.5 s", "300 MiB", "0.3 to 0.95", "Confusion matrix"):
        assert said in card
    for key, digest in {"blessing": "ab", "model": "cd"}.items():
        assert f"<code>{made.folder / key}</code>" in card
        assert f'title="{digest * 32}"' in card
    assert 'href="https://reports.example.com/run-1/index.html"' in card
    assert "penstock report run-1 --runner kubeflow" in card
    assert shown["links"].text.startswith("[The run's report](https://reports.example.com/run-1/index.html)\n")


def test_a_card_needs_no_script_and_nothing_over_a_network(ended):
    made = evaluator(ended)
    card = content_of(made.task(), made.request, made.outcome())["card"].text
    assert "<script></script>" in card
    assert card.count("<script") == 1
    assert "default-src 'none'" in html.unescape(card)
    assert not [word for word in ("src=", "@import", "url(http") if word in card]


def test_what_data_say_is_shown_and_never_acts(ended):
    made = evaluator(ended, classes=(HOSTILE, "yes"))
    made.task().outputs.write(content_of(made.task(), made.request, made.outcome("FAILED", Failure("other", HOSTILE))))
    card = made.file("card").read_text()
    assert "<script>alert" not in card
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;[U+D800][U+202E]" in card
    (artifact,) = json.loads(made.document.read_text())["artifacts"]["classification_metrics"]["artifacts"]
    names = [spec["displayName"] for spec in artifact["metadata"]["confusionMatrix"]["annotationSpecs"]]
    assert names == ["<script>alert('x')</script>[U+D800][U+202E]", "yes"]


def test_kfp_reads_what_is_left(ended):
    from kfp.dsl import HTML, ClassificationMetrics, Metrics
    from kfp.local import executor_output_utils

    made = evaluator(ended)
    show(made.task(), made.request, made.outcome())
    message = executor_output_utils.load_executor_output(str(made.document))
    found = {
        name: executor_output_utils.runtime_artifact_to_dsl_artifact(items.artifacts[0])
        for name, items in message.artifacts.items()
    }
    for name, kind in {"card": HTML, "metrics": Metrics, "classification_metrics": ClassificationMetrics}.items():
        assert found[name].uri == str(made.file(name))
        assert made.file(name).stat().st_size > 0
        assert kind.schema_title.startswith("system.")
    assert found["metrics"].metadata["accuracy"] == 0.75
    assert found["classification_metrics"].metadata["confusionMatrix"]["rows"] == [{"row": [2, 0]}, {"row": [1, 1]}]


def test_a_trainer_shows_its_best_epoch(ended):
    made = ended("Trainer")
    epochs = [
        {"epoch": 1, "seconds": 1.0, "loss": 2.0, "val_loss": 1.5},
        {"epoch": 2, "seconds": 3.0, "loss": 1.0, "val_loss": 1.75},
    ]
    made.add("model_run", "ModelRun", documents={"history.json": {"epochs": epochs, "best_epoch": 1}})
    shown = content_of(made.task(), made.request, made.outcome())
    found = {"epochs": 2, "best_epoch": 1, "training_s": 4.0, "loss": 2.0, "val_loss": 1.5}
    assert shown["metrics"].metadata == {**found, **COST}
    assert shown["classification_metrics"].metadata == {}
    assert "2 epochs in 4.0 s" in shown["card"].text


def test_a_gate_shows_how_many_checks_came_to_what(ended):
    made = ended("DataQualityGate")
    broken = Finding("unique(id)", False, "error", "3 rows share id 7.")
    verdict = Verdict("DataQualityGate", "the data", "quality", (broken, Finding("size", True, "error", "4 rows.")))
    judged = judge(verdict, (), datetime.date(2026, 1, 1)).to_json()
    made.add("result", "PenstockGateResult", documents={"decision.json": judged})
    shown = content_of(made.task(), made.request, made.outcome("FAILED", Failure("gate", "3 rows share id 7.")))
    found = {"passed": 0, "checks": 2, "checks_that_refuse": 1, "warnings": 0, "waived": 0}
    assert shown["metrics"].metadata == {**found, **COST}
    assert '<pre class="log">3 rows share id 7.</pre>' in shown["card"].text
    assert "DataQualityGate refuses" in shown["card"].text


def test_rows_read_are_counted_as_the_node_wrote_them_down(ended):
    made = ended("ArrowExampleGen")
    place = made.add("examples", "Examples", rows_in=10, rows_quarantined=1, rows_train=6, rows_eval=3)
    for split in ("train", "eval"):
        (place / f"Split-{split}").mkdir()
    shown = content_of(made.task(), made.request, made.outcome())
    found = {"rows_in": 10, "rows_quarantined": 1, "rows_train": 6, "rows_eval": 3}
    assert shown["metrics"].metadata == {**found, **COST}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("CACHED", "an earlier run&#39;s outputs stand"),
        ("SKIPPED", "its condition said that it need not run"),
        ("AWAITING_APPROVAL", "penstock approve run-1 --reason WHY --runner kubeflow"),
    ],
)
def test_a_node_that_did_not_run_says_why(ended, state, said):
    made = ended("Pusher")
    card = content_of(made.task(), made.request, made.outcome(state))["card"].text
    assert said in card
    assert "It made nothing." in card


def test_a_section_that_is_too_long_is_left_to_the_report(ended, monkeypatch):
    made = ended("Trainer")
    long = [Section("training", "Training", "Model", tag("p", "x" * MOST_BYTES))]
    monkeypatch.setattr("pipeline.kubeflow_task.card.page_sections", lambda _: long)
    card = content_of(made.task(), made.request, made.outcome())["card"].text
    assert "more than a card holds" in card
    assert len(card) < 50_000


def test_a_node_that_cannot_be_read_again_has_a_card_that_says_so(ended, monkeypatch, capsys):
    def unreachable(*_):
        raise RuntimeError("the store <b>is gone</b>")

    made = ended("Trainer")
    monkeypatch.setattr(node_view, "lineage_of", unreachable)
    show(made.task(), made.request, made.outcome())
    assert "the store &lt;b&gt;is gone&lt;/b&gt;" in made.file("card").read_text()
    assert set(json.loads(made.document.read_text())["artifacts"]) == {"card", "links"}
    assert "Trainer: its card says little, because of this: RuntimeError" in capsys.readouterr().err


def test_whatever_fails_in_showing_a_node_it_is_told_and_the_node_is_done(ended, monkeypatch, capsys):
    made = ended("Trainer")
    made.file("card").parent.write_text("a file, where a folder should be")
    show(made.task(), made.request, made.outcome())
    assert "Trainer: Kubeflow's UI will show less of it, because of this: FileExistsError" in capsys.readouterr().err
    monkeypatch.setattr(content, "card_page", None)
    show(made.task(), made.request, made.outcome())
    assert "TypeError" in capsys.readouterr().err
