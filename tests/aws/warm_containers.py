"""Starts containers of our image in a blink: forks of a process that has imported TFX, each in its own namespace.

    python warm_containers.py SOCKET

A fresh process imports for 10 to 25 s; that a container can begin so is tested once, everything else through this.
A client connects for one container, sends one JSON line (words, volumes, environment, folder and, if it likes, hosts:
name → address) with the descriptor of where its output goes, and reads two lines: the container's process id, then its
exit code (negative for a signal).
"""

import array
import json
import os
import runpy
import signal
import socket
import sys
from typing import Any, NoReturn

import container

import pipeline.runners.preload  # noqa: F401 - so that forks need not

ENTRYPOINTS = ("pipeline.launch", "pipeline.kubeflow_task", "pipeline.kubeflow_task.farewell")
"""The modules that a container can be started with."""


def serve(path: str) -> NoReturn:
    """Answers until it is killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _answer(connection)
                os._exit(0)
            connection.close()


def _answer(connection: socket.socket) -> None:
    """Tells how a container of this connection's ends."""
    request, output = _received(connection)
    child = os.fork()
    if child == 0:
        connection.close()
        _become(request, output)
    os.close(output)
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _received(connection: socket.socket) -> tuple[dict[str, Any], int]:
    text, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 1)
    while not text.endswith(b"\n"):
        more = connection.recv(1 << 20)
        assert more, "the client has gone"
        text += more
    return json.loads(text), array.array("i", descriptors)[0]


def _become(request: dict[str, Any], output: int) -> NoReturn:
    """The container's process: `python -m pipeline.launch` from here on, but for the imports."""
    code: Any = 125
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        words = request["words"]
        assert words[:3] in [["python", "-m", module] for module in ENTRYPOINTS], f"cannot run {words}"
        volumes = request["volumes"]
        inside = None if volumes is None else [(source, target) for source, target in volumes]
        container.enter(inside, request["environment"], request["folder"])
        container.know_hosts(request.get("hosts") or {})
        sys.argv = words[2:]
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
