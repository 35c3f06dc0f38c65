"""ModelCard's executor on artifacts as the other nodes leave them: whole, damaged, and gone."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from card_evidence import WRITTEN, analysis, bias_report, explanation, known, verdict
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.gate.verdict import Finding
from components.model_card.document import SCHEMA_FILE
from components.model_card.settings import CardSettings
from components.model_digest import model_digest
from models.tabular_text.features import LabelKind

pytestmark = pytest.mark.integration

NOON = 1_767_358_800_000
"""2026-01-02T13:00:00Z in milliseconds."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the node reads, by key, with the folder of each."""

    root: Path
    artifacts: dict[str, list[Any]]

    def folder(self, key: str) -> Path:
        return Path(self.artifacts[key][0].uri)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """Every artifact whole, of a binary label."""
    from tfx.types import standard_artifacts as types

    from components.bias_evaluator.artifact import BiasReport
    from components.explainer.artifact import ModelExplanation
    from components.gate.artifact import GateResult

    def made(kind: Any, node: str, key: str, **texts: str) -> Any:
        artifact = kind()
        folder = tmp_path / "artifacts" / node / key / "7"
        artifact.uri = str(folder)
        for name, text in texts.items():
            path = folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return artifact

    description = {"inputs": {"age": {"dtype": "float32", "required": True}}, "classes": ["no", "yes"]}
    model = made(types.Model, "Trainer", "model", **{"Format-Serving__saved_model_dot_pb": "bytes"})
    described = Path(model.uri) / "Format-Serving" / "assets.extra" / "penstock.json"
    described.parent.mkdir()
    described.write_text(json.dumps(description))
    model.mlmd_artifact.create_time_since_epoch = NOON
    examples = made(types.Examples, "ArrowExampleGen", "examples")
    examples.split_names = '["eval", "test", "train"]'
    counted = {"rows_in": 1001, "rows_quarantined": 1, "rows_train": 800, "rows_eval": 100, "rows_test": 100}
    for name, rows in counted.items():
        examples.set_int_custom_property(name, rows)
    statistics = made(types.ExampleStatistics, "StatisticsGen", "statistics")
    statistics.split_names = '["train"]'
    stats = Path(statistics.uri) / "Split-train" / "FeatureStats.pb"
    stats.parent.mkdir(parents=True)
    stats.write_bytes(_statistics().SerializeToString())
    schema = schema_pb2.Schema()
    schema.feature.add(name="age", type=schema_pb2.INT).presence.min_fraction = 1
    schema.feature.add(name="plan", type=schema_pb2.BYTES)
    check = {"metric": "accuracy", "slice": "all rows", "kind": "lower", "threshold": 0.75, "passed": True}
    decision = {"blessed": True, "reasons": ["1 of 1."], "checks": [check], "baseline_model": None}
    broken = verdict(Finding("unique(id)", False, "error", "3 rows share an id."))
    artifacts = {
        "model": [model],
        "examples": [examples],
        "statistics": [statistics],
        "schema": [made(types.Schema, "SchemaGen", "schema", schema_dot_pbtxt=text_format.MessageToString(schema))],
        "evaluation": [
            made(
                types.ModelEvaluation,
                "Evaluator",
                "evaluation",
                analysis_dot_json=json.dumps(analysis(LabelKind.BINARY).to_json()),
            )
        ],
        "blessing": [made(types.ModelBlessing, "Evaluator", "blessing", decision_dot_json=json.dumps(decision))],
        "infra_blessing": [
            made(
                types.InfraBlessing,
                "ServingCheck",
                "blessing",
                report_dot_json=json.dumps({"blessed": True, "reasons": []}),
            )
        ],
        "bias": [
            made(
                BiasReport,
                "BiasEvaluator",
                "bias",
                bias_dot_json=json.dumps(bias_report(old="failed", new="passed").to_json()),
            )
        ],
        "explanation": [
            made(
                ModelExplanation,
                "Explainer",
                "explanation",
                explanation_dot_json=json.dumps(explanation().to_json()),
            )
        ],
        "verdicts": [
            made(GateResult, gate, "result", decision_dot_json=json.dumps(found.to_json()))
            for gate, found in (("DataQualityGate", broken), ("ValidationGate", verdict(gate="ValidationGate")))
        ],
    }
    return Inputs(tmp_path, artifacts)


def _statistics() -> statistics_pb2.DatasetFeatureStatisticsList:
    """800 rows; age is missing in 200 and 40 on average, plan is there and has 3 values."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=800)
    age = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.INT)
    age.path.step.append("age")
    age.num_stats.common_stats.num_non_missing = 600
    age.num_stats.mean = 40.0
    plan = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    plan.path.step.append("plan")
    plan.string_stats.common_stats.num_non_missing = 800
    plan.string_stats.unique = 3
    return found


def card_of(inputs: Inputs, settings: CardSettings = WRITTEN, name: str = "card") -> tuple[dict[str, Any], Any]:
    """What the executor writes, held against its schema, and the artifact."""
    from components.model_card.artifact import ModelCard
    from components.model_card.executor import Executor

    made = ModelCard()
    made.uri = str(inputs.root / name)
    context = Executor.Context(tmp_dir=str(inputs.root / "tmp"), unique_id="1", pipeline_run_id="run-7")
    properties = {"settings": json.dumps(settings.to_json()), "known": json.dumps(known().to_json())}
    Executor(context).Do(inputs.artifacts, {"card": [made]}, properties)
    card = json.loads((Path(made.uri) / "card.json").read_text(encoding="utf-8"))
    jsonschema.validate(card, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    return card, made


def parts(card: dict[str, Any]) -> dict[str, str]:
    return {item["part"]: item["reason"] for item in card["missing"]["evidence"]}


def test_the_card_is_filled_from_the_artifacts(inputs: Inputs) -> None:
    card, made = card_of(inputs)
    digest = model_digest(inputs.folder("model") / "Format-Serving")
    assert card["model_details"]["version"] == {
        "name": digest[:12], "date": "2026-01-02", "digest": digest, "run": "run-7",
    }  # fmt: skip
    assert [split["rows"] for split in card["model_parameters"]["data"]] == [800, 100, 100]
    age, plan, *_ = card["model_parameters"]["columns"]
    assert (age["missing_share"], age["mean"], age["distinct"]) == (0.25, 40.0, None)
    assert (plan["missing_share"], plan["mean"], plan["distinct"]) == (0.0, None, 3)
    schema = card["model_parameters"]["dataset"]["schema"]
    assert (schema["columns"], schema["required"]) == (2, 1)
    assert card["quantitative_analysis"]["performance_metrics"][0]["value"] == 0.9
    assert [item["passed"] for item in card["gates"]["verdicts"]] == [False, True]
    page = (Path(made.uri) / "card.html").read_text(encoding="utf-8")
    assert "3 rows share an id." in page
    assert [facet["name"] for facet in card["fairness"]["facets"]] == ["old", "new"]
    assert [item["feature"] for item in card["explainability"]["global_importances"]] == ["f0", "f1"]
    assert (made.missing_sections, made.missing_evidence, made.model_digest) == (0, 0, digest)


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("model", "the model"),
        ("statistics", "the statistics of the training rows"),
        ("schema", "the schema"),
        ("evaluation", "the evaluation"),
        ("blessing", "the Evaluator's decision"),
        ("infra_blessing", "the serving check"),
        ("bias", "the bias report"),
        ("explanation", "the explanation"),
        ("verdicts", "the verdict of DataQualityGate"),
    ],
)
@pytest.mark.parametrize("what", ["gone", "damaged", "another document"])
def test_what_is_gone_or_damaged_is_missing_on_the_card_and_stops_nothing(
    inputs: Inputs, key: str, part: str, what: str
) -> None:
    if what == "gone":
        shutil.rmtree(inputs.folder(key))
    for path in [path for path in inputs.folder(key).rglob("*") if path.is_file()]:
        path.write_bytes(b"\xff\x00{" if what == "damaged" else b'{"format": 99}')
    found = parts(card_of(inputs)[0])
    assert found.keys() == {part}
    assert "/7" in found[part]
    assert str(inputs.root) not in found[part]


def test_a_node_that_the_pipeline_lacks_is_missing(inputs: Inputs) -> None:
    del inputs.artifacts["infra_blessing"], inputs.artifacts["bias"], inputs.artifacts["explanation"]
    inputs.artifacts["verdicts"].pop()
    found = parts(card_of(inputs)[0])
    assert "no ServingCheck" in found["the serving check"]
    assert "no BiasEvaluator" in found["the bias report"]
    assert "no Explainer" in found["the explanation"]
    assert found["the verdict of ValidationGate"] == "ValidationGate left no verdict."


def test_rows_that_nobody_counted_are_missing(inputs: Inputs) -> None:
    inputs.artifacts["examples"][0].split_names = '["train", "other"]'
    assert "nobody counted the rows of other" in parts(card_of(inputs)[0])["the rows"]


def test_what_a_search_chose_is_on_the_card(inputs: Inputs) -> None:
    from tfx.types import standard_artifacts

    found = standard_artifacts.HyperParameters()
    found.uri = str(inputs.root / "best")
    Path(found.uri).mkdir()
    chosen = {"values": {"learning_rate": 0.01, "tuner/epochs": 3}}
    (Path(found.uri) / "best_hyperparameters.txt").write_text(json.dumps(chosen))
    inputs.artifacts["hyperparameters"] = [found]
    assert card_of(inputs)[0]["model_parameters"]["hyperparameters"]["tuned"] == {"learning_rate": 0.01}


def test_the_same_artifacts_give_the_same_bytes(inputs: Inputs) -> None:
    for name in ("one", "two"):
        card_of(inputs, CardSettings(), name)
    for file in ("card.json", "card.html"):
        assert (inputs.root / "one" / file).read_bytes() == (inputs.root / "two" / file).read_bytes()


def test_what_nobody_wrote_is_counted(inputs: Inputs) -> None:
    _, made = card_of(inputs, CardSettings(overview="Something."))
    assert made.missing_sections == 9
