"""The runs that were submitted to platforms: remembered in the lineage store of this folder and in the jobs' own.

The platform knows its runs itself; what is kept here is for lists, and for finding out which platform has a run.
"""

import dataclasses
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.caching.store_lock import lock_at
from pipeline.errors import ConfigError, NotFound, StoreUnreachable
from pipeline.metadata import LineageStore, handles, is_there, metadata_path, record_handle
from pipeline.metadata.connection import server_of
from pipeline.run_handle import RunHandle
from pipeline.run_store import RunStore

_REACH_S = 5.0
"""A server in a private network drops what comes from elsewhere without a word; longer is not waited."""


def remember(
    handle: RunHandle,
    store: RunStore,
    jobs_store: str,
    *,
    record: Callable[[LineageStore, RunHandle], None] = record_handle,
) -> str | None:
    """Keeps the handle here and in the jobs' lineage store; returns what is lost if that one cannot be reached.

    Args:
      handle: of the run that was started.
      store: of this folder.
      jobs_store: the lineage store that the jobs use, as `aws.metadata` names it.
      record: writes into a lineage store.
    """
    with _written(store.metadata_uri):
        record(LineageStore(store.metadata_uri), handle)
    try:
        check_reachable(jobs_store)
        record(LineageStore(jobs_store), handle)
    except (ConfigError, NotFound, StoreUnreachable) as error:
        return (
            f"The run is under way, but the jobs' lineage store could not be told of it from here: {error} So whoever "
            "lists submitted runs by that store will not find this one. Nothing else is lost: its jobs write their "
            "lineage there all the same, and status, logs, stop and resume ask the platform."
        )
    return None


def check_reachable(metadata_uri: str) -> None:
    """Raises StoreUnreachable if a server does not answer at once; ML Metadata itself would wait for minutes."""
    if metadata_path(metadata_uri) is not None:
        return
    server = server_of(metadata_uri, os.environ)
    try:
        socket.create_connection((server.host, server.port), timeout=_REACH_S).close()
    except OSError as error:
        raise StoreUnreachable(
            f"{server.host}:{server.port} does not answer within {_REACH_S:g} s ({error}); a database in private "
            "subnets is reached from inside them only."
        ) from error


@contextmanager
def _written(metadata_uri: str) -> Iterator[None]:
    """Holds the lock that nodes hold while they write to the store of this folder; SQLite lets in one at a time."""
    path = metadata_path(metadata_uri)
    assert path is not None, "this folder's store is a file"
    lock = lock_at(path.with_suffix(".lock"))
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def submitted(store: RunStore, pipeline_name: str | None = None) -> list[RunHandle]:
    """The runs that were submitted from this folder, of a pipeline or of all, newest first."""
    if not is_there(store.metadata_uri):
        return []
    return handles(LineageStore(store.metadata_uri), pipeline_name)


def as_remembered(handle: RunHandle, store: RunStore) -> RunHandle:
    """The handle with the digest of its document, which the platform does not keep, if it was submitted from here."""
    for known in submitted(store, handle.pipeline_name):
        if (known.runner, known.run_id) == (handle.runner, handle.run_id):
            return dataclasses.replace(handle, document_digest=known.document_digest)
    return handle


def runner_of(store: RunStore, pipeline_name: str, run_id: str) -> str:
    """The platform that has the run, the newest for `latest`.

    Raises:
      ConfigError: none such was submitted from this folder.
    """
    for handle in submitted(store, pipeline_name):
        if run_id in ("latest", handle.run_id):
            return handle.runner
    what = "No run" if run_id == "latest" else f"No run '{run_id}'"
    raise ConfigError(
        [f"{what} of pipeline '{pipeline_name}' was submitted from this folder: name the platform with --runner."]
    )
