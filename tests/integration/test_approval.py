"""A run that waits for a person: what it did not do, and what a decision makes of it. Each test starts from there."""

import fcntl
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
    assert again == {"ModelApproval", "Pusher", "ModelRegistry"}
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


def test_an_approval_is_of_the_run_as_it_was_begun_whatever_has_changed_since(waiting, asked):
    before = executions(waiting)
    completed(waiting.penstock("reject", RUN, "--reason", "too early", "--by", "ann", "--no-run"), 0)
    with (waiting.config.parent / "customers.csv").open("a") as data:
        kept = data.tell()
        data.write("new,rows,of,tomorrow\n")
    try:
        other = ("training.epochs=9", "approval.mode=auto")
        again = ("approve", RUN, "--reason", "now", "--by", "bob", "--supersede")
        completed(waiting.penstock(*again, overrides=other), 0)
    finally:
        with (waiting.config.parent / "customers.csv").open("a") as data:
            data.truncate(kept)
    after = executions(waiting)
    assert {node_id for node_id in after if after[node_id] != before[node_id]} == {
        "ModelApproval",
        "Pusher",
        "ModelRegistry",
    }
    assert len(waiting.pushed_versions("churn")) == 1
    decisions = [(item["kind"], item["by"], item["supersedes"]) for item in requests(waiting)[0]["decisions"]]
    assert decisions == [("rejected", "ann", False), ("approved", "bob", True)]


def test_a_rejection_ends_the_run_and_superseding_it_pushes_its_model_and_computes_nothing_again(waiting):
    done = completed(waiting.penstock("reject", RUN, "--reason", "unfair", "--by", "ann"), 0)
    assert "rejected by ann" in done
    assert record(waiting)["state"] == "COMPLETE"
    assert waiting.pushed_versions("churn") == []
    assert "unfair" in completed(waiting.penstock("show", RUN), 0)
    completed(waiting.penstock("approve", RUN, "--reason", "now", "--by", "bob", "--supersede"), 0)
    (version,) = waiting.pushed_versions("churn")
    model = waiting.artifact(RUN, "Trainer", "model") / "Format-Serving"
    assert (version / "saved_model.pb").read_bytes() == (model / "saved_model.pb").read_bytes()
    successor = waiting.latest()
    assert successor["base_run_id"] == RUN
    states = waiting.node_states()
    assert states["ModelApproval"] == states["Pusher"] == "COMPLETE"
    assert [states[node] for node in ("Transform", "Trainer", "Evaluator")] == ["REUSED"] * 3


def test_a_decision_while_another_run_holds_the_store_is_recorded_and_says_how_to_go_on(waiting):
    with (waiting.root / "store.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = completed(waiting.penstock("approve", RUN, "--reason", "fine", "--by", "ann"), 6)
    assert "The decision is on record (entry 2), and was not carried out." in done
    assert f"run --resume {RUN}" in done
    assert requests(waiting)[0]["state"] == "approved"
    assert waiting.pushed_versions("churn") == []


def test_a_run_that_waits_is_kept_and_one_that_is_gone_cannot_be_decided(waiting):
    completed(waiting.penstock("gc", "--keep-last", "0"), 0)
    assert (waiting.artifact(RUN, "Trainer", "model") / "Format-Serving" / "saved_model.pb").is_file()
    assert requests(waiting)[0]["state"] == "pending"
    shutil.rmtree(waiting.root / "runs" / RUN)
    gone = completed(waiting.penstock("approve", RUN, "--reason", "fine"), 2)
    assert f"'{RUN}'" in gone
    assert requests(waiting)[0]["decisions"] == []


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
