"""The machines of a job, in an order that all of them agree on, and where they listen.

The platform names them: SageMaker in a file, whatever sets TF_CONFIG in that variable (Kubeflow's training jobs do).
The first is the chief: it alone talks to the lineage store and publishes; the others lend it their processors.

Source of the file: "How Amazon SageMaker runs your training image", section "Distributed training configuration".
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.tabular_text.errors import BadSettings
from models.tabular_text.workers import VARIABLE, Workers
from pipeline.errors import ConfigError

CONTROL_PORT = 7070
"""Where the chief tells the others what to do. TensorFlow on machine n, from 0, listens n + 1 above it: a port of its
own for each, because TensorFlow takes its port on every address of a computer, and machines may share one."""

_RESOURCES = ("input/config/resourceconfig.json", "config/resourceconfig.json")
"""Below the platform's folder: in a training job, in a processing job."""


@dataclasses.dataclass(frozen=True)
class Machines:
    """Those of a job of several.

    Attributes:
      workers: as TensorFlow is told of them, the chief first.
      interface: the network interface that leads to the others, "" if nobody says.
      control_port: where the chief listens.
    """

    workers: Workers
    interface: str = ""
    control_port: int = CONTROL_PORT

    @property
    def is_chief(self) -> bool:
        """True on the machine that runs the job's nodes."""
        return self.workers.is_chief

    @property
    def count(self) -> int:
        """How many there are."""
        return self.workers.count

    def name(self, index: int) -> str:
        """How a person knows that machine: by its host's name, or by its address where several share a host."""
        host = host_of(self.workers.addresses[index])
        hosts = [host_of(address) for address in self.workers.addresses]
        return host if hosts.count(host) == 1 else self.workers.addresses[index]

    @property
    def chief(self) -> str:
        """The chief's name."""
        return self.name(0)

    @contextmanager
    def told_to(self, environ: MutableMapping[str, str]) -> Iterator[None]:
        """Has the variables in the environment while the block runs: whatever else uses TensorFlow would wait."""
        before = dict(environ)
        environ.update(self.variables)
        try:
            yield
        finally:
            for name in self.variables:
                if name in before:
                    environ[name] = before[name]
                else:
                    del environ[name]

    @property
    def variables(self) -> dict[str, str]:
        """What TensorFlow finds the other machines by, and NCCL, which moves tensors between GPUs."""
        interface = {"NCCL_SOCKET_IFNAME": self.interface} if self.interface else {}
        return {VARIABLE: self.workers.to_text(), **interface}


def machines_of(environ: Mapping[str, str], job_folder: Path) -> Machines | None:
    """The machines of this job; None if it has only this one.

    Raises:
      ConfigError: what the platform says of them makes no sense.
    """
    for name in _RESOURCES:
        if (path := job_folder / name).is_file():
            return _in_file(path)
    try:
        workers = Workers.of(environ)
    except BadSettings as error:
        raise ConfigError(error.problems) from error
    return Machines(workers) if workers.count > 1 else None


def _in_file(path: Path) -> Machines | None:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        hosts, current = data["hosts"], data["current_host"]
        if not isinstance(hosts, list) or not all(isinstance(host, str) and host for host in hosts):
            raise ValueError(f"hosts is {hosts!r}")
        if current not in hosts or len(set(hosts)) < len(hosts):
            raise ValueError(f"current_host is {current!r}, hosts is {hosts!r}")
        interface = str(data.get("network_interface_name") or "")
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            [
                f"{path}: expected the hosts of this job, each once, and current_host among them; found otherwise "
                f"({type(error).__name__}: {error}). The platform writes this file: start the job again."
            ]
        ) from error
    hosts = sorted(hosts)  # every machine may list them in another order
    addresses = tuple(f"{host}:{CONTROL_PORT + 1 + index}" for index, host in enumerate(hosts))
    return Machines(Workers(addresses, hosts.index(current)), interface) if len(hosts) > 1 else None


def host_of(address: str) -> str:
    """The host of `host:port`.

    >>> host_of("[::1]:7071"), host_of("algo-1:7071")
    ('::1', 'algo-1')
    """
    return address.rpartition(":")[0].strip("[]")
