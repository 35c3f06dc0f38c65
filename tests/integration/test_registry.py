"""From the Pusher through ModelRegistry to production and back, with the real executors and the real signatures."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from projects import Project, completed

from components.errors import ComponentError
from components.evaluator.analysis import ANALYSIS_FILE
from components.evaluator.intervals import Interval
from components.model_approval.decisions import evidence_digest
from components.model_approval.document import APPROVAL_FILE, ApprovalDocument
from components.model_digest import model_digest
from components.model_registry.document import VERSION_FILE, VersionDocument
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import Ask
from components.signing.keys import new_key_pair
from components.signing.settings import SigningSettings
from components.signing.signature import SIGNATURE, SignatureRefused, verify_model

pytestmark = pytest.mark.integration

EVIDENCE = {"Evaluator": "1" * 64}


class Pipeline:
    """The last two nodes of a pipeline, run in this process on made-up evidence."""

    def __init__(self, folder: Path, signing: SigningSettings) -> None:
        self.folder, self.signing = folder, signing
        self.serving = folder / "model" / "Format-Serving"
        self.train(b"weights")
        analysis = {"overall": {"metrics": {"accuracy": vars(Interval(0.9, 0.85, 0.95))}}}
        self._write("evaluation", ANALYSIS_FILE, analysis)
        for name in ("blessing", "infra"):
            (folder / name).mkdir()

    def _write(self, name: str, file: str, document: dict[str, Any]) -> None:
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / file).write_text(json.dumps(document))

    def train(self, weights: bytes) -> None:
        (self.serving / "variables").mkdir(parents=True, exist_ok=True)
        (self.serving / "saved_model.pb").write_bytes(b"graph")
        (self.serving / "variables/variables.data-00000-of-00001").write_bytes(weights)

    def artifact(self, type_name: str, name: str) -> Any:
        from tfx.types import standard_artifacts

        from components.model_approval.artifact import ModelApproval
        from components.model_registry.artifact import ModelVersion

        own = {"ModelApproval": ModelApproval, "ModelVersion": ModelVersion}
        made = (own.get(type_name) or getattr(standard_artifacts, type_name))()
        made.uri = str(self.folder / name)
        return made

    def context(self, executor: Any, run_id: str) -> Any:
        from tfx.dsl.components.base.base_executor import BaseExecutor

        return executor(BaseExecutor.Context(tmp_dir=str(self.folder / "tmp"), unique_id="1", pipeline_run_id=run_id))

    def push(self, run_id: str, *, blessed: bool = True) -> Any:
        """The PushedModel of a run."""
        from tfx.proto import pusher_pb2
        from tfx.utils import proto_utils

        from components.pusher.executor import Executor

        approval = ApprovalDocument(blessed, "rules", ("Every gate.",), model_digest(self.serving), EVIDENCE)
        self._write("approval", APPROVAL_FILE, approval.to_json())
        blessing, infra = self.artifact("ModelBlessing", "blessing"), self.artifact("InfraBlessing", "infra")
        blessing.set_int_custom_property("blessed", int(blessed))
        infra.set_int_custom_property("blessed", 1)
        pushed = self.artifact("PushedModel", f"pushed-{run_id}")
        served = pusher_pb2.PushDestination.Filesystem(base_directory=str(self.folder / "served"))
        self.context(Executor, run_id).Do(
            {
                "model": [self.artifact("Model", "model")],
                "model_blessing": [blessing],
                "infra_blessing": [infra],
                "approval": [self.artifact("ModelApproval", "approval")],
            },
            {"pushed_model": [pushed]},
            {
                "push_destination": proto_utils.proto_to_json(pusher_pb2.PushDestination(filesystem=served)),
                "signing": json.dumps(self.signing.to_json()),
            },
        )
        return pushed

    def register(self, run_id: str, pushed: Any) -> tuple[Any, VersionDocument]:
        """The ModelVersion of a run, and its document."""
        from components.model_registry.executor import Executor

        version = self.artifact("ModelVersion", f"version-{run_id}")
        Path(version.uri).mkdir(exist_ok=True)
        self.context(Executor, run_id).Do(
            {
                "pushed_model": [pushed],
                "model": [self.artifact("Model", "model")],
                "evaluation": [self.artifact("ModelEvaluation", "evaluation")],
                "approval": [self.artifact("ModelApproval", "approval")],
            },
            {"model_version": [version]},
            {
                "name": "churn",
                "registry": str(self.folder / "registry"),
                "signing": json.dumps(self.signing.to_json()),
                "public_key": self.signing.public_key or "",
            },
        )
        document = VersionDocument.from_json(json.loads((Path(version.uri) / VERSION_FILE).read_text()))
        return version, document

    @property
    def registry(self) -> LocalRegistry:
        return LocalRegistry(self.folder / "registry", self.signing)


@pytest.fixture
def keys(tmp_path, monkeypatch) -> SigningSettings:
    monkeypatch.setenv("KEY_PASSPHRASE", "open sesame")
    private, public = tmp_path / "keys/k.pem", tmp_path / "keys/k.pub"
    new_key_pair(private, public, "open sesame")
    return SigningSettings("key", str(private), "KEY_PASSPHRASE", public_key=str(public))


def test_a_signed_push_is_the_same_bytes_from_the_trainer_to_production(tmp_path, keys):
    pipeline = Pipeline(tmp_path, keys)
    pushed = pipeline.push("run-1")
    served = Path(pushed.get_string_custom_property("pushed_destination"))
    assert verify_model(served, keys).signed_by
    assert verify_model(Path(pushed.uri), keys).signed_by
    artifact, document = pipeline.register("run-1", pushed)
    assert (artifact.registered, artifact.version, artifact.stage) == (1, served.name, "candidate")
    assert (document.name, document.signature) == ("churn", pushed.get_string_custom_property("signature"))
    ask = Ask("ann", "good")
    pipeline.registry.promote("latest", "staging", ask)
    version = pipeline.registry.promote("latest", "production", ask)
    assert (version.run, version.metrics) == ("run-1", {"accuracy": 0.9})
    assert version.evidence_digest == evidence_digest(EVIDENCE)
    folder = tmp_path / "registry/stages/production" / served.name
    assert model_digest(folder) == model_digest(pipeline.serving) == version.model_digest == artifact.model_digest
    assert (folder / SIGNATURE).read_bytes() == (served / SIGNATURE).read_bytes()


def test_a_rerun_of_the_node_registers_nothing_twice(tmp_path):
    pipeline = Pipeline(tmp_path, SigningSettings())
    pushed = pipeline.push("run-1")
    first, again = (pipeline.register("run-1", pushed)[1] for _ in range(2))
    assert first == again
    assert list(pipeline.registry.history().versions) == [first.version]
    assert first.signature == "unsigned: signing.mode is unsigned"


def test_what_was_not_pushed_is_not_registered_and_says_why(tmp_path):
    pipeline = Pipeline(tmp_path, SigningSettings())
    artifact, document = pipeline.register("run-1", pipeline.push("run-1", blessed=False))
    assert (artifact.registered, artifact.version) == (0, "")
    assert document.reason == "Nothing was pushed: Evaluator did not bless the model."
    assert not (tmp_path / "registry").exists()


def test_a_pushed_model_that_was_changed_is_not_registered(tmp_path, keys):
    pipeline = Pipeline(tmp_path, keys)
    pushed = pipeline.push("run-1")
    (Path(pushed.uri) / "variables/variables.data-00000-of-00001").write_bytes(b"evil")
    with pytest.raises(SignatureRefused, match=r"not what was signed: variables/variables\.data"):
        pipeline.register("run-1", pushed)
    assert pipeline.registry.history().versions == {}


def test_an_unsigned_push_is_not_registered_where_signatures_are_asked_for(tmp_path, keys):
    pipeline = Pipeline(tmp_path, SigningSettings())
    pushed = pipeline.push("run-1")
    pipeline.signing = keys
    with pytest.raises(SignatureRefused, match="is not signed"):
        pipeline.register("run-1", pushed)


def test_turning_signatures_on_pushes_the_same_model_again_signed(tmp_path, keys):
    pipeline = Pipeline(tmp_path, SigningSettings())
    first = pipeline.push("run-1")
    pipeline.register("run-1", first)
    pipeline.signing = keys
    second, third = (pipeline.push(run_id) for run_id in ("run-2", "run-3"))
    assert [push.get_int_custom_property("already_pushed") for push in (first, second, third)] == [0, 0, 1]
    pipeline.register("run-2", second)
    versions = pipeline.registry.history().versions.values()
    assert [version.signed_by is not None for version in versions] == [False, True]
    unsigned, signed = (version.version for version in versions)
    with pytest.raises(SignatureRefused, match="is not signed"):
        pipeline.registry.promote(unsigned, "staging", Ask("ann", "good"))
    assert pipeline.registry.promote(signed, "staging", Ask("ann", "good")).stage == "staging"


def test_a_push_without_the_passphrase_pushes_nothing(tmp_path, keys, monkeypatch):
    monkeypatch.delenv("KEY_PASSPHRASE")
    with pytest.raises(ComponentError, match="KEY_PASSPHRASE"):
        Pipeline(tmp_path, keys).push("run-1")
    assert list((tmp_path / "served").glob("[0-9]*")) == []


@pytest.fixture
def project(tmp_path, keys) -> Project:
    """A project in whose registry two runs' models are."""
    (tmp_path / "penstock.yaml").write_text(
        "pipeline: {name: churn, root: root}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"
        "signing: {mode: key, private_key: keys/k.pem, passphrase_env: KEY_PASSPHRASE, public_key: keys/k.pub}\n"
    )
    pipeline = Pipeline(tmp_path / "nodes", keys)
    for run_id in ("run-1", "run-2"):
        pipeline.train(run_id.encode())
        pipeline.register(run_id, pipeline.push(run_id))
    target = tmp_path / "root/registry/churn"
    target.parent.mkdir(parents=True)
    shutil.copytree(tmp_path / "nodes/registry", target)
    return Project(tmp_path / "penstock.yaml", tmp_path / "root")


def listed(project: Project) -> dict[str, Any]:
    return json.loads(completed(project.penstock("models", "--json"), 0))


def test_the_command_line_promotes_rolls_back_and_verifies(project):
    one, two = (version["version"] for version in listed(project)["versions"])
    refused = completed(project.penstock("promote", one, "--to", "production", "--reason", "now"), 2)
    assert "--skip-staging" in refused
    for version in (one, two):
        completed(project.penstock("promote", version, "--to", "staging", "--reason", "good", "--by", "ann"), 0)
        completed(project.penstock("promote", version, "--to", "production", "--reason", "better", "--by", "bob"), 0)
    told = completed(project.penstock("rollback", "--reason", "worse on Mondays", "--by", "eve"), 0)
    assert f"Version {one} is in production: root/registry/churn/stages/production/{one}" in told
    found = listed(project)
    assert found["production"] == one
    assert [version["stage"] for version in found["versions"]] == ["production", "archived"]
    change = found["versions"][0]["changes"][-1]
    said = {key: change[key] for key in ("kind", "by", "reason", "replaces")}
    assert said == {"kind": "rolled back", "by": "eve", "reason": "worse on Mondays", "replaces": two}
    table = completed(project.penstock("models"), 0)
    assert f"In production: root/registry/churn/stages/production/{one}" in table
    assert "rolled back to production by eve" in table
    assert "checked" in completed(project.penstock("verify"), 0)

    folder = project.root / "registry/churn/stages/archived" / two
    assert "checked" in completed(project.penstock("verify", str(folder)), 0)
    (folder / "saved_model.pb").write_bytes(b"evil")
    assert "not what was signed: saved_model.pb" in completed(project.penstock("verify", two), 4)
    before = listed(project)
    again = completed(project.penstock("promote", two, "--to", "staging", "--reason", "again"), 4)
    assert "not those that were registered" in again
    assert listed(project) == before


def test_the_command_line_makes_keys_and_says_what_to_write_down(project):
    told = completed(project.penstock_plain("keys", "new", str(project.config.parent / "new.pem")), 0)
    assert "public_key:" in told
    assert (project.config.parent / "new.pem.pub").is_file()
    refused = completed(project.penstock_plain("keys", "new", str(project.config.parent / "new.pem")), 2)
    assert "exists already" in refused
