import importlib.metadata

import pytest

from pipeline.beam_settings import (
    BeamEnvironment,
    BeamNodeSettings,
    BeamSettings,
    DataflowSettings,
    FlinkSettings,
    PortableSettings,
    SparkSettings,
)
from pipeline.config import load_config
from pipeline.errors import ConfigError

SMALLEST = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"
POOL = BeamEnvironment(kind="external", address="localhost:50000")
BEAM = importlib.metadata.version("apache-beam")


def loaded(tmp_path, beam):
    path = tmp_path / "pipeline.yaml"
    path.write_text(f"{SMALLEST}beam: {beam}\n", encoding="utf-8")
    return load_config(path)


def problems_of(tmp_path, beam):
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, beam)
    return refused.value.problems


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: BeamSettings(mode="portable"), "mode portable needs a section beam.portable"),
        (lambda: BeamSettings(mode="dataflow"), "mode dataflow needs a section beam.dataflow"),
        (lambda: BeamSettings(nodes={"Transform": BeamNodeSettings(mode="dataflow")}), "needs a section beam.dataflow"),
        (lambda: BeamSettings(workers=-1), "workers is -1, expected 0"),
        (lambda: BeamNodeSettings(workers=-1), "workers is -1, expected 0"),
        (lambda: BeamSettings(pipeline_args=("--runner=DirectRunner",)), "--runner has a key of its own, beam.mode"),
        (lambda: BeamNodeSettings(pipeline_args=("--parallelism=3",)), "--parallelism has a key of its own, beam.work"),
        (lambda: BeamSettings(pipeline_args=("runner",)), "'runner' is no option; write --NAME=VALUE"),
        (lambda: BeamEnvironment(kind="external"), "kind is external and address is None"),
        (lambda: BeamEnvironment(address="localhost:1"), "kind is loopback and address is 'localhost:1'"),
        (lambda: BeamEnvironment(kind="external", address="pool"), "address is 'pool', expected HOST:PORT"),
        (lambda: BeamEnvironment(kind="process"), "kind is process and command is None"),
        (lambda: FlinkSettings(master="flink"), "master is 'flink', expected the REST address HOST:PORT"),
        (lambda: FlinkSettings(uber_jar=True), "there is no master to send the jar to"),
        (lambda: FlinkSettings(master="flink:8081"), "environment.kind is loopback, which works on one machine only"),
        (lambda: FlinkSettings(job_server_jar="https://a/b.jar"), "each node would download it"),
        (lambda: FlinkSettings(job_server_jar=" "), "job_server_jar is ' ', which is no name"),
        (lambda: SparkSettings(artifacts_dir="a\0b"), "artifacts_dir is 'a\\x00b', which is no name"),
        (lambda: BeamSettings(image=""), "image is '', which is no name"),
        (lambda: SparkSettings(master="yarn", environment=POOL), "master is 'yarn', expected spark://HOST:PORT"),
        (lambda: SparkSettings(rest_url="http://spark:6066", environment=POOL), "there is no artifacts_dir"),
        (lambda: SparkSettings(rest_url="spark:6066", environment=POOL), "rest_url is 'spark:6066', expected a URL"),
        (
            lambda: SparkSettings(master="spark://a:7077", rest_url="http://a:6066", environment=POOL),
            "master and rest_url are both set",
        ),
        (lambda: PortableSettings("jobs.example.com:8099"), "works on one machine only"),
        (lambda: PortableSettings("jobs"), "job_endpoint is 'jobs', expected HOST:PORT"),
        (lambda: DataflowSettings("p", "r", "/tmp/x"), "temp_location is '/tmp/x', expected a folder gs://"),
        (lambda: DataflowSettings("", "r", "gs://bucket/tmp"), "project is empty"),
    ],
)
def test_what_beam_could_not_do_is_refused_when_the_configuration_is_read(make, told):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is what is checked
        make()
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("beam", "artifact"),
    [
        ("{mode: flink}", f"org.apache.beam:beam-runners-flink-1.20-job-server:{BEAM}"),
        ("{mode: flink, flink: {version: '2.0'}}", f"org.apache.beam:beam-runners-flink-2.0-job-server:{BEAM}"),
        ("{mode: spark}", f"org.apache.beam:beam-runners-spark-3-job-server:{BEAM}"),
        ("{nodes: {Evaluator: {mode: spark}}}", f"org.apache.beam:beam-runners-spark-3-job-server:{BEAM}"),
    ],
)
def test_without_its_job_server_the_command_that_gets_it_is_told(tmp_path, beam, artifact):
    assert f"mvn dependency:copy -Dartifact={artifact} -DoutputDirectory=.jars" in "\n".join(
        problems_of(tmp_path, beam)
    )


@pytest.mark.parametrize("mode", ["flink", "spark"])
def test_a_jar_is_relative_to_the_configuration(tmp_path, mode):
    beam = f"{{mode: {mode}, {mode}: {{job_server_jar: jars/server.jar}}}}"
    assert getattr(loaded(tmp_path, beam).beam, mode).job_server_jar == str(tmp_path / "jars" / "server.jar")


def test_containers_need_an_image():
    docker = BeamEnvironment(kind="docker")
    with pytest.raises(ValueError, match=r"starts containers of beam\.image, and there is none"):
        BeamSettings(mode="portable", portable=PortableSettings("localhost:8099", environment=docker))
    BeamSettings(mode="portable", portable=PortableSettings("localhost:8099", environment=docker), image="ours:1")


def test_an_unknown_node_is_told_with_the_nearest_that_beam_runs(tmp_path):
    (problem,) = problems_of(tmp_path, "{nodes: {Transfrom: {mode: local_parallel}}}")
    assert problem.startswith(f"{tmp_path / 'pipeline.yaml'}:4: ")
    assert "Did you mean 'Transform'?" in problem


def test_a_node_that_does_not_run_on_beam_has_no_settings_of_beam(tmp_path):
    assert "Trainer" in problems_of(tmp_path, "{nodes: {Trainer: {workers: 2}}}")[0]


def test_a_node_differs_in_what_it_says_and_in_nothing_else():
    node = BeamNodeSettings(mode="local_parallel", pipeline_args=("--b=2",))
    settings = BeamSettings(workers=3, pipeline_args=("--a=1",), nodes={"Transform": node})
    of_transform, of_evaluator = settings.of("Transform"), settings.of("Evaluator")
    assert (of_transform.mode, of_transform.workers, of_transform.pipeline_args) == (
        "local_parallel",
        3,
        ("--a=1", "--b=2"),
    )
    assert (of_evaluator.mode, of_evaluator.workers, of_evaluator.pipeline_args) == ("in_memory", 3, ("--a=1",))
    assert settings.modes == ("in_memory", "local_parallel")


def test_no_workers_can_be_said_of_one_node():
    settings = BeamSettings(workers=3, nodes={"Transform": BeamNodeSettings(workers=0)})
    assert settings.of("Transform").workers == 0
