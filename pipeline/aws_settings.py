"""Where the pipeline lives on AWS and what its jobs run on: the configuration's sections `aws` and `resources`.

Pure data, no secret in it. Every name here ends up in compiled documents, so what AWS would refuse is refused while
the configuration is read, all problems of a section together.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

LogLevel = Literal["ALL", "ERROR", "FATAL"]

GpuKind = Literal["T4", "L4", "V100", "A10G", "L40S", "A100", "H100"]

MAX_PROCESSING_S = 777_600
"""Longest processing job, nine days (CreateProcessingJob: StoppingCondition.MaxRuntimeInSeconds)."""

MAX_TRAINING_S = 2_419_200
"""Longest training job, 28 days (CreateTrainingJob: StoppingCondition.MaxRuntimeInSeconds)."""

MAX_DISK_GB = 16_384
"""Largest volume of a job (VolumeSizeInGB)."""

MAX_VALUE = 256
"""Characters of an environment variable's value (CreateProcessingJob: ProcessingEnvironmentValue)."""

METADATA_CA = "PENSTOCK_METADATA_CA"
"""The variable that jobs read `metadata_ca` from (pipeline/metadata/server.py)."""

PINNED_OBJECT = re.compile(
    r"(?P<uri>s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]+)#sha256=(?P<sha256>[0-9a-f]{64})"
)
"""An object that is used only if its bytes have this digest."""

PINNED_EXPECTED = "s3://BUCKET/KEY#sha256= and the 64 hexadecimal digits that sha256sum prints"

_PARTITION = r"aws(?:-cn|-us-gov)?"
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_S3_ROOT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._-]+)*")
_IMAGE_BY_DIGEST = re.compile(r"[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}")
_BY_DIGEST = "REGISTRY/NAME@sha256: and 64 hexadecimal digits; a tag may mean another image tomorrow"
IMAGE_SHAPE = ("image", _IMAGE_BY_DIGEST, _BY_DIGEST)
_ROLE = re.compile(rf"arn:{_PARTITION}:iam::\d{{12}}:role/[A-Za-z0-9+=,.@_/-]+")
_KMS_KEY = re.compile(rf"arn:{_PARTITION}:kms:(?P<region>[a-z0-9-]+):\d{{12}}:(?:key|alias)/[A-Za-z0-9/_-]+")
_TOPIC = re.compile(rf"arn:{_PARTITION}:sns:(?P<region>[a-z0-9-]+):\d{{12}}:[A-Za-z0-9_.-]{{1,256}}")
_LOG_GROUP = re.compile(
    rf"arn:{_PARTITION}:logs:(?P<region>[a-z0-9-]+):\d{{12}}:log-group:[A-Za-z0-9_/.#-]{{1,512}}(?::\*)?"
)
_QUEUE = re.compile(r"https?://[A-Za-z0-9.:-]+(?:/queue)?/\d{12}/[A-Za-z0-9_.-]{1,80}")
_SECRET = re.compile(
    rf"secretsmanager:(?:arn:{_PARTITION}:secretsmanager:(?P<region>[a-z0-9-]+):\d{{12}}:secret:)?"
    r"[A-Za-z0-9/_+=.@!-]{1,512}"
)
_MYSQL = re.compile(r"mysql://[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+(?::\d{1,5})?/[A-Za-z0-9_$-]+")
_SQLITE = re.compile(r"sqlite:////[A-Za-z0-9._/+-]+")
_ARN = re.compile(rf"arn:(?P<partition>{_PARTITION}):[a-z0-9-]+:[a-z0-9-]*:(?P<account>\d{{12}}):")
_ECR_IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_SQS_QUEUE = re.compile(r"https://sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_IN_A_REGION = (
    ("image", _ECR_IMAGE),
    ("kms_key", _KMS_KEY),
    ("notify_topic", _TOPIC),
    ("approval_queue", _SQS_QUEUE),
    ("metadata", _SECRET),
    ("state_machine_log_group", _LOG_GROUP),
)
_ARNS = (
    "job_role",
    "pipeline_role",
    "state_machine_role",
    "kms_key",
    "notify_topic",
    "metadata",
    "state_machine_log_group",
)
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}

_SUBNET = re.compile(r"subnet-[0-9a-f]{1,32}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{1,32}")
_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,18}[A-Za-z0-9])?")
_GROUP = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9]){0,62}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG_KEY = re.compile(r"(?!aws:)[\w\s.:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"[\w\s.:/=+@-]{0,256}")
_OWN_VARIABLES = ("PENSTOCK_METADATA_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


@dataclasses.dataclass(frozen=True)
class AwsSettings:
    """Where the pipeline lives on AWS, and what its jobs may use.

    Attributes:
      region: of every resource named here.
      root: place in S3 that holds everything of the pipeline: artifacts, ir/, decisions/, checkpoints/, approvals/.
      image: the jobs' container image, by digest, so that a document always means the same code.
      metadata: the lineage store: `secretsmanager:` with a secret's name or ARN, or a URI without a password.
      metadata_ca: the authorities that sign the lineage store's certificate, `s3://…/bundle.pem#sha256=…`; with it jobs
        speak to the store over TLS only, and only with a server that these vouch for.
      job_role: ARN of the role that jobs have.
      pipeline_role: ARN of the role that SageMaker Pipelines starts jobs with; needed to submit there.
      state_machine_role: ARN of the role that Step Functions starts jobs with; needed to submit there.
      state_machine_log_group: ARN of the log group that state machines write their history to; None = nowhere.
      state_machine_log_level: which events: `ALL`, `ERROR` or `FATAL`.
      state_machine_log_data: log inputs and outputs of states too, with the parameters of runs.
      subnets: private subnets that jobs run in; none = the platform's own network.
      security_groups: of the jobs in those subnets.
      kms_key: ARN of the key that volumes, outputs and documents are encrypted with; None = AWS's own keys. Artifacts
        have the bucket's own encryption.
      tags: on every job, and on what is created for the pipeline.
      environment: variables of every job; visible to whoever may describe a job, so no secrets.
      job_prefix: how names of jobs begin.
      notify_topic: ARN of the SNS topic that is told of failures.
      approval_queue: URL of the SQS queue that gets requests for approval; needed by Step Functions.
      model_package_group: group of the model registry that models wait for approval in; needed by SageMaker.
    """

    region: str
    root: str
    image: str
    metadata: str
    job_role: str
    metadata_ca: str | None = None
    pipeline_role: str | None = None
    state_machine_role: str | None = None
    state_machine_log_group: str | None = None
    state_machine_log_level: LogLevel = "ERROR"
    state_machine_log_data: bool = False
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kms_key: str | None = None
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    job_prefix: str = "penstock"
    notify_topic: str | None = None
    approval_queue: str | None = None
    model_package_group: str | None = None

    def __post_init__(self) -> None:
        problems = [
            *self._shapes(),
            *self._regions(),
            *self._partitions_and_accounts(),
            *self._network(),
            *self._names_and_values(),
        ]
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def bucket(self) -> str:
        """The bucket of `root`."""
        return self.root.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """How the keys of all that is the pipeline's begin: empty, or with a slash at its end."""
        prefix = self.root.removeprefix("s3://").partition("/")[2]
        return f"{prefix}/" if prefix else ""

    def _shapes(self) -> Iterator[str]:
        yield from shape_problems(self, _SHAPES)
        if problem := metadata_address_problem(self.metadata):
            yield problem

    def _regions(self) -> Iterator[str]:
        if not _REGION.fullmatch(self.region):
            return
        for key, pattern in _IN_A_REGION:
            found = pattern.match(getattr(self, key) or "")
            if found and found["region"] not in (None, self.region):
                yield f"{key} is in {found['region']}, the pipeline is in {self.region}: name one of {self.region}."

    def _partitions_and_accounts(self) -> Iterator[str]:
        expected = partition_of(self.region)
        accounts: dict[str, str] = {}
        for key in _ARNS:
            found = _ARN.match((getattr(self, key) or "").removeprefix("secretsmanager:"))
            if found is None:
                continue
            if found["partition"] != expected:
                yield f"{key} is of partition {found['partition']}, region {self.region} is of {expected}."
            if key.endswith("_role"):
                accounts[key] = found["account"]
        for key, account in accounts.items():
            if account != accounts.get("job_role", account):
                yield (
                    f"{key} is of account {account}, job_role of {accounts['job_role']}: a role can be handed on "
                    "inside its own account only."
                )

    def _network(self) -> Iterator[str]:
        yield from _odd("subnets", self.subnets, _SUBNET, "subnet-0123456789abcdef0", 16)
        yield from _odd("security_groups", self.security_groups, _SECURITY_GROUP, "sg-0123456789abcdef0", 5)
        if bool(self.subnets) != bool(self.security_groups):
            given, lacking = ("subnets", "security_groups") if self.subnets else ("security_groups", "subnets")
            yield f"{given} needs {lacking} too: a job in a VPC has both."

    def _names_and_values(self) -> Iterator[str]:
        for key, value in self.tags.items():
            if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
                yield (
                    f"tags: {key!r}: {value!r} is no tag: a key of 1 to 128 letters, digits, spaces and _.:/=+@-, not "
                    "beginning with aws:, and a value of at most 256 of them."
                )
        if len(self.tags) > 40:
            yield f"tags has {len(self.tags)}, at most 40 fit beside ours."
        if self.metadata_ca is not None and len(self.metadata_ca) > MAX_VALUE:
            yield f"metadata_ca has {len(self.metadata_ca)} characters, at most {MAX_VALUE} fit. Give it a shorter key."
        if self.metadata_ca is not None and METADATA_CA in self.environment:
            yield f"environment: {METADATA_CA} is what metadata_ca says: name the authorities once."
        for name, value in self.environment.items():
            if not _ENVIRONMENT_NAME.fullmatch(name):
                yield f"environment: {name!r} is not the name of a variable (letters, digits and underscores)."
            elif name in _OWN_VARIABLES:
                yield f"environment: {name} is a secret; jobs get theirs by job_role and from Secrets Manager."
            if len(value) > MAX_VALUE:
                yield f"environment: {name} has {len(value)} characters, at most {MAX_VALUE} fit."


Shape = tuple[str, re.Pattern[str], str]
"""A key of a section, what its value looks like, and that in words."""


def shape_problems(settings: Any, shapes: Iterable[Shape]) -> Iterator[str]:
    """Each value of a section that does not look as it should; what is None is let alone."""
    for key, pattern, expected in shapes:
        value = getattr(settings, key)
        if value is not None and not pattern.fullmatch(value):
            yield f"{key} is {value!r}, expected {expected}."


def metadata_address_problem(address: str) -> str | None:
    """What is wrong with the address of a lineage store that jobs use; None if nothing is."""
    if any(pattern.fullmatch(address) for pattern in (_SECRET, _MYSQL, _SQLITE)):
        return None
    return (
        "metadata is not the address of a lineage store: expected secretsmanager:NAME (or the secret's ARN), "
        "or mysql://USER@HOST:PORT/DATABASE; a password is never written here."
    )


_SHAPES = (
    ("region", _REGION, "a region such as eu-central-1"),
    ("root", _S3_ROOT, "s3://BUCKET/PREFIX of letters, digits, dots, dashes and underscores, with no slash at its end"),
    IMAGE_SHAPE,
    ("job_role", _ROLE, "a role's ARN such as arn:aws:iam::123456789012:role/penstock-jobs"),
    ("metadata_ca", PINNED_OBJECT, PINNED_EXPECTED),
    ("pipeline_role", _ROLE, "a role's ARN such as arn:aws:iam::123456789012:role/penstock-pipeline"),
    ("state_machine_role", _ROLE, "a role's ARN such as arn:aws:iam::123456789012:role/penstock-state-machine"),
    (
        "state_machine_log_group",
        _LOG_GROUP,
        "a log group's ARN such as arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/states/penstock",
    ),
    ("kms_key", _KMS_KEY, "a key's ARN such as arn:aws:kms:eu-central-1:123456789012:key/…"),
    ("job_prefix", _PREFIX, "1 to 20 letters, digits and dashes, no dash at an end"),
    ("notify_topic", _TOPIC, "a topic's ARN such as arn:aws:sns:eu-central-1:123456789012:penstock-failures"),
    ("approval_queue", _QUEUE, "a queue's URL such as https://sqs.eu-central-1.amazonaws.com/123456789012/approvals"),
    ("model_package_group", _GROUP, "1 to 63 letters, digits and dashes"),
)


def partition_of(region: str) -> str:
    """What ARNs of a region begin with, after `arn:`.

    >>> partition_of("us-gov-west-1"), partition_of("eu-central-1")
    ('aws-us-gov', 'aws')
    """
    return next((name for begin, name in _PARTITIONS.items() if region.startswith(begin)), "aws")


def _odd(key: str, values: tuple[str, ...], pattern: re.Pattern[str], example: str, at_most: int) -> Iterator[str]:
    for value in values:
        if not pattern.fullmatch(value):
            yield f"{key}: {value!r} is not an id such as {example}."
    if len(values) > at_most:
        yield f"{key} has {len(values)}, at most {at_most} are allowed."


@dataclasses.dataclass(frozen=True)
class ResourceLine:
    """What one node's job runs on; what is None comes from the line `default`, and from `FALLBACK` after that.

    Attributes:
      cpus: processors, at least.
      memory_gb: main memory in GiB, at least.
      gpus: GPUs, at least; 0 = none.
      gpu_kind: only instance types with this GPU.
      disk_gb: the volume's size.
      instance_type: this one, whatever the other keys ask for.
      instances: machines of the job, which share its work. Trainer only; in the line `default` it means that one.
      spot: managed spot with checkpoints: cheaper, may be interrupted. Training jobs (Trainer, Tuner) only.
      timeout_s: seconds after which the job is stopped.
      max_wait_s: with `spot`: seconds for waiting and running together; None = twice `timeout_s`.
      retries: times the job is started anew after a failure of the service (on Kubeflow after any failure, because
        it cannot tell them apart).
      shm_gb: size of /dev/shm in GiB, which counts as memory; Kubernetes only, elsewhere the platform decides.
    """

    cpus: int | None = None
    memory_gb: int | None = None
    gpus: int | None = None
    gpu_kind: GpuKind | None = None
    disk_gb: int | None = None
    instance_type: str | None = None
    instances: int | None = None
    spot: bool | None = None
    timeout_s: int | None = None
    max_wait_s: int | None = None
    retries: int | None = None
    shm_gb: int | None = None

    def __post_init__(self) -> None:
        problems = [
            f"{key} is {value}, expected {bounds}."
            for key, holds, bounds in _BOUNDS
            if (value := getattr(self, key)) is not None and not holds(value)
        ]
        if self.instance_type is not None and not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", self.instance_type):
            problems.append(f"instance_type is {self.instance_type!r}, expected one such as ml.m5.xlarge.")
        if problems:
            raise ValueError("\n".join(problems))

    def over(self, other: "ResourceLine") -> "ResourceLine":
        """This line, with what it leaves open taken from `other`."""
        own = {key: value for key, value in dataclasses.asdict(self).items() if value is not None}
        return ResourceLine(**{**dataclasses.asdict(other), **own})


_BOUNDS: tuple[tuple[str, Callable[[int], bool], str], ...] = (
    ("cpus", lambda value: 1 <= value <= 192, "1 to 192"),
    ("memory_gb", lambda value: 1 <= value <= 2048, "1 to 2048"),
    ("gpus", lambda value: 0 <= value <= 8, "0 to 8"),
    ("disk_gb", lambda value: 1 <= value <= MAX_DISK_GB, f"1 to {MAX_DISK_GB}"),
    ("instances", lambda value: 1 <= value <= 100, "1 to 100"),
    ("timeout_s", lambda value: 60 <= value <= MAX_TRAINING_S, f"60 to {MAX_TRAINING_S}"),
    ("max_wait_s", lambda value: 60 <= value <= MAX_TRAINING_S, f"60 to {MAX_TRAINING_S}"),
    ("retries", lambda value: 0 <= value <= 20, "0 to 20"),
    ("shm_gb", lambda value: 1 <= value <= 512, "1 to 512"),
)

FALLBACK = ResourceLine(cpus=2, memory_gb=8, gpus=0, disk_gb=30, instances=1, spot=False, timeout_s=3600, retries=2)
"""What holds where no line says otherwise: two processors and 8 GiB carry each node of the sample (its largest, the
Trainer, keeps below 2 GiB), 30 GB of disk its artifacts many times over, and an hour is ten times its slowest node."""

DEFAULT_LINE = "default"
"""The name of the line that holds for nodes without one of their own."""


def resource_line(resources: Mapping[str, ResourceLine], node_id: str) -> ResourceLine:
    """What the node's job runs on, every key of it decided except `gpu_kind`, `instance_type` and `max_wait_s`."""
    default = resources.get(DEFAULT_LINE, ResourceLine()).over(FALLBACK)
    return resources.get(node_id, ResourceLine()).over(default)
