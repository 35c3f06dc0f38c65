"""The chief's side of a job of several machines: it has the others train too, and sees whether they are there.

    another machine: machine 2 →  → run EXECUTION …              done → (or failed WHY →)    → end TEXT

Told over a connection instead of by files on S3: it cannot be an earlier attempt's, and it breaks with either machine.
"""

import base64
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from components.errors import ComponentError
from models.tabular_text.errors import ModelError
from pipeline.errors import ConfigError, NodeFailed
from pipeline.launch.interruption import MachineLost
from pipeline.launch.machines import Machines
from pipeline.launch.patience import PATIENCE, Deadline, GiveUp, Patience
from pipeline.launch.peer import Peer


class Crew:
    """The other machines of a job, as its chief sees them."""

    def __init__(self, machines: Machines, give_up: GiveUp, patience: Patience = PATIENCE) -> None:
        """Nobody is listened to before the context is entered."""
        self._machines, self._give_up, self._patience = machines, give_up, patience
        self._changed = threading.Condition()
        self._expected = set(range(1, machines.count))
        self._peers: dict[Peer, int] = {}
        self._left: set[int] = set()
        self._done: set[int] = set()
        self._trouble: list[str] = []
        self._last_word: str | None = None
        self._deadline: Deadline | None = None

    def __enter__(self) -> Self:
        port = self._machines.control_port
        try:
            self._server = socket.create_server(("", port), backlog=self._machines.count)
        except OSError as error:
            raise ConfigError(
                [f"Port {port}, where this job's other machines ask what to do, is taken: {error.strerror}."]
            ) from error
        threading.Thread(target=self._accept, name="crew", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._last_word = self._last_word or ""  # whoever leaves now is not missed
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for peer in list(self._peers):
            peer.close()

    def announce(self, execution: bytes) -> None:
        """Has the others begin with an execution (TFX's ExecutionInvocation), as soon as all are here.

        Raises:
          MachineLost: one of them did not come, or has ended.
        """
        self._muster()
        for peer in list(self._peers):
            peer.say({"run": base64.b64encode(execution).decode()})

    @contextmanager
    def training(self) -> Iterator[None]:
        """Around this machine's part of the execution: TensorFlow finds the others.

        Raises:
          MachineLost: one of them ended or failed, so that the block could not end well.
        """
        with self._changed:
            self._deadline = Deadline(self._patience.grace_s, self._give_up)
            self._set_deadline()
        try:
            with self._machines.told_to(os.environ):
                yield
        except (ComponentError, ModelError):  # everybody meets these, and the user can do something about them
            raise
        except Exception as error:
            if self._wait(lambda: bool(self._trouble), self._patience.settle_s):
                raise MachineLost(self._told()) from error
            raise
        finally:
            with self._changed:
                self._deadline.call_off()
                self._deadline = None

    def end(self, text: str, *, waits: bool = True) -> None:
        """Lets the others end, and waits until they have: also for one that starts late and would wait for us."""
        with self._changed:
            self._last_word = text
            peers = list(self._peers)
        for peer in peers:
            peer.say({"end": text})
        if waits:
            self._wait(lambda: self._left == self._expected, self._patience.muster_s)

    def _muster(self) -> None:
        started = time.monotonic()
        came = self._wait(lambda: bool(self._trouble) or self._present == self._expected, self._patience.muster_s)
        if self._trouble:
            raise MachineLost(self._told())
        if not came:
            missing = self._expected - self._present
            self._expected -= missing  # nobody waits for them again
            names = ", ".join(self._machines.name(index) for index in sorted(missing))
            raise MachineLost(
                f"This job has {self._machines.count} machines, and {names} did not come within "
                f"{self._patience.muster_s:.0f} s. Look at the log of that machine; in a VPC, the job's security group "
                "must let its members reach each other. The same command goes on with the training."
            )
        sys.stdout.write(f"All {self._machines.count} machines are here after {time.monotonic() - started:.1f} s.\n")
        sys.stdout.flush()

    @property
    def _present(self) -> set[int]:
        return set(self._peers.values())

    def _told(self) -> str:
        return f"{self._trouble[0]} The training needs all machines; the same command goes on from its last checkpoint."

    def _wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(holds, seconds)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:  # closed
                return
            Peer(connection, self._heard, self._gone)

    def _heard(self, peer: Peer, message: Mapping[str, Any]) -> None:
        with self._changed:
            index, said = self._peers.get(peer), message.get("machine")
            if index is None and isinstance(said, int) and said in self._expected - self._present - self._left:
                self._peers[peer] = said
                if self._last_word is not None:
                    peer.say({"end": self._last_word})
            elif index is None:
                peer.close()
            elif "failed" in message:
                self._done.add(index)
                self._note(f"Machine {self._machines.name(index)} failed: {message['failed']}.")
            elif "done" in message:
                self._done.add(index)
            self._changed.notify_all()

    def _gone(self, peer: Peer) -> None:
        with self._changed:
            index = self._peers.pop(peer, None)
            if index is not None:
                self._left.add(index)
                if index not in self._done and self._last_word is None:
                    self._note(
                        f"Machine {self._machines.name(index)} of this job ended, or cannot be reached any more."
                    )
            self._changed.notify_all()

    def _note(self, trouble: str) -> None:
        sys.stderr.write(f"{trouble}\n")
        sys.stderr.flush()
        self._trouble.append(trouble)
        self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline is not None and self._trouble:
            self._deadline.set(self._told(), NodeFailed.exit_code)
