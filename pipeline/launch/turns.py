"""One job at a time for a node of a run, where the lineage store is a server that jobs of many machines share.

An event may be sent twice (SageMaker says so of its own), and then two executions go on with one run. Two jobs of a
node at the same time would both publish, and what comes after could never tell which of two artifacts is meant. Who
waited finds that the node is done, and does nothing.

The lock is the server's own (GET_LOCK of MariaDB and MySQL): it lasts as long as the connection, so that a job that is
killed gives it up.
"""

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from pipeline.metadata.connection import server_of
from pipeline.metadata.server import Server

_log = logging.getLogger(__name__)

_CONNECT_S = 10
_WAIT_S = 60
"""How long the server is asked to wait at a time; asked again until it is our turn, or the job's time is over."""

_LONGEST_S = 365 * 24 * 3600
"""A node may work for days, in which this connection says nothing."""


@contextmanager
def turn_at_server(metadata_uri: str, run_id: str, node_id: str) -> Iterator[None]:
    """Waits until no other job runs this node of this run, and keeps others waiting until the block ends.

    Without a connection nothing is locked: ML Metadata's own, which comes next, then says what is wrong.

    Raises:
      PenstockError: the server's secret cannot be read.
    """
    server = server_of(metadata_uri, os.environ)
    if (connection := _connected(server)) is None:
        yield
        return
    with closing(connection):
        _take(connection, lock_name(server.database, run_id, node_id), node_id)
        yield


def lock_name(database: str, run_id: str, node_id: str) -> str:
    """At most 64 characters, which servers of all databases share."""
    digest = hashlib.sha256("\n".join((database, run_id, node_id)).encode()).hexdigest()
    return f"penstock-{digest[:48]}"


def _connected(server: Server) -> Any:
    """A connection of pymysql's, None where there is none."""
    import pymysql

    try:
        return pymysql.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password.encode(),  # pymysql would send Latin-1; no database: the first job makes it
            connect_timeout=_CONNECT_S,
            init_command=f"SET SESSION wait_timeout = {_LONGEST_S}",
            ssl={"ca": server.ca} if server.ca else None,
            autocommit=True,
        )
    except (OSError, pymysql.MySQLError) as error:
        _log.warning("No lock at %s keeps a second job of the same node waiting: %s", server.address, error)
        return None


def _take(connection: Any, name: str, node_id: str) -> None:
    with connection.cursor() as cursor:
        for wait_s in _waits():
            cursor.execute("SELECT GET_LOCK(%s, %s)", (name, wait_s))
            if cursor.fetchone()[0] == 1:
                return
            _log.info("%s: another job of this run runs it; waits for that one to end", node_id)


def _waits() -> Iterator[int]:
    yield 0
    while True:
        yield _WAIT_S
