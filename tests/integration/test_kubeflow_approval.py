"""A person's decision about a model on Kubeflow Pipelines, from the run that ends waiting to the pushed model.

tiny_models.py, submitted with the real client and carried out by kfp's local executor (kubeflow_pods.py); verbs are
typed as a user types them, on a machine that has the volume mounted.
"""

import dataclasses
import time
from pathlib import Path

import pytest
from tiny_platform_compile import compile_models
from typer.testing import CliRunner

from components.ledger.ledger import Ledger
from components.model_approval.decisions import DecisionRefused
from components.model_approval.settings import ApprovalSettings
from pipeline.cli.app import app
from pipeline.errors import EXIT_WAITING, ConfigError
from pipeline.runners.registry import remote_runner

pytestmark = pytest.mark.integration

NODES = ("MakeModel", "ModelApproval", "Pusher", "ModelRegistry")
END_S = 240


@dataclasses.dataclass
class Models:
    """The pipeline in one place, and its run."""

    place: object
    config: object
    handle: object

    @property
    def run_id(self):
        return self.handle.run_id

    def penstock(self, *arguments, code=0):
        """What the verb prints."""
        done = self._invoked(arguments)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    def refused(self, error, *arguments):
        """What the error says that the verb ends with."""
        done = self._invoked(arguments)
        assert isinstance(done.exception, error), (done.output, done.exception)
        return str(done.exception)

    def _invoked(self, arguments):
        path = str(self.place.folder / "penstock.yaml")
        return CliRunner().invoke(app, [*arguments, "--runner", "kubeflow", "--config", path])

    def wait(self, state):
        """Returns when the run has ended, in that state."""
        runner, deadline = remote_runner("kubeflow", self.config), time.monotonic() + END_S
        while not (progress := runner.watch(self.handle)).is_over:
            assert time.monotonic() < deadline, progress
            time.sleep(0.2)
        assert progress.state == state, progress

    @property
    def model(self):
        """The file that was judged."""
        (found,) = Path(self.config.kubeflow.root, "artifacts").rglob("Format-Serving/saved_model.pb")
        return found

    @property
    def pushed(self):
        """What a model server would find."""
        return [*Path(self.config.kubeflow.root, "pushed").rglob("saved_model.pb")]

    def recorded(self):
        """Kinds of the record's entries; reading it checks the chain."""
        return [entry.kind for entry in Ledger(f"{self.config.kubeflow.root}/approvals/tiny.jsonl").entries()]


@pytest.fixture
def models(place_on_cluster):
    """A run that has ended, waiting."""
    place = place_on_cluster
    config = place.config.at(str(place.folder / ".penstock"))
    config = config.model_copy(update={"approval": ApprovalSettings("required")})
    (place.folder / "penstock.yaml").write_text(config.model_dump_json(by_alias=True))
    document = place.warm.call(compile_models, "kubeflow", config, log_path=place.folder / "compile.log")
    found = Models(place, config, remote_runner("kubeflow", config).submit(document, {}))
    found.wait("AWAITING_APPROVAL")
    assert set(place.jobs()) == {"MakeModel", "ModelApproval"}
    assert found.pushed == []
    return found


def test_an_approved_model_is_pushed_by_the_same_run_and_seen_by_every_verb(models):
    run, as_judged = models.run_id, models.model.read_bytes()
    shown = models.penstock("status", run, "--wait", code=EXIT_WAITING)
    assert f"approve {run} --reason WHY --runner kubeflow" in shown
    assert "pending" in models.penstock("approvals", run)
    models.model.write_bytes(b"grapg")
    assert "bytes changed since run" in models.refused(DecisionRefused, "approve", run, "--by=ann", "--reason=good")
    models.model.write_bytes(as_judged)

    assert f"Run {run} goes on as " in models.penstock("approve", run, "--by=ann", "--reason=good on every slice")
    assert "already approved by ann" in models.refused(DecisionRefused, "reject", run, "--by=bob", "--reason=no")
    models.wait("COMPLETE")
    models.penstock("status", run, "--wait")
    assert models.recorded() == ["requested", "approved"]
    (pushed,) = models.pushed
    assert pushed.read_bytes() == as_judged
    assert len(models.place.jobs()["MakeModel"]) == 1
    assert models.place.states(run) == dict.fromkeys(NODES, "COMPLETE")
    assert "is SUCCEEDED; only one that failed" in models.refused(ConfigError, "resume", run)
    _check_seen(models, pushed.parent.name)


def _check_seen(models, version):
    """Fails unless every verb that looks at runs there sees this one, from the volume."""
    run = models.run_id
    shown = models.penstock("show", run)
    assert f"version {version} of tiny, candidate" in shown
    assert "good on every slice" in shown
    assert run in Path(models.penstock("report", run).strip()).read_text()
    assert "registered by run" in models.penstock("lineage", run)
    assert version in models.penstock("models")
    assert "is in staging" in models.penstock("promote", version, "--to=staging", "--reason=shadow", "--by=ann")
    assert "approved" in models.penstock("approvals", run)


def test_a_model_that_changed_after_its_approval_waits_again_and_a_rejection_ends_the_run_without_it(models):
    run = models.run_id
    said = models.penstock("approve", run, "--by=ann", "--reason=good", "--no-run")
    assert f"resume {run} --runner kubeflow" in said
    models.model.write_bytes(b"grapg")
    models.penstock("resume", run)
    models.wait("AWAITING_APPROVAL")
    assert models.recorded() == ["requested", "approved", "requested"]
    models.penstock("reject", run, "--by=ann", "--reason=wrong on books")
    models.wait("COMPLETE")
    assert models.recorded() == ["requested", "approved", "requested", "rejected"]
    assert set(models.place.jobs()) == {"MakeModel", "ModelApproval"}
    assert models.pushed == []
    assert "No version is registered yet" in models.penstock("models")
