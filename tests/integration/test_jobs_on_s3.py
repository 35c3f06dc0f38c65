"""Jobs with nothing of their own machine: the pipeline and artifacts on S3, the store on a server named by a secret."""

import json
import time
import urllib.parse

import pytest
from job_start import run_job
from mariadb import PASSWORD, USER
from tiny_nodes_compile import compile_tiny

from pipeline.errors import ConfigError
from pipeline.ir import digest
from pipeline.jobs.limits import MAX_WORD
from pipeline.metadata import LineageStore
from pipeline.node_reports import merged, read_reports
from pipeline.runners.warm import ProcessDied, WarmProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


class Jobs:
    """Starts of the launcher as a platform makes them."""

    def __init__(self, warm, folder, aws, bucket, store):
        self._warm, self._folder, self._aws, self.bucket = warm, folder, aws, bucket
        self.log, self.platform = folder / "job.log", folder / "opt-ml"
        self.platform.mkdir()
        self._environment = {**aws.variables, "PENSTOCK_SCRATCH": str(folder / "scratch")}
        place, self._secrets = urllib.parse.urlsplit(store), aws.client("secretsmanager")
        self._secret = {
            "engine": "mariadb",
            "host": place.hostname,
            "port": place.port,
            "username": place.username,
            "password": PASSWORD,
            "dbname": place.path[1:],
        }
        made = self._secrets.create_secret(Name=f"penstock/{bucket}", SecretString=json.dumps(self._secret))
        self.metadata = f"secretsmanager:{made['ARN']}"

    def compile(self, **options):
        options = {"pipeline_root": f"s3://{self.bucket}/root", **options}
        text = self._warm.call(compile_tiny, "local", self._folder / "marks", options, log_path=self.log).text
        self.ir = f"s3://{self.bucket}/ir/{digest(text)}.json"
        self._aws.client("s3").put_object(Bucket=self.bucket, Key=f"ir/{digest(text)}.json", Body=text.encode())

    def change_password(self, password):
        name, secret = self.metadata.removeprefix("secretsmanager:"), {**self._secret, "password": password}
        self._secrets.put_secret_value(SecretId=name, SecretString=json.dumps(secret))

    def wait_for_a_double(self):
        deadline = time.monotonic() + 300
        while not (self._folder / "marks" / "marker").exists():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def start(self, nodes, *more, metadata=None):
        """The exit code of a start, and what it printed."""
        return self.begin(nodes, *more, metadata=metadata).result(), self.log.read_text()

    def begin(self, nodes, *more, metadata=None):
        self.log.write_text("")
        words = ["--ir", self.ir, "--nodes", nodes, "--run-id", "run-1", "--metadata", metadata or self.metadata, *more]
        assert max(map(len, words)) <= MAX_WORD
        return self._warm.start(run_job, self._environment, words, self.platform, log_path=self.log)

    def decided(self):
        body = self._aws.client("s3").get_object(Bucket=self.bucket, Key="decisions/run-1/decision.json")["Body"]
        return json.load(body)


@pytest.fixture
def jobs(warm, tmp_path, aws_services, s3_bucket, mariadb):
    return Jobs(warm, tmp_path, aws_services, s3_bucket, mariadb.new_uri())


def test_jobs_share_nothing_but_s3_and_the_store(jobs):
    jobs.compile(with_conditional=True, value=501)
    decisions = ("--decide", "Report", "--decisions", f"s3://{jobs.bucket}/decisions/run-1")
    for _ in range(2):
        code, log = jobs.start("MakeNumber,Double", *decisions)
        assert code == 0, log
        assert "NODE Double COMPLETE execution 2\n" in log
        assert jobs.decided() == {"Report": "run"}
    code, log = jobs.start("Report")
    assert code == 0, log
    assert "REPORT 1002" in log
    snapshot = LineageStore(jobs.metadata).snapshot()
    assert sorted(artifact.node_id for artifact in snapshot.artifacts.values()) == ["Double", "MakeNumber"]
    for artifact in snapshot.artifacts.values():
        assert artifact.uri.startswith(f"s3://{jobs.bucket}/root/")
        assert len(artifact.fingerprint) == 64
    reports = read_reports(f"s3://{jobs.bucket}", "tiny")
    assert {report.node.node_id: report.node.state for report in reports} == dict.fromkeys(
        ("MakeNumber", "Double", "Report"), "COMPLETE"
    )
    assert merged(reports) == snapshot, "what jobs leave on S3 is all that the lineage store knows"
    stored = (*snapshot.artifacts.values(), *snapshot.executions.values())
    said = json.dumps([dict(item.properties) for item in stored])
    assert "scratch" not in said, "a path of one machine is in the store"


def test_a_job_that_was_killed_goes_on_with_the_same_execution_and_publishes_it(jobs):
    jobs.compile(mode="kill_once")
    with pytest.raises(ProcessDied):
        jobs.start("MakeNumber,Double")
    snapshot = LineageStore(jobs.metadata).snapshot()
    (killed,) = (execution for execution in snapshot.executions.values() if execution.node_id == "Double")
    assert killed.state == "RUNNING"
    assert [artifact.node_id for artifact in snapshot.artifacts.values() if artifact.is_live] == ["MakeNumber"]
    code, log = jobs.start("MakeNumber,Double,Report")
    assert code == 0, log
    assert f"NODE Double COMPLETE execution {killed.execution_id}\n" in log
    assert "REPORT 42" in log


def test_a_password_that_is_changed_while_a_node_works_is_read_again(jobs, mariadb):
    jobs.compile(mode="sleep_briefly")
    job = jobs.begin("MakeNumber,Double")
    jobs.wait_for_a_double()
    try:
        mariadb.run("ALTER USER penstock@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('rotated')")
        jobs.change_password("rotated")
        assert job.result() == 0, jobs.log.read_text()
    finally:
        mariadb.run(USER.replace("CREATE", "ALTER"))


def test_what_a_job_needs_and_does_not_find_is_told_to_the_platform(jobs):
    jobs.compile()
    failure = jobs.platform / "output" / "failure"
    with pytest.raises(ConfigError, match="there is no such secret in this account and region"):
        jobs.start("MakeNumber", metadata="secretsmanager:none")
    assert "secretsmanager:none: there is no such secret" in failure.read_text()
    jobs.ir = f"s3://{jobs.bucket}/ir/none.json"
    with pytest.raises(ConfigError, match=r"--ir: s3://.*/ir/none\.json: there is no such object"):
        jobs.start("MakeNumber")
    assert "none.json: there is no such object" in failure.read_text()
