"""A warm process to fork from: TensorFlow, Beam and TFX are imported once, then every call costs a fork.

Nothing of TensorFlow may run in the warm process itself: a fork copies only the forking thread.
"""

import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

PRELOAD = "pipeline.runners.preload"
_STOP_GRACE_S = 10.0


class ProcessDied(Exception):
    """The process ended without an answer (killed, out of memory, crashed); `exit_code` is negative for a signal."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        cause = f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exited with code {exit_code}"
        super().__init__(cause)


class RemoteTraceback(Exception):
    """Where in the fork an error was raised; shown as the error's cause."""


@dataclasses.dataclass(frozen=True)
class RemoteError:
    """What a call raised, and where."""

    error: BaseException
    traceback_text: str


class WarmProcess:
    """Calls functions in forks of a warm process; the warm process ends with this one."""

    def __init__(self, log_path: Path) -> None:
        """Starts warming up in the background; what the warm process prints goes to `log_path`."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([PRELOAD])
        os.environ.setdefault("PYTHONHASHSEED", "0")  # the same order of sets in every run, for equal results
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with _output_redirected(log_path):
            forkserver.ensure_running()

    def start(self, function: Callable[..., Any], *args: Any, log_path: Path) -> "Call":
        """Begins `function(*args)` in a process of its own, whose output is appended to `log_path`.

        It has this process's variables of this moment, and not only those that the warm process was started with: there
        is one of these for all objects of this class.
        """
        log_path.parent.mkdir(parents=True, exist_ok=True)
        receiver, sender = self._context.Pipe(duplex=False)
        work = (sender, log_path, dict(os.environ), function, args)
        process = self._context.Process(target=_answer, args=work)
        process.start()
        sender.close()
        return Call(process, receiver)

    def call(self, function: Callable[..., Any], *args: Any, log_path: Path) -> Any:
        """What `function(*args)` returns in a process of its own; raises as `Call.result`."""
        return self.start(function, *args, log_path=log_path).result()


class Call:
    """A function under way in a process of its own."""

    def __init__(self, process: Any, receiver: Any) -> None:
        """Takes a started process and the connection that its answer comes through."""
        self._process = process
        self._is_interrupted = False
        self.answer_ready = receiver
        """Something to give to `multiprocessing.connection.wait`: ready when `result` would not wait."""

    @property
    def pid(self) -> int:
        """The process's id."""
        return int(self._process.pid)

    def result(self) -> Any:
        """Waits for what the function returns; the process is gone afterwards.

        Raises:
          ProcessDied: if the process ended without an answer.
          KeyboardInterrupt: after the process was stopped.
          Exception: what the function raised.
        """
        try:
            answer = _receive(self.answer_ready)
            self._process.join(_STOP_GRACE_S)
        finally:
            self.stop()
        if answer is None:
            raise ProcessDied(self._process.exitcode or 0)
        if isinstance(answer, RemoteError):
            raise answer.error from RemoteTraceback(f"\n{answer.traceback_text}")
        return answer[0]

    def interrupt(self) -> None:
        """Asks the process to stop, as Ctrl-C does, without waiting for it."""
        if self._process.is_alive() and not self._is_interrupted:
            self._is_interrupted = True
            os.kill(self.pid, signal.SIGINT)

    def stop(self) -> None:
        """Ends the process if it is still there: interrupts it, and kills it if it does not end by itself."""
        try:
            self.interrupt()
            self._process.join(_STOP_GRACE_S if self._is_interrupted else None)
        finally:
            if self._process.is_alive():
                self._process.kill()
            self._process.join()
        self.answer_ready.close()


def _receive(receiver: Any) -> Any:
    try:
        return receiver.recv()
    except (EOFError, OSError):  # it ended before, or in the middle of, its answer
        return None


def _answer(
    sender: Any, log_path: Path, variables: dict[str, str], function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    """Runs in the fork: output to the log, the answer (or the exception) through the pipe."""
    os.environ.update(variables)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv[1:] = []  # TFX hands sys.argv[1:] to executors as extra flags
    try:
        sender.send((function(*args),))
    except Exception as error:
        sender.send(RemoteError(error, traceback.format_exc()))
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _end_with_parent() -> None:
    """Ends this fork when the process that asked for it dies: the store's lock is free then, and another may run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _output_redirected(path: Path) -> Iterator[None]:
    """Sends this process's own stdout and stderr to a file while a child is started that inherits them."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    try:
        yield
    finally:
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
