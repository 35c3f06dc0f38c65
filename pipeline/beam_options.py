"""The section `beam` in Beam's words: a list of pipeline options for each node.

Beam's own `DirectRunner` is never named: it tries to download a program first.
"""

import json
from collections.abc import Iterable, Iterator
from typing import assert_never

from pipeline.beam_settings import (
    OWN_KEYS,
    BeamEnvironment,
    BeamMode,
    BeamSettings,
    DataflowSettings,
    JobServer,
    PortableSettings,
)
from pipeline.errors import ConfigError

WORKERS_HAVE_OUR_CODE = "this-process"
"""The image that is named where no container is started: with one, TFX does not pack itself up for workers, which takes
seconds a node and ends in an installation on each worker."""

_WHERE = {
    *OWN_KEYS,
    "artifacts_dir",
    "disk_size_gb",
    "job_server_java_launcher",
    "job_server_jvm_properties",
    "no_use_public_ips",
    "sdk_worker_parallelism",
    "service_account_email",
    "subnetwork",
    "worker_machine_type",
}
"""Beam's options that say where it runs and on how much."""


def beam_options(settings: BeamSettings, node_id: str) -> list[str]:
    """Beam's options for one node."""
    of_node = settings.of(node_id)
    return [
        *_of_mode(of_node),
        f"--sdk_container_image={of_node.image or WORKERS_HAVE_OUR_CODE}",
        *of_node.pipeline_args,
    ]


def check_reach(settings: BeamSettings, root: str) -> None:
    """Does nothing if every worker can reach what nodes read and write.

    Raises:
      ConfigError: a mode has workers elsewhere, and what they would work on is not where they can see it.
    """
    problems = [problem for mode in settings.modes if (problem := _unreachable(settings, mode, root))]
    if problems:
        raise ConfigError(problems)


def result_options(arguments: Iterable[str]) -> list[str]:
    """The options that could change a node's results: all but those that say where it runs, and on how many workers."""
    return [argument for argument in arguments if argument.partition("=")[0].removeprefix("--") not in _WHERE]


def _unreachable(settings: BeamSettings, mode: BeamMode, root: str) -> str | None:
    if mode == "dataflow" and not root.startswith("gs://"):
        return (
            f"beam: mode dataflow, and the pipeline's root is '{root}', which Dataflow's workers cannot reach. Use a "
            "root gs://BUCKET/PREFIX, or another mode."
        )
    environment = settings.environment_of(mode)
    if environment is None or environment.kind == "loopback" or not root.startswith("s3://"):
        return None
    return (
        f"beam: mode {mode} with workers of kind {environment.kind}, and the pipeline's root is '{root}': "
        "each node copies from and to S3 on its own machine, where those workers do not see it. Use a root on a volume "
        "that nodes and workers share, or run these nodes in_memory or local_parallel."
    )


def _of_mode(settings: BeamSettings) -> Iterator[str]:
    match settings.mode:
        case "in_memory":
            yield from ("--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1")
        case "local_parallel":
            yield from ("--runner=FnApiRunner", "--direct_running_mode=multi_processing")
            yield f"--direct_num_workers={settings.workers}"
        case "flink":
            yield from _flink(settings)
        case "spark":
            yield from _spark(settings)
        case "dataflow":
            assert settings.dataflow is not None
            yield from _dataflow(settings.dataflow, settings.workers)
        case "portable":
            assert settings.portable is not None
            yield from _portable(settings.portable, settings.image)
        case _:
            assert_never(settings.mode)


def _flink(settings: BeamSettings) -> Iterator[str]:
    flink = settings.flink
    assert flink is not None
    yield "--runner=FlinkRunner"
    yield f"--flink_master={flink.master or '[local]'}"
    yield f"--flink_version={flink.version}"
    yield f"--flink_job_server_jar={flink.job_server_jar}"
    if flink.uber_jar:
        yield "--flink_submit_uber_jar"
    if settings.workers:
        yield f"--parallelism={settings.workers}"
    yield from _job_server(flink, settings.image)


def _spark(settings: BeamSettings) -> Iterator[str]:
    spark, everyone = settings.spark, "*"
    assert spark is not None
    yield "--runner=SparkRunner"
    if spark.rest_url:
        yield from ("--spark_submit_uber_jar", f"--spark_rest_url={spark.rest_url}")
    else:
        yield f"--spark_master_url={spark.master or f'local[{settings.workers or everyone}]'}"
    yield f"--spark_job_server_jar={spark.job_server_jar}"
    yield from _job_server(spark, settings.image)


def _job_server(server: JobServer, image: str | None) -> Iterator[str]:
    if server.java != "java":
        yield f"--job_server_java_launcher={server.java}"
    for option in server.java_options:
        yield f"--job_server_jvm_properties={option}"
    if server.artifacts_dir:
        yield f"--artifacts_dir={server.artifacts_dir}"
    yield from _environment(server.environment, image)


def _portable(portable: PortableSettings, image: str | None) -> Iterator[str]:
    yield "--runner=PortableRunner"
    yield f"--job_endpoint={portable.job_endpoint}"
    if portable.artifact_endpoint:
        yield f"--artifact_endpoint={portable.artifact_endpoint}"
    yield from _environment(portable.environment, image)


def _environment(environment: BeamEnvironment, image: str | None) -> Iterator[str]:
    """By `environment_config`: with Beam 2.77, an address in `environment_options` ends in a TypeError."""
    yield f"--environment_type={environment.kind.upper()}"
    if environment.kind == "external":
        yield f"--environment_config={environment.address}"
    elif environment.kind == "process":
        yield f"--environment_config={json.dumps({'command': environment.command})}"
    elif environment.kind == "docker":
        yield f"--environment_config={image}"


def _dataflow(dataflow: DataflowSettings, workers: int) -> Iterator[str]:
    yield "--runner=DataflowRunner"
    yield f"--project={dataflow.project}"
    yield f"--region={dataflow.region}"
    yield f"--temp_location={dataflow.temp_location}"
    for option, value in (
        ("service_account_email", dataflow.service_account),
        ("subnetwork", dataflow.subnetwork),
        ("worker_machine_type", dataflow.machine_type),
        ("disk_size_gb", dataflow.disk_gb),
        ("max_num_workers", workers or None),
    ):
        if value is not None:
            yield f"--{option}={value}"
    if not dataflow.public_ips:
        yield "--no_use_public_ips"
