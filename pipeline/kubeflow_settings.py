"""Where the pipeline lives on Kubernetes and what its pods may use: the configuration's section `kubeflow`.

Pure data, no secret in it. What Kubernetes or Kubeflow Pipelines would refuse is refused while the configuration is
read, all problems of the section together.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pipeline.aws_settings import IMAGE_SHAPE, GpuKind, metadata_address_problem, shape_problems

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]

PASSWORD_VARIABLE = "PENSTOCK_METADATA_PASSWORD"  # noqa: S105 - its name
"""Where the launcher looks for the lineage store's password."""

SCRATCH_VOLUME, SHM_VOLUME = "scratch", "shm"
"""Names of the volumes that pods have of their own."""

_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_REPORT_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[A-Za-z0-9._~/?=&%-]*\{run_id\}[A-Za-z0-9._~/?=&%#-]*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_LABEL_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_SECRET_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")
_RESOURCE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_EXPERIMENT_LENGTH = 128
_LAST_USER = 2**31 - 1
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOLDER = re.compile(r"(?:/[A-Za-z0-9._-]+)+")
_ROOT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._-]+)*|(?:/[A-Za-z0-9._-]+)+")


@dataclasses.dataclass(frozen=True)
class Toleration:
    """A taint of nodes that a pod may be put on in spite of; without a value, whatever the taint's value is."""

    key: str
    value: str | None = None
    effect: Effect | None = None

    def __post_init__(self) -> None:
        if problems := [*_labels("tolerations", {self.key: self.value or ""})]:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class NodePool:
    """Nodes that some pods are put on.

    Attributes:
      node_selector: labels that the nodes have.
      tolerations: taints that the nodes have.
    """

    node_selector: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()

    def __post_init__(self) -> None:
        if problems := [*_labels("node_selector", self.node_selector)]:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class AcceleratorPool(NodePool):
    """Nodes with an accelerator; `resource` is what a pod asks for to get one."""

    resource: str = "nvidia.com/gpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _RESOURCE.fullmatch(self.resource):
            raise ValueError(f"resource is {self.resource!r}, expected one such as nvidia.com/gpu.")


@dataclasses.dataclass(frozen=True)
class Secret:
    """A Kubernetes secret that every pod gets.

    Attributes:
      environment: variable → the secret's key.
      path: folder with a file for each key; None = no files.
    """

    name: str
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    path: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if not _SUBDOMAIN.fullmatch(self.name):
            problems.append(f"name is {self.name!r}, which no Kubernetes secret can have.")
        if not self.environment and self.path is None:
            problems.append(f"secret '{self.name}': say where pods see it, with environment or path.")
        if self.path is not None and not _FOLDER.fullmatch(self.path):
            problems.append(f"path is {self.path!r}, expected an absolute folder such as /etc/penstock.")
        problems += [*_variables(self.environment)]
        for key in self.environment.values():
            if not _SECRET_KEY.fullmatch(key):
                problems.append(f"secret '{self.name}': {key!r} is a key that no Kubernetes secret can have.")
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class Volume:
    """A persistent volume claim that every pod mounts: EFS, FSx for Lustre, Filestore, anything with many writers."""

    claim: str
    path: str

    def __post_init__(self) -> None:
        problems = []
        if not _SUBDOMAIN.fullmatch(self.claim):
            problems.append(f"claim is {self.claim!r}, which no volume claim can be called.")
        if not _FOLDER.fullmatch(self.path):
            problems.append(f"path is {self.path!r}, expected an absolute folder such as /mnt/penstock.")
        if problems:
            raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class KubeflowSettings:
    """Where the pipeline lives on Kubernetes, and what its pods may use.

    Attributes:
      root: what holds everything of the pipeline: `s3://BUCKET/PREFIX`, or a folder on one of `volumes`.
      image: the pods' container image, by digest, so that a document always means the same code.
      metadata: the lineage store: `mysql://USER@HOST:PORT/DATABASE`, its password from a secret as
        `PENSTOCK_METADATA_PASSWORD`; or `secretsmanager:` with a secret's name or ARN.
      endpoint: URL of the Kubeflow Pipelines API; needed to submit.
      namespace: the profile that runs belong to; None where Kubeflow Pipelines serves one team only.
      experiment: groups runs; None = the pipeline's name.
      service_account: that pods run as; None = Kubeflow Pipelines' own choice.
      image_pull_policy: when nodes fetch the image.
      image_pull_secrets: names of secrets that the registry is asked with.
      environment: variables of every pod; visible to whoever may read pods, so no secrets.
      secrets: what every pod gets of Kubernetes secrets.
      volumes: what every pod mounts.
      labels: on every pod, for cost and policies.
      accelerators: kind of GPU → the nodes that have it; `default` for nodes whose line names no kind.
      spot: the nodes that may be taken away; None = there are none.
      scratch_class: storage class of a volume that each pod gets for `disk_gb`, whose root the pod's user may write;
        None = a folder on its machine's own disk, of which it may use so much.
      run_as_user: number of the user in the container; None = the image's.
      report_url: where reports of runs are to be read, with `{run_id}` in it; tasks link to it. None = on no server.
      notify_variable: the variable (from a secret) with the URL that is told how a run ended; None = nobody is told.
    """

    root: str
    image: str
    metadata: str
    endpoint: str | None = None
    namespace: str | None = None
    experiment: str | None = None
    service_account: str | None = None
    image_pull_policy: PullPolicy = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    accelerators: Mapping[GpuKind | Literal["default"], AcceleratorPool] = dataclasses.field(default_factory=dict)
    spot: NodePool | None = None
    scratch_class: str | None = None
    run_as_user: int | None = None
    report_url: str | None = None
    notify_variable: str | None = None

    def __post_init__(self) -> None:
        problems = [*self._shapes(), *self._store(), *self._variables(), *self._places(), *self._volume_names()]
        problems += _labels("labels", self.labels)
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def on_volume(self) -> bool:
        """True if the root is a folder on a volume."""
        return self.root.startswith("/")

    def volume_of(self, place: str) -> Volume | None:
        """The volume that a path is on, the innermost of several; None if it is on none."""
        found = [volume for volume in self.volumes if is_below(place, volume.path)]
        return max(found, key=lambda volume: len(volume.path), default=None)

    @property
    def pods_namespace(self) -> str:
        """Where the pods of runs are; of a Kubeflow Pipelines for one team, where its own manifests put everything."""
        return self.namespace or "kubeflow"

    def _shapes(self) -> Iterator[str]:
        yield from shape_problems(self, _SHAPES)
        for name in self.image_pull_secrets:
            if not _SUBDOMAIN.fullmatch(name):
                yield f"image_pull_secrets: {name!r} is a name that no Kubernetes secret can have."
        if self.run_as_user is not None and not 1 <= self.run_as_user <= _LAST_USER:
            yield f"run_as_user is {self.run_as_user}, expected 1 to {_LAST_USER}: pods do not run as root."
        called = self.experiment
        if called is not None and not (called.strip() and called.isprintable() and len(called) <= _EXPERIMENT_LENGTH):
            yield f"experiment is {called!r}, expected 1 to {_EXPERIMENT_LENGTH} letters that can be seen."

    def _store(self) -> Iterator[str]:
        if problem := metadata_address_problem(self.metadata):
            yield problem
        if self.metadata.startswith("mysql://") and PASSWORD_VARIABLE not in self._from_secrets:
            yield (
                f"metadata is {self.metadata!r}, and no secret gives pods its password: add to secrets one with "
                f"environment: {{{PASSWORD_VARIABLE}: KEY}}."
            )

    @property
    def _from_secrets(self) -> tuple[str, ...]:
        return tuple(name for secret in self.secrets for name in secret.environment)

    def _variables(self) -> Iterator[str]:
        yield from _variables(self.environment)
        for name, value in self.environment.items():
            if "{{" in value:
                yield f"environment: {name} has {{{{ in it, which Argo would fill in. Write it in another way."
            if name == PASSWORD_VARIABLE or name in self._from_secrets:
                yield f"environment: {name} is a secret, and would be visible here: leave it to secrets."
        for name in sorted({name for name in self._from_secrets if self._from_secrets.count(name) > 1}):
            yield f"secrets: two of them give {name}: leave one out."
        if self.notify_variable is not None and self.notify_variable not in self._from_secrets:
            yield f"notify_variable is {self.notify_variable!r}, which no secret gives: add it to one's environment."

    def _volume_names(self) -> Iterator[str]:
        """What a pod would be refused for: Kubeflow Pipelines calls a volume as its claim or secret is called."""
        names = [volume.claim for volume in self.volumes]
        names += [secret.name for secret in self.secrets if secret.path is not None]
        for name in sorted(set(names)):
            if not _LABEL.fullmatch(name):
                yield f"{name!r} is mounted and would be a volume's name, which has no dots and at most 63 characters."
            if name in (SCRATCH_VOLUME, SHM_VOLUME):
                yield f"{name!r} is mounted, and every pod has a volume of that name already: give it another name."
            if names.count(name) > 1:
                yield f"{name!r} is mounted twice, which no pod can have: make one mount of them."

    def _places(self) -> Iterator[str]:
        paths = [volume.path for volume in self.volumes]
        paths += [secret.path for secret in self.secrets if secret.path is not None]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            yield f"two volumes or secrets have the path {path}: give each its own."
        if self.on_volume and self.volume_of(self.root) is None:
            known = ", ".join(volume.path for volume in self.volumes) or "none"
            yield f"root is the folder {self.root}, which is on no volume (paths of volumes: {known}). Add its volume."


_SHAPES = (
    ("root", _ROOT, "s3://BUCKET/PREFIX, or an absolute folder on a volume, with no slash at its end"),
    IMAGE_SHAPE,
    ("endpoint", _ENDPOINT, "the URL of the Kubeflow Pipelines API, such as https://kubeflow.example.com/pipeline"),
    ("report_url", _REPORT_URL, "a URL with {run_id} in it, such as https://reports.example.com/{run_id}/index.html"),
    ("namespace", _LABEL, "a namespace: 1 to 63 small letters, digits and dashes"),
    ("service_account", _SUBDOMAIN, "a service account's name"),
    ("scratch_class", _SUBDOMAIN, "a storage class's name"),
)


def is_below(place: str, path: str) -> bool:
    """True for a folder itself too.

    >>> is_below("/mnt/data/reviews", "/mnt/data"), is_below("/mnt/data2", "/mnt/data")
    (True, False)
    """
    return f"{place}/".startswith(f"{path}/")


def _labels(key: str, labels: Mapping[str, str]) -> Iterator[str]:
    for name, value in labels.items():
        if not _LABEL_KEY.fullmatch(name) or not _LABEL_VALUE.fullmatch(value):
            yield (
                f"{key}: {name!r}: {value!r} is no Kubernetes label: a name of at most 63 letters, digits, dots, "
                "dashes and underscores, a domain and a slash before it or not, and a value of the same."
            )


def _variables(names: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        if not _VARIABLE.fullmatch(name):
            yield f"environment: {name!r} is not the name of a variable (letters, digits and underscores)."
