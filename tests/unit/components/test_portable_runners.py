import contextlib
import json
import logging
from types import SimpleNamespace

import pytest
from kubernetes_folders import named, whole
from ruamel.yaml import YAML

from components.errors import ComponentError


@pytest.fixture(scope="module")
def runners():
    from components import portable_runners

    return portable_runners


def distribution(name, committed, attempted=None):
    def of(total):
        return None if total is None else SimpleNamespace(sum=total)

    key = SimpleNamespace(metric=SimpleNamespace(name=name))
    return SimpleNamespace(key=key, committed=of(committed), attempted=of(attempted))


class Result:
    """What Beam gives back when a job has been handed over."""

    def __init__(self, distributions=(), error=None):
        self.distributions, self.error = distributions, error

    def wait_until_finish(self):
        if self.error:
            raise self.error
        return "DONE"

    def metrics(self):
        return SimpleNamespace(query=lambda: {"distributions": self.distributions})


def test_a_job_that_succeeds_tells_where_it_ran_and_the_rows_that_it_read(runners, caplog):
    found = [distribution("tfxio_num_rows", 300), distribution("num_rows", None, 50), distribution("bytes", 9)]
    with caplog.at_level(logging.INFO, "penstock.progress"):
        assert runners.telling(Result(found), "Flink [local]").wait_until_finish() == "DONE"
    (record,) = caplog.records
    assert record.getMessage() == "Beam's job is done on Flink [local]"
    assert (record.progress["done"], record.progress["unit"]) == (350, "rows")
    assert record.progress["metrics"]["seconds"] >= 0
    json.dumps(record.progress)


def test_a_job_that_reads_no_rows_tells_no_number_of_them(runners, caplog):
    with caplog.at_level(logging.INFO, "penstock.progress"):
        runners.telling(Result(), "Spark local[2]").wait_until_finish()
    assert "done" not in caplog.records[0].progress


def test_a_job_whose_metrics_are_lost_has_succeeded_all_the_same(runners, caplog):
    result = Result()
    result.metrics = lambda: {}["no metrics container for the job"]
    with caplog.at_level(logging.INFO, "penstock.progress"):
        assert runners.telling(result, "Flink").wait_until_finish() == "DONE"
    assert "done" not in caplog.records[0].progress


def test_a_job_that_fails_does_not_tell_that_it_is_done(runners, caplog):
    with caplog.at_level(logging.INFO, "penstock.progress"), pytest.raises(RuntimeError, match="of a worker"):
        runners.telling(Result(error=RuntimeError("of a worker")), "Dataflow").wait_until_finish()
    assert not caplog.records


@pytest.mark.parametrize("error", [None, RuntimeError("of a worker")])
def test_a_job_server_is_stopped_however_its_job_ends(runners, error):
    stopped = []
    result = runners.telling(Result(error=error), "Flink", then=lambda: stopped.append("now"))
    assert stopped == []
    with contextlib.suppress(RuntimeError):
        result.wait_until_finish()
    assert stopped == ["now"]


@pytest.mark.parametrize(("name", "key"), [("FlinkRunner", "flink"), ("SparkRunner", "spark")])
def test_without_the_jar_nothing_is_built_or_downloaded(runners, name, key, tmp_path):
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions([f"--{key}_job_server_jar={tmp_path / 'x.jar'}"])
    with pytest.raises(ComponentError, match=rf"beam\.{key}\.job_server_jar is '.*x\.jar', and there is no such file"):
        getattr(runners, name)().run_portable_pipeline(None, options)


@pytest.mark.parametrize(("name", "key"), [("FlinkRunner", "flink"), ("SparkRunner", "spark")])
def test_without_java_it_is_told_how_to_get_it(runners, name, key, tmp_path):
    from apache_beam.options.pipeline_options import PipelineOptions

    jar, java = tmp_path / "x.jar", tmp_path / "java"
    jar.touch()
    options = PipelineOptions([f"--{key}_job_server_jar={jar}", f"--job_server_java_launcher={java}"])
    with pytest.raises(ComponentError, match=r"Install Java 17"):
        getattr(runners, name)().run_portable_pipeline(None, options)


def test_java_lets_flink_look_into_jobs_in_a_job_server_as_on_our_cluster(runners):
    """What Flink 1.20 opens in the configuration of its own distribution, which ours takes the place of."""
    said = YAML(typ="safe").load(named(whole("overlays/dev"), "ConfigMap", "flink")["data"]["config.yaml"])
    assert tuple(said["env"]["java"]["opts"]["all"].split()) == runners.FLINK_ON_JAVA_17


def test_a_job_server_that_does_not_answer_is_told_by_its_key(runners):
    with pytest.raises(ComponentError, match=r"beam\.portable\.job_endpoint is 'localhost:1', and no job server"):
        runners.require_server("localhost:1", wait_s=0.05)


def test_dataflows_options_are_checked_by_beam_as_with_its_own_runner():
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator

    from components.dataflow_runner import DataflowRunner

    options = PipelineOptions(["--project=p", "--region=r", "--temp_location=gs://bucket/tmp"])
    assert PipelineOptionsValidator(options, DataflowRunner()).is_service_runner()
