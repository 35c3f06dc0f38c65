"""One end of a connection between two machines of a job: lines of JSON, and word when the other end is gone.

The network is the job's own (its containers reach each other, nobody else reaches them, and what they say is encrypted
on the way: `EnableInterContainerTrafficEncryption`). What is said holds no secret.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

MOST_BYTES = 64 * 2**20
"""Of one line."""

_GONE_AFTER_S = 30
"""A machine that answers nothing for so long is gone; of a process that ended, its system tells at once."""


class Peer:
    """The other machine. A thread of its own hears it."""

    def __init__(
        self,
        connection: socket.socket,
        heard: Callable[["Peer", Mapping[str, Any]], None],
        gone: Callable[["Peer"], None],
    ) -> None:
        """Listens from now on: `heard` is called for every line, then `gone` once."""
        self._connection, self._heard, self._gone = connection, heard, gone
        _notice_silence(connection)
        threading.Thread(target=self._listen, name="peer", daemon=True).start()

    def say(self, message: Mapping[str, Any]) -> None:
        """Sends it; to nobody, if the other end is gone: then `gone` is called, or was."""
        with contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """Ends the connection; the other end has heard everything that was said."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        # Whatever speaks here without being one of us is treated as gone.
        with contextlib.suppress(OSError, ValueError), self._connection.makefile("rb") as lines:
            while line := lines.readline(MOST_BYTES):
                message = json.loads(line)
                if not isinstance(message, dict):
                    break
                self._heard(self, message)
        self._connection.close()
        self._gone(self)


def _notice_silence(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _GONE_AFTER_S // 3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _GONE_AFTER_S // 6)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_AFTER_S * 1000)
