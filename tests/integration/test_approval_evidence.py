"""What ModelApproval makes of the evidence as it lies on the disk: whole, damaged, missing."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import ComponentError, WaitsForApproval
from components.gate.verdict import Finding, Verdict, judge
from components.ledger.ledger import Ledger
from components.model_approval.settings import ApprovalSettings

pytestmark = pytest.mark.integration

GATES = ["BiasEvaluator", "DataQualityGate"]
AUTO = ApprovalSettings("auto")
WARNING = Finding("mean(stars)", False, "warning", "The mean is 4.9.")


class Case:
    """A model with all its evidence, every gate having passed; tests spoil it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("model/Format-Serving/saved_model.pb", "weights")
        self.write("evaluation/analysis.json", self.analysis())
        self.write("model_blessing/decision.json", {"reasons": ["good"]})
        self.write("model_blessing/BLESSED", "")
        self.write("infra_blessing/report.json", {"reasons": ["served"]})
        self.write("infra_blessing/INFRA_BLESSED", "")
        for gate in GATES:
            self.gate(gate)

    def write(self, name: str, content: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def analysis(self, deficit: float = 0.0, change: float | None = None) -> dict[str, Any]:
        changes = {} if change is None else {"accuracy": {"value": change, "low": None, "high": None}}
        harm = {"metric": "accuracy", "deficit": deficit, "amount": 9.0, "is_certain": True}
        games = {"slice": {"category": "Games"}, "rows": 80, "changes": {}, "harm": harm}
        return {"overall": {"slice": {}, "changes": changes, "harm": None}, "slices": [games]}

    def gate(self, gate: str, *findings: Finding) -> None:
        verdict = judge(Verdict(gate, "the data", "quality", findings), (), datetime.date(2026, 1, 1))
        self.write(f"{gate}/decision.json", verdict.to_json())

    def approve(self, settings: ApprovalSettings = AUTO) -> dict[str, Any]:
        """What the node writes."""
        from tfx.types import standard_artifacts

        from components.gate.artifact import GateResult
        from components.model_approval.artifact import ModelApproval
        from components.model_approval.executor import Executor

        def artifact(kind: Any, name: str) -> Any:
            made = kind()
            made.uri = str(self.folder / name)
            return made

        blessing = artifact(standard_artifacts.ModelBlessing, "model_blessing")
        blessing.set_int_custom_property("blessed", 1)
        infra = artifact(standard_artifacts.InfraBlessing, "infra_blessing")
        infra.set_string_custom_property("blessing_status", "INFRA_BLESSED")
        infra.set_int_custom_property("blessed", 1)
        inputs = {
            "model": [artifact(standard_artifacts.Model, "model")],
            "evaluation": [artifact(standard_artifacts.ModelEvaluation, "evaluation")],
            "model_blessing": [blessing],
            "infra_blessing": [infra],
            "verdicts": [artifact(GateResult, gate) for gate in GATES if (self.folder / gate).exists()],
        }
        (self.folder / "approval").mkdir(exist_ok=True)
        properties = {
            "settings": json.dumps(settings.to_json()),
            "gates": json.dumps(GATES),
            "ledger": str(self.folder / "ledger.jsonl"),
        }
        Executor(None).Do(inputs, {"approval": [artifact(ModelApproval, "approval")]}, properties)
        return json.loads((self.folder / "approval/approval.json").read_text())

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger.jsonl")

    def decide(self, kind: str, by: str) -> None:
        request = self.ledger.entries()[-1].content
        same = {key: request[key] for key in ("run", "model_digest", "evidence_digest")}
        self.ledger.append(kind, {**same, "by": by, "reason": "because", "supersedes": False})


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


CONDITIONAL = ApprovalSettings("conditional", {"accuracy": 0.01})


def test_whole_evidence_is_approved_by_the_rules(case: Case) -> None:
    document = case.approve()
    assert (document["approved"], document["decided_by"]) == (True, "rules")
    assert sorted(document["evidence"]) == ["BiasEvaluator", "DataQualityGate", "Evaluator", "ServingCheck", "analysis"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_damaged_verdict_is_no_verdict(case: Case, text: str) -> None:
    case.write("BiasEvaluator/decision.json", text)
    document = case.approve(ApprovalSettings("required"))
    assert (document["approved"], document["decided_by"]) == (False, "gates")
    assert document["reasons"] == ["BiasEvaluator left no verdict."]
    assert case.ledger.entries() == []  # nobody is asked to approve what a gate did not pass


def test_a_gate_that_left_nothing_refuses(case: Case) -> None:
    (case.folder / "BiasEvaluator/decision.json").unlink()
    (case.folder / "BiasEvaluator").rmdir()
    assert case.approve()["reasons"] == ["BiasEvaluator left no verdict."]


def test_another_gates_verdict_does_not_stand_for_a_missing_one(case: Case) -> None:
    case.write("BiasEvaluator/decision.json", (case.folder / "DataQualityGate/decision.json").read_text())
    assert case.approve()["reasons"] == ["BiasEvaluator left no verdict."]


def test_without_the_analysis_nothing_is_approved(case: Case) -> None:
    (case.folder / "evaluation/analysis.json").unlink()
    with pytest.raises(ComponentError, match=r"analysis\.json: the evidence is not there any more"):
        case.approve()


def test_conditions_that_hold_ask_nobody(case: Case) -> None:
    case.write("evaluation/analysis.json", case.analysis(deficit=-0.1, change=-0.005))
    assert case.approve(CONDITIONAL)["decided_by"] == "rules"


@pytest.mark.parametrize(
    ("deficit", "change", "findings", "said"),
    [
        (0.2, 0.0, (), "category = Games (80 rows) is 0.2 worse in accuracy than all rows"),
        (0.0, -0.02, (), "accuracy is 0.02 worse than the last blessed model's on all rows"),
        (0.0, None, (), "there is no blessed model to compare with"),
        (0.0, 0.0, (WARNING,), "BiasEvaluator warns: mean(stars): The mean is 4.9."),
    ],
)
def test_each_condition_asks_and_says_why(
    case: Case, deficit: float, change: float | None, findings: tuple[Finding, ...], said: str
) -> None:
    case.write("evaluation/analysis.json", case.analysis(deficit, change))
    case.gate("BiasEvaluator", *findings)
    with pytest.raises(WaitsForApproval) as caught:
        case.approve(CONDITIONAL)
    assert said in str(caught.value)
    (request,) = case.ledger.entries()
    assert said in " ".join(request.content["reasons"])
    assert ApprovalSettings.from_json(request.content["settings"]) == CONDITIONAL


def test_an_approval_names_its_end_for_the_pusher(case: Case) -> None:
    settings = ApprovalSettings("required", expires_days=2.0)
    with pytest.raises(WaitsForApproval):
        case.approve(settings)
    case.decide("approved", "ann")
    document = case.approve(settings)
    assert document["approved"]
    day = case.ledger.entries()[-1].at[:10]
    assert document["valid_until"][:10] > day


@pytest.mark.parametrize("name", ["evaluation/analysis.json", "model/Format-Serving/saved_model.pb"])
def test_an_approval_of_other_evidence_or_bytes_does_not_count(case: Case, name: str) -> None:
    settings = ApprovalSettings("required")
    with pytest.raises(WaitsForApproval):
        case.approve(settings)
    case.decide("approved", "ann")
    case.write(name, (case.folder / name).read_text() + " ")
    with pytest.raises(WaitsForApproval, match="nobody has decided yet"):
        case.approve(settings)
    assert [entry.kind for entry in case.ledger.entries()] == ["requested", "approved", "requested"]
