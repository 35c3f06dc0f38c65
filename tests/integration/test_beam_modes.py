"""Every mode of `beam`: nodes of a finished run execute again elsewhere, and make what they made in memory.

Floating-point numbers may differ in their last digits, because sums are added up in another order; nothing else may.
ArrowExampleGen's input is several shares, which the runner's workers read side by side: it writes the same bytes.
Flink and Spark run for real where Maven has Beam's job servers (`make beam-jars`). In any case stand-ins of Java and of
a cluster are started and asked as the real ones would be, and have Beam's job service in Python do the work.
"""

import dataclasses
import json
import logging
import math
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from beam_servers import BeamServers, beam_servers, jar_of, prism  # noqa: F401 - fixtures
from cluster_stand_in import flink_stand_in, spark_stand_in
from node_again import Done, NodeAgain
from projects import Project

from components.arrow_example_gen import beam_workers
from components.arrow_example_gen.source_files import open_bytes
from components.arrow_example_gen.tfrecord import read_records
from pipeline.beam_settings import BeamEnvironment, BeamSettings, FlinkSettings, PortableSettings, SparkSettings
from pipeline.reproduction.rows import in_order

pytestmark = pytest.mark.integration

NODES = ("ArrowExampleGen", "DataQualityGate", "StatisticsGen", "Transform", "Evaluator")
LIST_OF_PACKAGES = "-submission_environment_dependencies.txt"  # which Beam sends for people to look at
CLOSE = 1e-5  # relative; sums of 32-bit numbers in another order


def rows_of(folder: Path) -> list[bytes]:
    """The rows of all TFRecord files of a split, their features in the order of their names, sorted."""
    return sorted(in_order(record) for path in folder.glob("*.gz") for record in _records(path))


def _records(path: Path) -> Iterator[bytes]:
    with open_bytes(str(path)) as stream:
        yield from read_records(stream)


def numbers_of(folder: Path) -> list[list[Any]]:
    """The rows of a split as features by name, in the order of their values, which a little more or less leaves."""
    from tensorflow.core.example import example_pb2

    rows = []
    for path in folder.glob("*.gz"):
        for record in _records(path):
            features = example_pb2.Example.FromString(record).features.feature
            kinds = {name: features[name].WhichOneof("kind") for name in sorted(features)}
            rows.append([(name, list(getattr(features[name], kind).value)) for name, kind in kinds.items() if kind])
    return sorted(rows)


def examples(done: Done) -> dict[str, Any]:
    properties = done.properties["examples"]
    counts = {name: value for name, value in properties.items() if name.startswith("rows_") or name == "column_types"}
    return {"counts": counts, "rows": {path.name: rows_of(path) for path in done.outputs["examples"].glob("Split-*")}}


def files(done: Done) -> dict[str, bytes]:
    """Every file of the examples, by its path."""
    folder = done.outputs["examples"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def statistics(done: Done) -> dict[str, Any]:
    from google.protobuf import json_format
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found = {}
    for path in done.outputs["statistics"].glob("Split-*/FeatureStats.pb"):
        message = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        for dataset in message.datasets:
            dataset.features.sort(key=lambda feature: feature.path.step[0])
        found[path.parent.name] = json_format.MessageToDict(message)
    return found


def measured(done: Done) -> dict[str, Any]:
    decision = json.loads((done.outputs["result"] / "decision.json").read_text(encoding="utf-8"))
    return {
        "passed": decision["passed"],
        "findings": [{**item, "sentence": None} for item in decision["findings"]],
        "metrics": json.loads((done.outputs["metrics"] / "metrics.json").read_text(encoding="utf-8")),
        "suggestions": json.loads((done.outputs["suggestions"] / "suggestions.json").read_text(encoding="utf-8")),
        "rows": (done.outputs["offending_rows"] / "rows.jsonl").read_text(encoding="utf-8"),
    }


def transformed(done: Done) -> dict[str, Any]:
    graph, splits = done.outputs["transform_graph"], done.outputs["transformed_examples"].glob("Split-*")
    assets = {path.name: path.read_text(encoding="utf-8") for path in graph.glob("transform_fn/assets/*")}
    schema = (graph / "transformed_metadata" / "schema.pbtxt").read_text(encoding="utf-8")
    return {"assets": assets, "schema": schema, "rows": {path.name: numbers_of(path) for path in splits}}


def evaluated(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((done.outputs["blessing"] / "decision.json").read_text(encoding="utf-8"))
    return found


VIEWS = {
    "ArrowExampleGen": examples,
    "DataQualityGate": measured,
    "StatisticsGen": statistics,
    "Transform": transformed,
    "Evaluator": evaluated,
}


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Where two results differ by more than the last digits of a number, each in a line."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key, "nothing"), other.get(key, "nothing"), f"{where}.{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}[{index}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE) and not (math.isnan(one) and math.isnan(other)):
            yield f"{where}: {one} and {other}"
    elif one != other:
        yield f"{where}: {one!r:.200} and {other!r:.200}"


@dataclasses.dataclass(frozen=True)
class Modes:
    """The finished run, where its nodes can execute, and where what they make is put.

    Attributes:
      in_shares: what ArrowExampleGen writes in memory of several shares.
    """

    project: Project
    servers: BeamServers
    folder: Path
    in_shares: dict[str, bytes]
    caplog: pytest.LogCaptureFixture

    def check(self, node_id: str, settings: BeamSettings) -> None:
        """Executes the node there, and holds what it makes against what the run made in memory."""
        node = NodeAgain(self.project, node_id)
        view = VIEWS[node_id]
        before = view(node.before)
        assert before, "the comparison must have something to compare"
        done = node.run(settings, self.folder)
        assert list(differences(before, view(done))) == []
        if node_id == "ArrowExampleGen":
            self._check_shares(done)

    def _check_shares(self, done: Done) -> None:
        """Workers read the shares, in both passes, and what they wrote has the bytes of a process alone."""
        assert files(done) == self.in_shares
        shares = sum(path.startswith("Split-train/") for path in self.in_shares)  # each has a shard of its own
        assert shares >= 3
        said = [record.getMessage() for record in self.caplog.records if record.name == beam_workers.__name__]
        assert [line.partition(" by ")[0] for line in said] == [f"{shares} shares of the input were read"] * 2


@pytest.fixture(scope="module")
def in_shares(churn, tmp_path_factory):
    """What ArrowExampleGen writes in memory of several shares."""
    node = NodeAgain(churn[0], "ArrowExampleGen")
    return files(node.run(BeamSettings(), tmp_path_factory.mktemp("in-shares")))


@pytest.fixture
def modes(churn, beam_servers, in_shares, tmp_path, caplog):  # noqa: F811 - the fixture
    caplog.set_level(logging.INFO, beam_workers.__name__)
    return Modes(churn[0], beam_servers, tmp_path, in_shares, caplog)


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """What is started in the place of Java: it notes its arguments, and serves where it was told to."""
    folder = tmp_path_factory.mktemp("java")
    program = folder / "java"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        f"print(os.getpid(), file=open({str(folder / 'pids')!r}, 'a'))\n"
        f"open({str(folder / 'arguments')!r}, 'w').write('\\n'.join(sys.argv[1:]))\n"
        "port = sys.argv[sys.argv.index('--job-port') + 1]\n"
        "module = 'apache_beam.runners.portability.local_job_service_main'\n"
        "os.execv(sys.executable, [sys.executable, '-m', module, f'--port={port}'])\n"
    )
    program.chmod(0o755)
    (folder / "server.jar").touch()
    yield program
    left = [pid for pid in (folder / "pids").read_text().split() if Path("/proc", pid).exists()]
    assert left == [], "a job server goes on although its job is over"


beam_leaves_a_pipe_open = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io:Warning")
"""That of the output of a job server that it has stopped."""


def external(address: str) -> BeamEnvironment:
    return BeamEnvironment(kind="external", address=address)


@pytest.mark.parametrize("node_id", NODES)
def test_several_processes_of_this_machine_make_what_one_makes(modes, node_id):
    modes.check(node_id, BeamSettings(mode="local_parallel", workers=2))


@pytest.mark.parametrize("node_id", NODES)
def test_a_job_server_that_calls_back_makes_what_is_made_in_memory(modes, node_id):
    modes.check(node_id, BeamSettings(mode="portable", portable=PortableSettings(modes.servers.jobs)))


@pytest.mark.parametrize("node_id", ["ArrowExampleGen", "StatisticsGen"])
def test_a_pool_of_workers_in_our_environment_makes_what_is_made_in_memory(modes, node_id):
    portable = PortableSettings(modes.servers.jobs, environment=external(modes.servers.workers))
    modes.check(node_id, BeamSettings(mode="portable", portable=portable))


@pytest.mark.parametrize("who", ["calling back", "with a pool of workers"])
@pytest.mark.parametrize("node_id", NODES)
def test_prism_makes_what_is_made_in_memory(modes, prism, node_id, who):  # noqa: F811 - the fixture
    environment = BeamEnvironment() if who == "calling back" else external(modes.servers.workers)
    modes.check(node_id, BeamSettings(mode="portable", portable=PortableSettings(prism, environment=environment)))


def test_a_cluster_of_flink_is_sent_the_job_alone_and_works_with_the_pool_beside_it(modes, tmp_path):
    jar = tmp_path / "server.jar"
    with zipfile.ZipFile(jar, "w") as made:
        made.writestr("META-INF/MANIFEST.MF", "")
    with flink_stand_in(modes.servers.jobs) as cluster:
        flink = FlinkSettings(
            str(jar), master=cluster.master, uber_jar=True, environment=external(modes.servers.workers)
        )
        modes.check("DataQualityGate", BeamSettings(mode="flink", flink=flink, workers=3))
    assert [option["beam:option:parallelism:v1"] for option in cluster.options] == ["3"]
    staged = [name for names in cluster.jars for name in names if "/artifacts/" in name]
    assert [name for name in staged if not name.endswith(LIST_OF_PACKAGES)] == [], "workers have nothing to install"


def test_spark_is_told_where_the_job_is_and_it_lies_where_sparks_machines_see_it(modes, tmp_path):
    """Spark is sent no jar; and it tells no metrics, for which Beam has no answer."""
    jar, shared = tmp_path / "server.jar", tmp_path / "shared"
    with zipfile.ZipFile(jar, "w") as made:
        made.writestr("META-INF/MANIFEST.MF", "")
    with spark_stand_in(modes.servers.jobs) as cluster:
        rest_url = f"http://{cluster.master}"
        modes.check(
            "DataQualityGate",
            BeamSettings(mode="spark", spark=SparkSettings(str(jar), rest_url=rest_url, artifacts_dir=str(shared))),
        )
    assert [path.parents[1] for path in cluster.paths] == [shared]
    assert list(shared.iterdir()) == [], "it is taken away when the job is over"


@beam_leaves_a_pipe_open
def test_for_flink_java_is_started_with_the_jar_and_the_master_and_does_the_work(modes, java):
    jar = java.with_name("server.jar")
    flink = FlinkSettings(job_server_jar=str(jar), java=str(java), java_options=("-Xmx1g",))
    modes.check("DataQualityGate", BeamSettings(mode="flink", flink=flink))
    arguments = java.with_name("arguments").read_text().split("\n")
    assert arguments[arguments.index("-Xmx1g") :][:5] == ["-Xmx1g", "-jar", str(jar), "--flink-master", "[local]"]
    assert "--add-opens=java.base/java.lang=ALL-UNNAMED" in arguments[: arguments.index("-jar")]


@beam_leaves_a_pipe_open
def test_for_spark_java_is_started_with_the_jar_and_the_master_and_does_the_work(modes, java):
    jar = java.with_name("server.jar")
    spark = SparkSettings(job_server_jar=str(jar), java=str(java))
    modes.check("DataQualityGate", BeamSettings(mode="spark", spark=spark, workers=2))
    arguments = java.with_name("arguments").read_text().split("\n")
    assert arguments[arguments.index("-jar") + 1 :][:3] == [str(jar), "--spark-master-url", "local[2]"]


@beam_leaves_a_pipe_open
@pytest.mark.parametrize("node_id", NODES)
def test_with_the_jar_flink_makes_what_is_made_in_memory(modes, node_id):
    flink = FlinkSettings(job_server_jar=str(jar_of("flink")))
    modes.check(node_id, BeamSettings(mode="flink", flink=flink, workers=2))


@beam_leaves_a_pipe_open
@pytest.mark.parametrize("node_id", NODES)
def test_with_the_jar_spark_makes_what_is_made_in_memory(modes, node_id):
    spark = SparkSettings(job_server_jar=str(jar_of("spark")))
    modes.check(node_id, BeamSettings(mode="spark", spark=spark, workers=2))


@beam_leaves_a_pipe_open
@pytest.mark.parametrize("node_id", NODES)
def test_with_the_jar_flink_makes_the_same_with_a_pool_of_workers(modes, node_id):
    flink = FlinkSettings(job_server_jar=str(jar_of("flink")), environment=external(modes.servers.workers))
    modes.check(node_id, BeamSettings(mode="flink", flink=flink, workers=2))


@beam_leaves_a_pipe_open
@pytest.mark.parametrize("node_id", NODES)
def test_with_the_jar_spark_makes_the_same_with_a_pool_of_workers(modes, node_id):
    spark = SparkSettings(job_server_jar=str(jar_of("spark")), environment=external(modes.servers.workers))
    modes.check(node_id, BeamSettings(mode="spark", spark=spark, workers=2))
