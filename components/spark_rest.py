"""Jobs for Spark's REST address, which the node sends there without Java: what Beam's own lack to end well."""

import os
import shutil
import tempfile
import uuid
from typing import Any

from apache_beam.options.pipeline_options import JobServerOptions
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability import spark_uber_jar_job_server


class _SparkJob(spark_uber_jar_job_server.SparkBeamJob):
    """Beam's, with the jar in a folder that Spark's machines see: they are told its path, and nobody sends it."""

    folder: str

    def _create_submission_request(self, jar: str, job_name: str) -> Any:
        os.makedirs(self.folder, exist_ok=True)
        return super()._create_submission_request(shutil.move(jar, self.folder), job_name)


class SparkJobs(spark_uber_jar_job_server.SparkUberJarJobServer):
    """Beam's, with an answer to who asks for metrics, which is none; takes its jars away when it is stopped."""

    def __init__(self, rest_url: str, options: Any) -> None:
        """For jobs of the master at that address, whose jars go into `artifacts_dir` of the options."""
        super().__init__(rest_url, options)
        shared = options.view_as(JobServerOptions).artifacts_dir or tempfile.gettempdir()
        self._folder = os.path.join(shared, f"beam-{uuid.uuid4().hex}")

    def create_beam_job(self, *arguments: Any) -> Any:
        """Beam's job of this id, name, pipeline and options."""
        job = _SparkJob(self._rest_url, self.executable_jar(), *arguments, artifact_port=self._artifact_port)
        job.folder = self._folder
        return job

    def GetJobMetrics(self, *_: Any) -> Any:  # noqa: N802 - Beam's name
        """No metrics: Spark's REST address tells none, and Beam has no answer at all."""
        return beam_job_api_pb2.GetJobMetricsResponse()

    def stop(self) -> None:
        """Takes the jar away."""
        shutil.rmtree(self._folder, ignore_errors=True)
