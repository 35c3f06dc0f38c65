"""Beam's runners elsewhere, saying before the start what is missing and at the end how much was done.

The launcher puts them in the place of Beam's own of the same name. The pipeline, its stages and its results are theirs.

Job servers tell no counts of elements, so what is told are the rows that tfx_bsl counts where it reads.
"""

import dataclasses
import functools
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any

import grpc
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    JobServerOptions,
    PortableOptions,
    SparkRunnerOptions,
)
from apache_beam.runners.portability import flink_runner, portable_runner, spark_runner
from google.protobuf import json_format

from components.errors import ComponentError
from components.spark_rest import SparkJobs

WAIT_FOR_SERVER_S = 60.0
"""Longest wait for a job server that is starting; Beam would wait 300 s, and then say nothing of where."""

_FLINK_LOOKS_INTO = (
    "java.lang",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
    "sun.nio.ch",
)
FLINK_ON_JAVA_17 = tuple(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _FLINK_LOOKS_INTO)
"""What Flink's own configuration has it look into on Java 17, where its serializers fail without. A job server has no
such configuration; Beam thinks of it for Spark only."""

_ROWS = "num_rows"  # how the name of tfx_bsl's distribution of rows per batch ends

_NOT_TOLD = (LookupError, RuntimeError, OSError, grpc.RpcError, json_format.ParseError)
"""What Beam raises where a runner has no metrics of a job, or its server has forgotten the job."""

_log = logging.getLogger("penstock.progress")


class PortableRunner(portable_runner.PortableRunner):
    """Beam's, telling."""

    def run_portable_pipeline(self, pipeline: Any, options: Any) -> Any:
        """Hands the pipeline to the job server, as Beam does.

        Raises:
          ComponentError: nothing answers there.
        """
        endpoint = str(options.view_as(PortableOptions).job_endpoint)
        require_server(endpoint)
        return telling(super().run_portable_pipeline(pipeline, options), f"the job server at {endpoint}")


@dataclasses.dataclass(frozen=True)
class _Jar:
    """A job server's.

    Attributes:
      key: of the configuration, that names it.
      path: on this machine.
      is_submitted: it is handed to the cluster, and starts no job server here.
    """

    key: str
    path: str
    is_submitted: bool


class _Serving(portable_runner.PortableRunner):
    """Stops the job server that it has started when the job is over: Beam relies on Python's exit handlers, without
    which nodes end."""

    _server: Any = None

    def default_job_server(self, options: Any) -> Any:
        """Beam's, kept to be stopped."""
        self._server = super().default_job_server(options)
        return self._server

    def _run(self, pipeline: Any, options: Any, jar: _Jar, where: str) -> Any:
        """Runs the pipeline as Beam does.

        Raises:
          ComponentError: the job server's jar is not there, or no Java for it.
        """
        require_jar(jar.key, jar.path)
        if not jar.is_submitted:
            require_java(options.view_as(JobServerOptions).job_server_java_launcher)
        try:
            result = super().run_portable_pipeline(pipeline, options)
        except BaseException:
            self._stop()
            raise
        return telling(result, where, then=self._stop)

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None


class FlinkRunner(_Serving, flink_runner.FlinkRunner):
    """Beam's, telling."""

    def run_portable_pipeline(self, pipeline: Any, options: Any) -> Any:
        """Runs the pipeline on Flink; raises as `_run`."""
        flink = options.view_as(FlinkRunnerOptions)
        server = options.view_as(JobServerOptions)
        server.job_server_jvm_properties = [*FLINK_ON_JAVA_17, *server.job_server_jvm_properties]
        jar = _Jar("beam.flink.job_server_jar", flink.flink_job_server_jar, flink.flink_submit_uber_jar)
        return self._run(pipeline, options, jar, f"Flink {flink.flink_master}")  # Beam's own runner changes its master


class SparkRunner(_Serving, spark_runner.SparkRunner):
    """Beam's, telling."""

    def default_job_server(self, options: Any) -> Any:
        """Beam's, or ours where the node sends the job to Spark itself; kept to be stopped."""
        spark = options.view_as(SparkRunnerOptions)
        if not spark.spark_submit_uber_jar:
            return super().default_job_server(options)
        self._server = SparkJobs(spark.spark_rest_url, options)
        return self._server

    def run_portable_pipeline(self, pipeline: Any, options: Any) -> Any:
        """Runs the pipeline on Spark; raises as `_run`."""
        spark = options.view_as(SparkRunnerOptions)
        jar = _Jar("beam.spark.job_server_jar", spark.spark_job_server_jar, spark.spark_submit_uber_jar)
        spark_runner.JOB_SERVER_CACHE.clear()  # a server that was stopped is not started again
        return self._run(pipeline, options, jar, f"Spark {spark.spark_rest_url or spark.spark_master_url}")


def require_jar(key: str, path: str) -> None:
    """Raises ComponentError if there is no such file: Beam's words for it are about building Beam."""
    if not os.path.isfile(path):
        raise ComponentError(
            f"{key} is '{path}', and there is no such file on this machine. Fetch it with `mvn dependency:copy` "
            "(docs/config.md, Where Beam runs), into the image if nodes run in containers."
        )


def require_java(program: str) -> None:
    """Raises ComponentError if there is no such program."""
    if shutil.which(program) is None:
        raise ComponentError(
            f"Beam's job server needs Java, and there is no program '{program}' on this machine. Install Java 17 "
            "(Debian: apt-get install openjdk-17-jre-headless), or name it with java beside job_server_jar."
        )


def require_server(endpoint: str, wait_s: float | None = None) -> None:
    """Returns as soon as something answers at HOST:PORT; raises ComponentError if nothing does."""
    wait_s = WAIT_FOR_SERVER_S if wait_s is None else wait_s
    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=wait_s)
        except grpc.FutureTimeoutError as error:
            raise ComponentError(
                f"beam.portable.job_endpoint is '{endpoint}', and no job server answered there for {wait_s:g} s. Start "
                "it, or correct the address."
            ) from error


def telling(result: Any, where: str, then: Callable[[], None] | None = None, tells_rows: bool = True) -> Any:
    """The same result; when it is waited for and has succeeded, it says where and how long it ran, and on how much.

    Args:
      result: of a pipeline that has been handed over.
      where: for people.
      then: is called when it is over, however it ended.
      tells_rows: whether its metrics are asked for.
    """
    started, wait = time.monotonic(), result.wait_until_finish

    @functools.wraps(wait)
    def wait_and_tell(*arguments: Any, **options: Any) -> Any:
        try:
            state = wait(*arguments, **options)
            _tell(where, time.monotonic() - started, _rows_of(result) if tells_rows else 0)
        finally:
            if then is not None:
                then()
        return state

    result.wait_until_finish = wait_and_tell
    return result


def _rows_of(result: Any) -> int:
    """Rows that the job read; 0 where the runner does not tell: the job has succeeded all the same."""
    try:
        return rows_read(result.metrics().query()["distributions"])
    except _NOT_TOLD as error:
        _log.debug("The job's metrics cannot be had: %s", error)
        return 0


def rows_read(distributions: Iterable[Any]) -> int:
    """Rows of all batches that tfx_bsl read, of those committed or, where a runner commits nothing, attempted."""
    return sum(
        int(found.sum)
        for item in distributions
        if item.key.metric.name.endswith(_ROWS)
        for found in [item.committed if item.committed is not None else item.attempted]
        if found is not None
    )


def _tell(where: str, seconds: float, rows: int) -> None:
    counts = {"done": rows, "unit": "rows"} if rows else {}
    _log.info("Beam's job is done on %s", where, extra={"progress": {**counts, "metrics": {"seconds": seconds}}})
