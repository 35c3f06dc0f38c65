"""A run that waits for a person: what it did not do, and what a decision makes of it. Each test starts from there."""

import json
import shutil

import pytest
from projects import Project, completed, make_project
from tables import CHURN_CONFIG, write_customers

pytestmark = pytest.mark.integration

RUN = "asked"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A project whose run waits for an approval, and what the command printed."""
    folder = tmp_path_factory.mktemp("asked")
    write_customers(folder / "customers.csv")
    config = CHURN_CONFIG.replace("enabled: true", "enabled: false") + "approval: required\n"
    project = make_project(folder, config)
    done = completed(project.penstock("run", "--run-id", RUN), 8)
    shutil.copytree(project.root, folder / "kept", symlinks=True)
    return project, done


@pytest.fixture
def waiting(asked) -> Project:
    """The project as it was when the run had just begun to wait."""
    project, _ = asked
    shutil.rmtree(project.root)
    shutil.copytree(project.config.parent / "kept", project.root, symlinks=True)
    return project


def record(project, run_id=RUN):
    return json.loads((project.root / "runs" / run_id / "run.json").read_text())


def executions(project):
    return {node["node_id"]: (node["execution_id"], node["attempt"]) for node in record(project)["nodes"]}


def requests(project):
    return json.loads(completed(project.penstock("approvals", "--json"), 0))["requests"]


def test_the_run_waits_says_so_and_pushes_nothing(asked):
    project, done = asked
    assert f"approve {RUN} --reason WHY" in done
    assert "every model needs a person's approval" in done
    states = {node["node_id"]: node["state"] for node in record(project)["nodes"]}
    assert record(project)["state"] == states["ModelApproval"] == "AWAITING_APPROVAL"
    assert states["Pusher"] == "NOT_RUN"
    assert project.pushed_versions("churn") == []
    page = (project.root / "runs" / RUN / "report" / "index.html").read_text()
    assert "waits for a person" in page


def test_going_on_without_a_decision_waits_again_and_asks_no_second_time(waiting):
    completed(waiting.penstock("run", "--resume"), 8)
    assert [(item["run"], item["state"], item["decisions"]) for item in requests(waiting)] == [(RUN, "pending", [])]
    ledger = waiting.root / "approvals" / "churn.jsonl"
    assert len(ledger.read_text().splitlines()) == 1


def test_an_approval_pushes_this_very_model_and_computes_nothing_again(waiting):
    before = executions(waiting)
    # Killed after the decision is on record: the next start pushes.
    completed(waiting.penstock("approve", RUN, "--reason", "fine", "--by", "ann", "--no-run"), 0)
    assert waiting.pushed_versions("churn") == []
    completed(waiting.penstock("run", "--resume", RUN), 0)
    after = executions(waiting)
    again = {node_id for node_id in after if after[node_id] != before[node_id]}
    assert again == {"ModelApproval", "Pusher"}
    assert record(waiting)["state"] == "COMPLETE"
    (version,) = waiting.pushed_versions("churn")
    model = waiting.artifact(RUN, "Trainer", "model") / "Format-Serving"
    assert (version / "saved_model.pb").read_bytes() == (model / "saved_model.pb").read_bytes()
    document = json.loads((waiting.artifact(RUN, "ModelApproval", "approval") / "approval.json").read_text())
    assert [(item["kind"], item["by"], item["reason"]) for item in document["decisions"]] == [
        ("approved", "ann", "fine")
    ]
    refused = completed(waiting.penstock("reject", RUN, "--reason", "no", "--by", "bob"), 2)
    assert "already approved by ann" in refused
    assert "Nothing has changed" in completed(waiting.penstock("run"), 0)
    assert "approved by ann" in completed(waiting.penstock("lineage", RUN), 0)


def test_a_rejection_ends_the_run_without_a_push(waiting):
    done = completed(waiting.penstock("reject", RUN, "--reason", "unfair", "--by", "ann"), 0)
    assert "rejected by ann" in done
    assert record(waiting)["state"] == "COMPLETE"
    assert waiting.pushed_versions("churn") == []
    assert "unfair" in completed(waiting.penstock("show", RUN), 0)


def test_a_model_that_changed_since_is_not_approved(waiting):
    model = waiting.artifact(RUN, "Trainer", "model") / "Format-Serving" / "saved_model.pb"
    was = model.read_bytes()
    model.write_bytes(was + b"x")
    refused = completed(waiting.penstock("approve", RUN, "--reason", "fine"), 2)
    assert "bytes changed since" in refused
    assert requests(waiting)[0]["state"] == "pending"


def test_an_edited_record_stops_every_decision(waiting):
    ledger = waiting.root / "approvals" / "churn.jsonl"
    ledger.write_text(ledger.read_text().replace(RUN, "other"))
    for verb in (("approvals",), ("approve", RUN, "--reason", "fine")):
        assert "churn.jsonl:1: this entry was changed" in completed(waiting.penstock(*verb), 4)
