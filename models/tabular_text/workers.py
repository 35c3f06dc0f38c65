"""The machines that train one model together, as the variable TF_CONFIG names them: TensorFlow's own way, and so every
platform's. Pure, no TensorFlow.

Source: "Distributed training with TensorFlow", section "Setting up the TF_CONFIG environment variable".
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self

from models.tabular_text.errors import BadSettings

VARIABLE = "TF_CONFIG"

_TRAINING = ("chief", "worker")
"""The roles of machines that train, in the order in which TensorFlow counts them."""


@dataclasses.dataclass(frozen=True)
class Workers:
    """The machines of a training, and which one this is.

    Attributes:
      addresses: `host:port` of each; none = this machine alone.
      index: this machine's place among them.
    """

    addresses: tuple[str, ...] = ()
    index: int = 0

    @property
    def count(self) -> int:
        """Machines, this one included."""
        return max(1, len(self.addresses))

    @property
    def is_chief(self) -> bool:
        """True for the machine whose model counts: it alone writes what outlives the training."""
        return self.index == 0

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """The machines that TF_CONFIG names; this one alone without it.

        Raises:
          BadSettings: it is no such text, or its machines are not those that a training like ours has.
        """
        text = environ.get(VARIABLE) or "{}"
        try:
            data = json.loads(text)
            cluster: Mapping[str, list[str]] = data.get("cluster") or {}
            task: Mapping[str, Any] = data.get("task") or {}
            role, number = task.get("type") or "worker", int(task.get("index") or 0)
            addresses = [(kind, place) for kind in _TRAINING for place in enumerate(cluster.get(kind) or ())]
            places = [(kind, index) for kind, (index, _) in addresses]
        except (ValueError, TypeError, AttributeError) as error:
            raise BadSettings(
                [f'{VARIABLE}: expected {{"cluster": …, "task": …}}, got {text[:200]!r} ({error}).']
            ) from error
        if not addresses:
            return cls()
        if odd := sorted(set(cluster) - set(_TRAINING)):
            raise BadSettings([f"{VARIABLE}: has machines of the role {odd[0]}; here all train alike, as worker."])
        if (role, number) not in places:
            known = ", ".join(f"{kind} {index}" for kind, index in places)
            raise BadSettings([f"{VARIABLE}: this machine is {role} {number}, the cluster has {known}."])
        return cls(tuple(str(address) for _, (_, address) in addresses), places.index((role, number)))

    def to_text(self) -> str:
        """The TF_CONFIG of this machine."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})
