"""What a job's containers printed, from CloudWatch Logs, also while it runs."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.runners.aws.asking import NotThere, ask
from pipeline.runners.aws.jobs import Job
from pipeline.runners.remote import LogRange


def job_lines(
    logs: Any,
    job: Job,
    wanted: LogRange,
    is_ended: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """The job's lines, stream by stream (one for each machine); of several machines each line says which.

    Args:
      logs: a client of CloudWatch Logs.
      job: the job.
      wanted: how long to go on.
      is_ended: asks the platform whether the job has ended; what it prints arrives a little later.
      clock: seconds; `sleep` waits so many.
    """
    reader = _Reader(logs, job)
    deadline = clock() + wanted.follow_s
    ended = wanted.follow_s <= 0
    while True:
        yield from reader.news()
        if ended or clock() >= deadline:
            return
        ended = is_ended()  # asked before the last look, so that nothing printed before the end is missed
        sleep(min(wanted.poll_s, max(deadline - clock(), 0)))


class _Reader:
    """Reads on from where it was, in every stream of the job."""

    def __init__(self, logs: Any, job: Job) -> None:
        self._logs, self._job = logs, job
        self._tokens: dict[str, str | None] = {}

    def news(self) -> Iterator[str]:
        for stream in self._streams():
            self._tokens.setdefault(stream, None)
        for stream in sorted(self._tokens):
            machine = f"[{_machine(stream)}] " if len(self._tokens) > 1 else ""
            for message in self._messages(stream):
                yield f"{machine}{message}"

    def _streams(self) -> Iterator[str]:
        request = {"logGroupName": self._job.log_group, "logStreamNamePrefix": f"{self._job.name}/"}
        while True:
            try:
                answer = ask(self._logs, "describe_log_streams", f"look for logs of job '{self._job.name}'", **request)
            except NotThere:  # the group appears with the account's first job
                return
            yield from (stream["logStreamName"] for stream in answer.get("logStreams", ()))
            if not (token := answer.get("nextToken")):
                return
            request["nextToken"] = token

    def _messages(self, stream: str) -> Iterator[str]:
        while True:
            request: dict[str, Any] = {"logGroupName": self._job.log_group, "logStreamName": stream}
            if token := self._tokens[stream]:
                request["nextToken"] = token
            answer = ask(
                self._logs, "get_log_events", f"read the log of job '{self._job.name}'", startFromHead=True, **request
            )
            yield from (event["message"] for event in answer.get("events", ()))
            if answer.get("nextForwardToken") in (None, token):  # the same token again: the end, for now
                return
            self._tokens[stream] = answer["nextForwardToken"]


def _machine(stream: str) -> str:
    """Which of the job's machines a stream is of.

    >>> _machine("pipelines-abc-Trainer-def/algo-2-1764158400")
    'algo-2'
    """
    return stream.rpartition("/")[2].rpartition("-")[0] or stream
