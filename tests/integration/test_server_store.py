"""The launcher in jobs as an orchestrator starts them, with the lineage store on a MariaDB server."""

import hashlib
import json
import multiprocessing.connection
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from job_start import run_job
from mariadb import PASSWORD
from tiny_approval_compile import compile_approval
from tiny_nodes_compile import compile_tiny

from pipeline.errors import ConfigError, StoreUnreachable
from pipeline.launch.turns import turn_at_server
from pipeline.metadata import LineageStore, find_handle, handles, record_handle
from pipeline.run_handle import RunHandle
from pipeline.runners.warm import ProcessDied, WarmProcess

pytestmark = pytest.mark.integration

NODES = "MakeNumber,Double,Report"
AT_ONCE = 6


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


class Jobs:
    """Starts of the launcher with one store."""

    def __init__(self, warm, folder, uri):
        self._warm, self.folder, self.uri = warm, folder, uri
        self.log, self.decisions = folder / "job.log", folder / "decisions"
        self.platform = folder / "opt-ml"
        self.platform.mkdir()
        self.output = self.platform / "output"
        self.environment = {"PENSTOCK_METADATA_PASSWORD": PASSWORD, "PENSTOCK_SCRATCH": str(folder / "scratch")}
        self.lineage = LineageStore(uri)

    def compile(self, **options):
        document = self._warm.call(compile_tiny, "local", self.folder / "artifacts", options, log_path=self.log)
        (self.folder / "ir.json").write_text(document.text)

    def compile_approval(self, is_wanted=True):
        marks = self.folder / "artifacts"
        text = self._warm.call(compile_approval, marks, self.answer, is_wanted, log_path=self.log)
        (self.folder / "ir.json").write_text(text)

    @property
    def answer(self):
        return self.folder / "answer"

    def begin(self, *more, nodes=NODES, run_id="run-1"):
        words = ["--ir", str(self.folder / "ir.json"), "--nodes", nodes, "--run-id", run_id, "--metadata", self.uri]
        return self._warm.start(run_job, self.environment, [*words, *more], self.platform, log_path=self.log)

    def start(self, *more, **options):
        """The exit code of a start, and what it printed."""
        self.log.write_text("")
        return self.begin(*more, **options).result(), self.log.read_text()

    def decided(self, *more, **options):
        code, log = self.start("--decisions", str(self.decisions), *more, **options)
        assert code == 0, log
        return json.loads((self.decisions / "decision.json").read_text())

    def doubles(self):
        marker = self.folder / "artifacts" / "marker"
        return marker.read_text().count("started") if marker.exists() else 0

    def wait_for_a_double(self):
        deadline = time.monotonic() + 300
        while not self.doubles():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def executions(self, node_id):
        """Ids and states of the node's executions."""
        found = LineageStore(self.uri).snapshot().executions.values()
        return [(execution.execution_id, execution.state) for execution in found if execution.node_id == node_id]


@pytest.fixture
def jobs(warm, tmp_path, mariadb, monkeypatch):
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", PASSWORD)
    return Jobs(warm, tmp_path, mariadb.new_uri())


def test_several_first_users_of_an_empty_database_do_not_hinder_each_other(jobs):
    jobs.compile()
    running = {}
    for number in range(AT_ONCE):
        job = jobs.begin(run_id=f"run-{number}")
        running[job.answer_ready] = job
    while running:
        for ready in multiprocessing.connection.wait(list(running), timeout=300):
            assert running.pop(ready).result() == 0, jobs.log.read_text()
    for node_id in NODES.split(","):
        assert len(jobs.executions(node_id)) == AT_ONCE
        assert {state for _, state in jobs.executions(node_id)} <= {"COMPLETE", "CACHED"}


def test_a_job_that_was_killed_goes_on_with_the_same_execution_and_a_third_start_does_nothing(jobs):
    jobs.compile(mode="kill_once")
    with pytest.raises(ProcessDied):
        jobs.start()
    ((killed, state),) = jobs.executions("Double")
    assert state == "RUNNING"
    code, log = jobs.start()
    assert code == 0, log
    assert jobs.executions("Double") == [(killed, "COMPLETE")]
    assert "REPORT 42" in log
    assert jobs.doubles() == 2
    code, log = jobs.start()
    assert code == 0
    assert f"NODE Double COMPLETE execution {killed}\n" in log
    assert "REPORT" not in log
    assert jobs.doubles() == 2


def test_a_job_that_is_told_to_stop_leaves_its_execution_open_and_goes_on_with_it(jobs):
    jobs.compile(mode="sleep_once")
    job = jobs.begin()
    jobs.wait_for_a_double()
    os.kill(job.pid, signal.SIGTERM)
    assert job.result() == 143
    assert (jobs.output / "failure").read_text().startswith("Interrupted by SIGTERM.")
    ((stopped, state),) = jobs.executions("Double")
    assert state == "RUNNING"
    code, log = jobs.start()
    assert code == 0, log
    assert jobs.executions("Double") == [(stopped, "COMPLETE")]
    assert "REPORT 42" in log


def test_backslashes_and_quotes_come_back_as_they_went_in(jobs):
    strange = "C:\\new\\table \\' \" %s \\\\ 🙂"
    jobs.compile(mode=strange)
    assert jobs.start()[0] == 0
    found = [execution.properties.get("mode") for execution in jobs.lineage.snapshot().executions.values()]
    assert strange in found


def test_a_node_that_fails_is_on_record_and_its_reason_is_told_to_the_platform(jobs):
    jobs.compile(mode="raise")
    code, log = jobs.start()
    assert code == 3, log
    ((_, state),) = jobs.executions("Double")
    assert state == "FAILED"
    reason = (jobs.output / "failure").read_text()
    assert reason.startswith("Double: ValueError: the number is odd in a strange way (")
    assert "tiny_nodes.py" in reason
    assert (jobs.output / "message").read_text() == reason


@pytest.mark.parametrize(("value", "decision"), [(21, "skip"), (501, "run")])
def test_the_decision_is_what_the_node_itself_does(jobs, value, decision):
    jobs.compile(with_conditional=True, value=value)
    assert jobs.decided("--decide", "Report", nodes="MakeNumber,Double") == {"Report": decision}
    code, log = jobs.start(nodes="Report")
    assert code == 0
    assert ("NODE Report SKIPPED" in log) is (decision == "skip")
    assert ("REPORT 1002" in log) is (decision == "run")


def test_a_decision_about_what_was_never_published_fails_and_names_the_node(jobs):
    jobs.compile(with_conditional=True)
    with pytest.raises(Exception, match="--decide Report"):
        jobs.start("--decisions", str(jobs.decisions), "--decide", "Report", nodes="MakeNumber")
    assert "--decide Report" in (jobs.output / "failure").read_text()
    assert not (jobs.decisions / "decision.json").exists()


@pytest.mark.parametrize(("answer", "approval", "report"), [("yes", "approved", "run"), ("no", "refused", "skip")])
def test_a_model_waits_for_its_approval_and_what_follows_is_decided_by_the_answer(jobs, answer, approval, report):
    jobs.compile_approval()
    nodes = "MakeNumber,Approve"
    assert jobs.decided("--decide", "Report", nodes=nodes) == {"Approve": "waiting", "Report": "skip"}
    assert (jobs.output / "message").read_text() == "Somebody must look at the model."
    assert not (jobs.output / "failure").exists()
    jobs.answer.write_text(answer)
    assert jobs.decided("--decide", "Report", nodes=nodes) == {"Approve": approval, "Report": report}


def test_a_node_that_had_nothing_to_approve_approved_nothing(jobs):
    jobs.compile_approval(is_wanted=False)
    assert jobs.decided(nodes="MakeNumber,Approve") == {"Approve": "refused"}


def test_without_decisions_a_waiting_model_is_exit_code_8(jobs):
    jobs.compile_approval()
    assert jobs.start(nodes="MakeNumber,Approve")[0] == 8


def test_lineage_and_handles_are_read_from_the_server(jobs):
    assert jobs.lineage.outputs_of_run("run-1") == []
    jobs.compile()
    assert jobs.start()[0] == 0
    found = LineageStore(jobs.uri)
    assert {artifact.node_id for artifact in found.outputs_of_run("run-1")} == {"MakeNumber", "Double"}
    handle = RunHandle("sagemaker", "tiny", "run-1", "arn:aws:\\x", "ab", "2026-11-01T08:00:00+00:00")
    record_handle(found, handle)
    assert find_handle(LineageStore(jobs.uri), "run-1", "tiny") == handle
    assert handles(found, "other") == []


def test_who_may_only_read_reads_what_others_wrote_and_makes_nothing(jobs, mariadb, monkeypatch):
    assert jobs.lineage.ml_metadata is None
    jobs.compile()
    assert jobs.start(nodes="MakeNumber")[0] == 0
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", "reader")
    reader = LineageStore(jobs.uri.replace("penstock@", "reader@"))
    assert [artifact.node_id for artifact in reader.outputs_of_run("run-1")] == ["MakeNumber"]


def opened(uri, password, monkeypatch, ca=None):
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", password)
    LineageStore(uri if ca is None else f"{uri}?ca={ca}").writable().get_context_types()


@pytest.mark.parametrize(
    ("user", "password", "why"),
    [
        ("penstock", "wrong", "1045 Access denied for user 'penstock'.*user or password is wrong"),
        ("nobody", "x", "1045 Access denied for user 'nobody'"),
        ("modern", "modern", "user 'modern' signs in with client_ed25519, and ML Metadata knows only mysql_native"),
        ("only_tls", "tls", "1045 Access denied .* or without TLS"),
        ("reader", "reader", "Access denied for user 'reader'.* to database 'lineage_x'.*check its rights"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_with_the_cause(mariadb, monkeypatch, user, password, why):
    with pytest.raises(StoreUnreachable, match=why) as refused:
        opened(mariadb.uri("lineage_x", user), password, monkeypatch)
    assert str(refused.value).startswith(f"The lineage store mysql://{user}@127.0.0.1:{mariadb.port}/lineage_x cannot")


def test_over_tls_only_a_server_with_a_certificate_of_the_named_ca_is_used(mariadb, monkeypatch):
    uri, certificates = mariadb.uri("lineage_tls", "only_tls"), mariadb.certificates
    opened(uri, "tls", monkeypatch, certificates.ca)
    with pytest.raises(StoreUnreachable, match=r"certificate is not to be trusted: self-signed certificate in .*chain"):
        opened(uri, "tls", monkeypatch, certificates.stranger)
    with pytest.raises(StoreUnreachable, match=r"certificate is not to be trusted: [Hh]ostname mismatch"):
        opened(mariadb.uri("lineage_tls", "only_tls", "localhost"), "tls", monkeypatch, certificates.ca)
    with pytest.raises(StoreUnreachable, match="cannot be used: No such file"):
        opened(uri, "tls", monkeypatch, Path("/nowhere/ca.pem"))


def test_authorities_on_s3_are_used_if_they_are_the_pinned_ones_and_never_otherwise(
    mariadb, aws_services, s3_bucket, monkeypatch
):
    uri, certificates, s3 = mariadb.uri("lineage_tls", "only_tls"), mariadb.certificates, aws_services.client("s3")
    place = {"Bucket": s3_bucket, "Key": "p/certificates/rds.pem"}

    def open_with(path):
        pin = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setenv("PENSTOCK_METADATA_CA", f"s3://{s3_bucket}/{place['Key']}#sha256={pin}")
        opened(uri, "tls", monkeypatch)

    with pytest.raises(StoreUnreachable, match=r"The authorities \(CA\) of the lineage store's certificate"):
        open_with(certificates.ca)
    s3.put_object(**place, Body=certificates.stranger.read_bytes())
    with pytest.raises(ConfigError, match="is not what the configuration names"):
        open_with(certificates.ca)
    with pytest.raises(StoreUnreachable, match="certificate is not to be trusted"):
        open_with(certificates.stranger)
    s3.put_object(**place, Body=certificates.ca.read_bytes())
    open_with(certificates.ca)


@pytest.mark.parametrize("is_secured", [False, True])
def test_two_jobs_of_a_node_take_turns_and_other_nodes_do_not_wait(mariadb, monkeypatch, caplog, is_secured):
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", "tls" if is_secured else PASSWORD)
    monkeypatch.setenv("PENSTOCK_METADATA_CA", str(mariadb.certificates.ca) if is_secured else "")
    uri = mariadb.uri("lineage_tls", "only_tls") if is_secured else mariadb.new_uri()
    is_second_in = threading.Event()

    def second():
        with turn_at_server(uri, "run-1", "Double"):
            is_second_in.set()

    thread = threading.Thread(target=second, daemon=True)
    with turn_at_server(uri, "run-1", "Double"):
        thread.start()
        assert not is_second_in.wait(1)
        with turn_at_server(uri, "run-1", "Report"), turn_at_server(uri, "run-2", "Double"):
            assert not is_second_in.is_set()
    thread.join(60)
    assert is_second_in.is_set()
    assert "No lock" not in caplog.text


def test_a_job_whose_store_cannot_be_reached_tells_the_platform(jobs, mariadb):
    jobs.compile()
    jobs.uri = jobs.uri.replace(str(mariadb.port), "1")
    with pytest.raises(StoreUnreachable, match="cannot be reached"):
        jobs.start()
    assert "cannot be reached (Connection refused)" in (jobs.output / "failure").read_text()


def test_a_server_that_is_restarted_while_a_node_works_is_waited_for(jobs, mariadb):
    jobs.compile(mode="sleep_briefly")
    job = jobs.begin(nodes="MakeNumber,Double")
    jobs.wait_for_a_double()
    mariadb.stop()
    time.sleep(12)  # the node sleeps for 2 s, and TFX itself tries for 10 s at most
    mariadb.start()
    assert job.result() == 0, jobs.log.read_text()
    ((_, state),) = jobs.executions("Double")
    assert state == "COMPLETE"


def test_without_a_password_nothing_runs(jobs, monkeypatch):
    monkeypatch.delenv("PENSTOCK_METADATA_PASSWORD")
    with pytest.raises(ConfigError, match="set PENSTOCK_METADATA_PASSWORD"):
        jobs.lineage.check()
