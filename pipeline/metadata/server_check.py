"""Before and after ML Metadata connects to a server: is it who it should be, and why did it say no."""

import time
from functools import cache
from typing import Any

from pipeline.errors import NotFound, StoreUnreachable
from pipeline.metadata.handshake import Refused, Unreachable, server_of_config, try_sign_in
from pipeline.metadata.server import Server

_PAUSE_S = 1.0
_NO_DATABASE = "Unknown database"


def check_certificate(config: Any) -> None:
    """Raises StoreUnreachable unless the server shows a certificate of the CA in the connection (if that names one).

    Looked at once in a process, on a connection of its own: ML Metadata's client encrypts, and cannot check (see
    pipeline/metadata/connection.py).
    """
    server = server_of_config(config)
    if server is not None and server.ca is not None:
        _check(server)


@cache
def _check(server: Server) -> None:
    try:
        try_sign_in(server)
    except Refused as refused:
        raise _unreachable(server, str(refused)) from refused


def answers_again(config: Any, patience_s: float) -> bool:
    """Waits until a server that did not answer lets us in; False if it answers and refuses, or is no server at all."""
    server = server_of_config(config)
    deadline = time.monotonic() + patience_s
    while server is not None:
        try:
            try_sign_in(server)
        except Unreachable:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_S)
        except Refused:
            return False
        else:
            return True
    return False


def explained(config: Any, error: Exception) -> Exception:
    """The error of a connection that failed, with its cause if the store is a server; else as it is.

    NotFound if only the database is missing: nobody has written to this store yet.
    """
    server = server_of_config(config)
    if server is None:
        return error
    try:
        try_sign_in(server)
    except Refused as refused:
        return _unreachable(server, str(refused))
    if _NO_DATABASE in str(error):
        return NotFound(f"There is no database '{server.database}' on {server.host}:{server.port} yet.")
    return _unreachable(server, f"{_last_words(error)}. The user may sign in there, but not do this: check its rights.")


def _unreachable(server: Server, why: str) -> StoreUnreachable:
    return StoreUnreachable(f"The lineage store mysql://{server.address} cannot be used: {why}")


def _last_words(error: Exception) -> str:
    return str(error).rpartition("error: ")[2].strip().rstrip(".") or str(error)
