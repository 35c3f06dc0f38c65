"""The Kubernetes Job of a training's other pods, complete: what was compiled, and what the chief's pod knows. Pure.

Each follower finds the machines in TF_CONFIG, like any program of TensorFlow's: the chief by its pod's address, the
others by names that a headless Service gives pods of an Indexed Job. Kubernetes itself fills in which of them a pod is.

Sources: "Jobs", "Indexed Job for Parallel Processing with Static Work Assignment" and "DNS for Services and Pods" in
the Kubernetes documentation; TF_CONFIG as in models/tabular_text/workers.py.
"""

import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from models.tabular_text.workers import VARIABLE, Workers
from pipeline.errors import ConfigError
from pipeline.launch.machines import CONTROL_PORT, Machines

FOLLOWERS = "--followers"
"""The option whose value is the compiled part of the Job."""

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"

_INDEX_PATH = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_CHIEFS_OWN = (FOLLOWERS, "--decisions", "--decide", "--answer")
"""Options of the chief's with a value, which nobody else is to act on."""


@dataclasses.dataclass(frozen=True)
class ThisPod:
    """What a pod knows of itself.

    Attributes:
      address: its IP address.
    """

    name: str
    uid: str
    namespace: str
    address: str
    service_account: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """From the variables that its task asks for.

        Raises:
          ConfigError: one is missing.
        """
        missing = sorted(name for name in POD_VARIABLES if not environ.get(name))
        if missing:
            raise ConfigError(
                [f"{FOLLOWERS}: {', '.join(missing)} of this pod are not set. Compile the pipeline again."]
            )
        return cls(*(environ[name] for name in POD_VARIABLES))


POD_VARIABLES = {
    "PENSTOCK_POD_NAME": "metadata.name",
    "PENSTOCK_POD_UID": "metadata.uid",
    "PENSTOCK_POD_NAMESPACE": "metadata.namespace",
    "PENSTOCK_POD_ADDRESS": "status.podIP",
    "PENSTOCK_POD_ACCOUNT": "spec.serviceAccountName",
}
"""Variable → the pod's field, in the order of `ThisPod`'s."""


@dataclasses.dataclass(frozen=True)
class FollowerJob:
    """The other pods of one training.

    Attributes:
      compiled: the Job without what only the chief's pod knows.
      pod: the chief's.
      words: the chief's command line, without the program.
    """

    compiled: Mapping[str, Any]
    pod: ThisPod
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the Job and the Service; another for each attempt, which is a pod of its own."""
        return f"followers-{self.pod.uid}"

    @property
    def machines(self) -> Machines:
        """As the chief sees them."""
        cluster = self._cluster
        return Machines(Workers((*cluster["chief"], *cluster["worker"])))

    @property
    def job(self) -> dict[str, Any]:
        """The Job."""
        made = copy.deepcopy(dict(self.compiled))
        made["metadata"] |= self._metadata
        pod = made["spec"]["template"]["spec"]
        pod |= {"subdomain": self.name, "serviceAccountName": self.pod.service_account}
        (container,) = pod["containers"]
        # Kubernetes takes `$$` for a `$` that begins no variable.
        container["args"] = [word.replace("$", "$$") for word in _followers_words(self.words)]
        container["env"] = [*container["env"], *self._variables]
        return made

    @property
    def service(self) -> dict[str, Any]:
        """The Service that gives the pods names, from before they are ready on."""
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**self._metadata, "labels": dict(self.compiled["metadata"]["labels"])},
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": {"job-name": self.name},
            },
        }

    @property
    def _metadata(self) -> dict[str, Any]:
        """Owned by the chief's pod: what that could not take away goes with it."""
        owner = {"apiVersion": "v1", "kind": "Pod", "name": self.pod.name, "uid": self.pod.uid}
        return {"name": self.name, "namespace": self.pod.namespace, "ownerReferences": [owner]}

    @property
    def _cluster(self) -> dict[str, list[str]]:
        host = f"[{self.pod.address}]" if ":" in self.pod.address else self.pod.address
        others = range(self.compiled["spec"]["completions"])
        domain = f"{self.name}.{self.pod.namespace}.svc"
        return {
            "chief": [f"{host}:{CONTROL_PORT + 1}"],
            "worker": [f"{self.name}-{number}.{domain}:{CONTROL_PORT + 2 + number}" for number in others],
        }

    @property
    def _variables(self) -> Iterator[dict[str, Any]]:
        """TF_CONFIG after the variable that it refers to: Kubernetes goes from first to last."""
        yield {"name": INDEX_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": _INDEX_PATH}}}
        task = f'{{"index": $({INDEX_VARIABLE}), "type": "worker"}}'
        yield {"name": VARIABLE, "value": f'{{"cluster": {json.dumps(self._cluster)}, "task": {task}}}'}


def compiled_job(word: str) -> Mapping[str, Any]:
    """The compiled part of the Job in the option's value.

    Raises:
      ConfigError: it is none.
    """
    try:
        data = json.loads(word)
        if data["kind"] == "Job" and data["spec"]["completions"] >= 1 and "env" in _container(data):
            found: Mapping[str, Any] = data
            return found
    except (ValueError, TypeError, LookupError) as error:
        raise ConfigError([_NO_JOB.format(word=word[:60])]) from error
    raise ConfigError([_NO_JOB.format(word=word[:60])])


_NO_JOB = FOLLOWERS + " {word}…: expected the JSON of a Kubernetes Job. Compile the pipeline again."


def _container(job: Mapping[str, Any]) -> Mapping[str, Any]:
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return dict(found)


def _followers_words(words: Sequence[str]) -> Iterator[str]:
    rest = iter(words)
    for word in rest:
        if word in _CHIEFS_OWN:
            next(rest, None)
        elif not word.startswith(tuple(f"{option}=" for option in _CHIEFS_OWN)):
            yield word
