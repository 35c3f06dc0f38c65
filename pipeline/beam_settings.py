"""Where Beam runs the data nodes: the configuration's section `beam`.

Pure data. What Beam would refuse, or would answer by downloading a program, is refused while the configuration is
read, all problems of the section together. `pipeline/beam_options.py` puts it in Beam's words.
"""

import dataclasses
import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

BeamMode = Literal["in_memory", "local_parallel", "flink", "spark", "dataflow", "portable"]
BeamNode = Literal[
    "ArrowExampleGen",
    "DataQualityGate",
    "StatisticsGen",
    "DistributionValidator",
    "Transform",
    "TrainingBalancer",
    "Evaluator",
    "BiasEvaluator",
]
"""The nodes that the definition can make and that work on Beam."""

EnvironmentKind = Literal["loopback", "external", "process", "docker"]
FlinkVersion = Literal["1.19", "1.20", "2.0", "2.1", "2.2"]
"""Those that Beam publishes a job server for."""

_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}|\[[0-9a-f:]+\]:\d{1,5}")
_FLINK_MASTER = re.compile(r"(?:https?://)?(?:[A-Za-z0-9.-]+|\[[0-9a-f:]+\]):\d{1,5}")
_SPARK_MASTER = re.compile(r"local(?:\[(?:\d+|\*)\])?|spark://[A-Za-z0-9.-]+:\d{1,5}")
_REST_URL = re.compile(r"https?://[A-Za-z0-9.-]+:\d{1,5}")
_GCS = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}(?:/[^\s]*)?")
_HERE = ("localhost", "127.0.0.1", "[::1]")
OWN_KEYS: Mapping[str, str] = {
    "runner": "beam.mode",
    "direct_running_mode": "beam.mode",
    "direct_num_workers": "beam.workers",
    "parallelism": "beam.workers",
    "max_num_workers": "beam.workers",
    "sdk_container_image": "beam.image",
    "worker_harness_container_image": "beam.image",
    "job_endpoint": "beam.portable.job_endpoint",
    "artifact_endpoint": "beam.portable.artifact_endpoint",
    "environment_type": "the mode's environment.kind",
    "environment_config": "the mode's environment",
    "environment_option": "the mode's environment",
    "environment_options": "the mode's environment",
    "flink_master": "beam.flink.master",
    "flink_version": "beam.flink.version",
    "flink_job_server_jar": "beam.flink.job_server_jar",
    "flink_submit_uber_jar": "beam.flink.uber_jar",
    "spark_master_url": "beam.spark.master",
    "spark_rest_url": "beam.spark.rest_url",
    "spark_submit_uber_jar": "beam.spark.rest_url",
    "spark_job_server_jar": "beam.spark.job_server_jar",
    "project": "beam.dataflow.project",
    "region": "beam.dataflow.region",
    "temp_location": "beam.dataflow.temp_location",
}
"""Beam's options that have a key of their own here → that key."""


@dataclasses.dataclass(frozen=True)
class BeamEnvironment:
    """Who runs our code for a runner that is not ours.

    Attributes:
      kind: `loopback`: the node's own process, which works on one machine only. `external`: a pool of workers that was
        started beside the runner's (`python -m apache_beam.runners.worker.worker_pool_main`). `process`: Beam's `boot`,
        started by the runner. `docker`: a container of `beam.image`, started by the runner.
      address: of the pool, `HOST:PORT`, as the runner's workers see it; for `external`.
      command: Beam's `boot` on the runner's workers; for `process`.
    """

    kind: EnvironmentKind = "loopback"
    address: str | None = None
    command: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if (self.kind == "external") != (self.address is not None):
            problems.append(f"kind is {self.kind} and address is {self.address!r}: the two go together.")
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            problems.append(f"address is {self.address!r}, expected HOST:PORT such as localhost:50000.")
        if (self.kind == "process") != (self.command is not None):
            problems.append(f"kind is {self.kind} and command is {self.command!r}: process and command go together.")
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class JobServer:
    """Beam's job server for Java runners, a jar that the node starts.

    Attributes:
      job_server_jar: where the jar is when the node runs; needed, because Beam would download it.
      java: the program that runs it.
      java_options: such as `-Xmx2g`.
      artifacts_dir: folder that node and cluster share for what Beam stages; None = one of this machine.
      environment: who runs our code.
    """

    job_server_jar: str | None = None
    java: str = "java"
    java_options: tuple[str, ...] = ()
    artifacts_dir: str | None = None
    environment: BeamEnvironment = BeamEnvironment()

    def _jar_problems(self) -> Iterator[str]:
        if self.job_server_jar is not None and "://" in self.job_server_jar:
            yield f"job_server_jar is {self.job_server_jar!r}: each node would download it. Name a file in the image."
        yield from _paths(
            {"job_server_jar": self.job_server_jar, "java": self.java, "artifacts_dir": self.artifacts_dir}
        )


@dataclasses.dataclass(frozen=True)
class FlinkSettings(JobServer):
    """Flink.

    Attributes:
      master: the cluster's REST address, `HOST:PORT`; None = Flink within the job server.
      version: of the cluster and of the jar.
      uber_jar: true: the node sends job and jar to the cluster itself and starts no Java; needs `master`.
    """

    master: str | None = None
    version: FlinkVersion = "1.20"
    uber_jar: bool = False

    def __post_init__(self) -> None:
        problems = [*self._jar_problems()]
        if self.master is not None and not _FLINK_MASTER.fullmatch(self.master):
            problems.append(f"master is {self.master!r}, expected the REST address HOST:PORT, or none for Flink here.")
        if self.uber_jar and self.master is None:
            problems.append("uber_jar is true and there is no master to send the jar to. Set master, or leave it out.")
        problems += _not_on_one_machine("master", self.master, self.environment)
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class SparkSettings(JobServer):
    """Spark 3.

    Attributes:
      master: `spark://HOST:PORT`; None = Spark within the job server.
      rest_url: the master's REST address, `http://HOST:6066`: the node puts job and jar into `artifacts_dir`, tells
        it where, and starts no Java.
    """

    master: str | None = None
    rest_url: str | None = None

    def __post_init__(self) -> None:
        problems = [*self._jar_problems()]
        if self.master is not None and not _SPARK_MASTER.fullmatch(self.master):
            problems.append(f"master is {self.master!r}, expected spark://HOST:PORT, or none for Spark here.")
        if self.rest_url is not None and not _REST_URL.fullmatch(self.rest_url):
            problems.append(f"rest_url is {self.rest_url!r}, expected a URL such as http://spark-master:6066.")
        if self.rest_url is not None and self.master is not None:
            problems.append("master and rest_url are both set: the job goes to one of them. Leave one out.")
        is_here = self.master is None or self.master.startswith("local")
        problems += _not_on_one_machine("master", None if is_here else self.master, self.environment)
        problems += _not_on_one_machine("rest_url", self.rest_url, self.environment)
        if self.rest_url is not None and not _is_here(self.rest_url) and self.artifacts_dir is None:
            problems.append(
                f"rest_url is {self.rest_url!r}, another machine, and there is no artifacts_dir. Spark is told the "
                "path of the jar: set artifacts_dir to a folder that its machines and the node mount at the same path."
            )
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class DataflowSettings:
    """Google Cloud Dataflow; workers run `beam.image`.

    Attributes:
      project: Google Cloud's.
      region: where the workers are.
      temp_location: `gs://` folder for what Beam stages.
      service_account: that workers run as; None = Compute Engine's default.
      subnetwork: that workers are in; None = the default network's.
      machine_type: of workers; None = Dataflow's choice.
      disk_gb: of each worker; None = Dataflow's choice.
      public_ips: false: workers have private addresses only.
    """

    project: str
    region: str
    temp_location: str
    service_account: str | None = None
    subnetwork: str | None = None
    machine_type: str | None = None
    disk_gb: int | None = None
    public_ips: bool = True

    def __post_init__(self) -> None:
        problems = [f"{key} is empty." for key in ("project", "region") if not getattr(self, key)]
        if not _GCS.fullmatch(self.temp_location):
            problems.append(f"temp_location is {self.temp_location!r}, expected a folder gs://BUCKET/PREFIX.")
        if self.disk_gb is not None and self.disk_gb < 1:
            problems.append(f"disk_gb is {self.disk_gb}, expected 1 or more.")
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class PortableSettings:
    """Any server that speaks Beam's job API.

    Attributes:
      job_endpoint: `HOST:PORT` of the job service.
      artifact_endpoint: `HOST:PORT` that artifacts are staged at; None = what the job service says.
      environment: who runs our code.
    """

    job_endpoint: str
    artifact_endpoint: str | None = None
    environment: BeamEnvironment = BeamEnvironment()

    def __post_init__(self) -> None:
        problems = [
            f"{key} is {value!r}, expected HOST:PORT such as localhost:8099."
            for key, value in (("job_endpoint", self.job_endpoint), ("artifact_endpoint", self.artifact_endpoint))
            if value is not None and not _ADDRESS.fullmatch(value)
        ]
        problems += _not_on_one_machine("job_endpoint", self.job_endpoint, self.environment)
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class BeamNodeSettings:
    """What differs for one node; None = as for all.

    Attributes:
      mode: where it runs.
      workers: how many.
      pipeline_args: options of Beam's own, after those for all nodes.
    """

    mode: BeamMode | None = None
    workers: int | None = None
    pipeline_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if problems := [*_workers(self.workers), *_own_keys(self.pipeline_args)]:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class BeamSettings:
    """Where Beam runs the data nodes.

    Attributes:
      mode: `in_memory`: in the node's process. `local_parallel`: in several processes of the same machine. `flink`,
        `spark`, `dataflow`, `portable`: on a runner of its own; see the settings of that name.
      workers: processes (`local_parallel`), parallel parts (`flink`, `spark`) or the most machines (`dataflow`); 0 =
        one for each processor, or what the cluster has as its default.
      image: container image of the workers, which on Dataflow and in Docker run it. None = workers have our code.
      pipeline_args: options of Beam's own that have no key here.
      nodes: what differs, by node.
    """

    mode: BeamMode = "in_memory"
    workers: int = 0
    image: str | None = None
    pipeline_args: tuple[str, ...] = ()
    flink: FlinkSettings | None = None
    spark: SparkSettings | None = None
    dataflow: DataflowSettings | None = None
    portable: PortableSettings | None = None
    nodes: Mapping[BeamNode, BeamNodeSettings] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [*_workers(self.workers), *_own_keys(self.pipeline_args), *_paths({"image": self.image})]
        for mode in self.modes:
            problems += self._lacking(mode)
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def modes(self) -> tuple[BeamMode, ...]:
        """The modes that some node has, each once."""
        return tuple(dict.fromkeys([self.mode, *(node.mode for node in self.nodes.values() if node.mode)]))

    def of(self, node_id: str) -> "BeamSettings":
        """The same for one node, with what differs for it put in place and no `nodes`."""
        node = {str(name): value for name, value in self.nodes.items()}.get(node_id, BeamNodeSettings())
        return dataclasses.replace(
            self,
            mode=node.mode or self.mode,
            workers=self.workers if node.workers is None else node.workers,
            pipeline_args=(*self.pipeline_args, *node.pipeline_args),
            nodes={},
        )

    def environment_of(self, mode: BeamMode) -> BeamEnvironment | None:
        """Who runs our code in that mode, None where that is not to be chosen."""
        section: Any = getattr(self, mode, None)
        return getattr(section, "environment", None)

    def _lacking(self, mode: BeamMode) -> Iterator[str]:
        if mode in ("in_memory", "local_parallel"):
            return
        section: Any = getattr(self, mode)
        if section is None and mode in ("dataflow", "portable"):
            yield f"mode {mode} needs a section beam.{mode}: docs/config.md has its keys."
        if mode in ("flink", "spark") and (section is None or section.job_server_jar is None):
            version = section.version if mode == "flink" and section else "1.20"
            command = fetch_command(job_server_artifact(mode, version))
            yield (
                f"mode {mode} needs beam.{mode}.job_server_jar, because Beam would download the jar. Get it with "
                f"`{command}`, and say where it is when nodes run."
            )
        environment = self.environment_of(mode)
        if self.image is None and (mode == "dataflow" or (environment is not None and environment.kind == "docker")):
            yield f"mode {mode} starts containers of beam.image, and there is none. Name the image that nodes run in."


def job_server_artifact(mode: str, flink_version: str = "1.20") -> str:
    """Maven's coordinates of Beam's job server for `flink` or `spark`, of the version of Beam that is installed."""
    name = f"beam-runners-flink-{flink_version}-job-server" if mode == "flink" else "beam-runners-spark-3-job-server"
    return f"org.apache.beam:{name}:{importlib.metadata.version('apache-beam')}"


def fetch_command(artifact: str) -> str:
    """The command that puts a jar into the folder `.jars`."""
    return f"mvn dependency:copy -Dartifact={artifact} -DoutputDirectory=.jars"


def _paths(values: Mapping[str, str | None]) -> Iterator[str]:
    for key, value in values.items():
        if value is not None and not (value.strip() and value.isprintable()):
            yield f"{key} is {value!r}, which is no name that a program could be given."


def _workers(workers: int | None) -> Iterator[str]:
    if workers is not None and not 0 <= workers <= 10_000:
        yield f"workers is {workers}, expected 0 (as many as there are processors) to 10000."


def _own_keys(arguments: tuple[str, ...]) -> Iterator[str]:
    for argument in arguments:
        name = argument.partition("=")[0].removeprefix("--")
        if not argument.startswith("--"):
            yield f"pipeline_args: {argument!r} is no option; write --NAME=VALUE as one item."
        elif name in OWN_KEYS:
            yield f"pipeline_args: --{name} has a key of its own, {OWN_KEYS[name]}. Say it there."


def _not_on_one_machine(key: str, address: str | None, environment: BeamEnvironment) -> Iterator[str]:
    """A complaint if another machine would have to call back into the node's process."""
    if address is None or environment.kind != "loopback":
        return
    if not _is_here(address):
        yield (
            f"{key} is {address!r}, another machine, and environment.kind is loopback, which works on one machine only."
            " Set environment.kind to external, process or docker."
        )


def _is_here(address: str) -> bool:
    host = address.partition("://")[2] or address
    return host.startswith(tuple(f"{name}:" for name in _HERE))
