"""A resource line as an instance type: the smallest that has all of it.

Sizes from AWS's pages of EC2 instance types (M5, C5, R5, G4dn, G5, G6, G6e, P3, P4, P5); which jobs take which type is
checked against the service's own model in tests/unit/pipeline/jobs. Prices are not needed: within a table each type has
more of everything and costs more than those before it that have less.
"""

import dataclasses
from collections.abc import Iterator, Mapping

from models.tabular_text.settings import TrainingSettings
from pipeline.aws_settings import MAX_PROCESSING_S, ResourceLine, resource_line
from pipeline.jobs.graph import Node
from pipeline.jobs.request import JobKind


@dataclasses.dataclass(frozen=True)
class InstanceType:
    """A machine that SageMaker rents.

    Attributes:
      gpu_kind: None without GPUs.
      local_disk_gb: its own disk, which takes the place of the job's volume, is encrypted by its hardware and takes no
        key of ours; None where the volume is a network disk of any size.
      kinds: jobs that can have it.
    """

    name: str
    cpus: int
    memory_gb: int
    gpus: int = 0
    gpu_kind: str | None = None
    local_disk_gb: int | None = None
    kinds: tuple[JobKind, ...] = ("processing", "training")

    def has(self, line: ResourceLine) -> bool:
        """True if it has all that a full line asks for, and no GPU that is not asked for."""
        return (
            self.cpus >= (line.cpus or 0)
            and self.memory_gb >= (line.memory_gb or 0)
            and self.gpus >= (line.gpus or 0)
            and bool(self.gpus) == bool(line.gpus)
            and line.gpu_kind in (None, self.gpu_kind)
            and self.has_disk(line)
        )

    def has_disk(self, line: ResourceLine) -> bool:
        """True if the job's files fit."""
        return self.local_disk_gb is None or self.local_disk_gb >= (line.disk_gb or 0)


def _family(name: str, sizes: tuple[str, ...], cpus_each: int, memory_per_cpu: int) -> Iterator[InstanceType]:
    factors = {"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8, "9xlarge": 18, "12xlarge": 24, "18xlarge": 36}
    for size in sizes:
        cpus = cpus_each * {**factors, "24xlarge": 48}[size]
        yield InstanceType(f"ml.{name}.{size}", cpus, memory_per_cpu * cpus)


_CPU = (
    *_family("m5", ("large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge"), 2, 4),
    *_family("c5", ("xlarge", "2xlarge", "4xlarge", "9xlarge", "18xlarge"), 2, 2),
    *_family("r5", ("large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge"), 2, 8),
)

_GPU = (
    InstanceType("ml.g4dn.xlarge", 4, 16, 1, "T4", 125),
    InstanceType("ml.g4dn.2xlarge", 8, 32, 1, "T4", 225),
    InstanceType("ml.g6.xlarge", 4, 16, 1, "L4", 250),
    InstanceType("ml.g6.2xlarge", 8, 32, 1, "L4", 450),
    InstanceType("ml.g5.xlarge", 4, 16, 1, "A10G", 250),
    InstanceType("ml.g4dn.4xlarge", 16, 64, 1, "T4", 225),
    InstanceType("ml.g5.2xlarge", 8, 32, 1, "A10G", 450),
    InstanceType("ml.g6.4xlarge", 16, 64, 1, "L4", 600),
    InstanceType("ml.g5.4xlarge", 16, 64, 1, "A10G", 600),
    InstanceType("ml.g6e.xlarge", 4, 32, 1, "L40S", 250),
    InstanceType("ml.g6.8xlarge", 32, 128, 1, "L4", 900),
    InstanceType("ml.g6e.2xlarge", 8, 64, 1, "L40S", 450),
    InstanceType("ml.g4dn.8xlarge", 32, 128, 1, "T4", 900),
    InstanceType("ml.g5.8xlarge", 32, 128, 1, "A10G", 900),
    InstanceType("ml.p3.2xlarge", 8, 61, 1, "V100"),
    InstanceType("ml.g6e.4xlarge", 16, 128, 1, "L40S", 600),
    InstanceType("ml.g6.16xlarge", 64, 256, 1, "L4", 1880),
    InstanceType("ml.g5.16xlarge", 64, 256, 1, "A10G", 1900),
    InstanceType("ml.g4dn.12xlarge", 48, 192, 4, "T4", 900),
    InstanceType("ml.g6.12xlarge", 48, 192, 4, "L4", 3760),
    InstanceType("ml.g5.12xlarge", 48, 192, 4, "A10G", 3800),
    InstanceType("ml.p5.4xlarge", 16, 256, 1, "H100", 3840),
    InstanceType("ml.g6e.12xlarge", 48, 384, 4, "L40S", 3800),
    InstanceType("ml.p3.8xlarge", 32, 244, 4, "V100"),
    InstanceType("ml.g6.48xlarge", 192, 768, 8, "L4", 7520),
    InstanceType("ml.g5.48xlarge", 192, 768, 8, "A10G", 7600),
    InstanceType("ml.p3.16xlarge", 64, 488, 8, "V100"),
    InstanceType("ml.g6e.48xlarge", 192, 1536, 8, "L40S", 7600),
    InstanceType("ml.p4d.24xlarge", 96, 1152, 8, "A100", 8000, ("training",)),
    InstanceType("ml.p5.48xlarge", 192, 2048, 8, "H100", 30400, ("training",)),
)

TYPES = (*sorted(_CPU, key=lambda made: made.cpus + made.memory_gb / 8), *_GPU)
"""The types that lines are met with, those that cost less first."""

_LOCAL_DISKS = ("g4dn", "g5", "g6", "g6e", "g7", "g7e", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "r5d", "trn1")


def instance_type(line: ResourceLine, kind: JobKind) -> InstanceType | None:
    """The first type that has all of a full line; the one that it names, if it names one; None if none has it all."""
    if line.instance_type is not None:
        known = next((made for made in TYPES if made.name == line.instance_type), None)
        return known or InstanceType(line.instance_type, 0, 0, local_disk_gb=_disk_of_unknown(line))
    return next((made for made in TYPES if kind in made.kinds and made.has(line)), None)


def _disk_of_unknown(line: ResourceLine) -> int | None:
    """For a type that is not in our table: whether it has a disk of its own goes by its family."""
    family = (line.instance_type or "").split(".")[1]
    return line.disk_gb if family in _LOCAL_DISKS else None


def line_of(node: Node, lines: Mapping[str, ResourceLine]) -> ResourceLine:
    """What a node's job runs on, complete; one that several machines cannot share is on one of them."""
    line = resource_line(lines, node.node_id)
    return line if node.can_be_shared else dataclasses.replace(line, instances=1)


def line_problems(line: ResourceLine, own: ResourceLine, kind: JobKind) -> Iterator[str]:
    """What a node's job cannot have; `line` is complete, `own` is what its own line says."""
    found = instance_type(line, kind)
    if found is None:
        kinds = f"{line.gpus} GPUs" + (f" of kind {line.gpu_kind}" if line.gpu_kind else "") if line.gpus else "no GPU"
        yield (
            f"no {kind} instance has {line.cpus} cpus, {line.memory_gb} GiB of memory, {line.disk_gb} GB of disk and "
            f"{kinds} at once. Ask for less, or name an instance_type."
        )
    elif not found.has_disk(line):
        yield (
            f"{found.name} has {found.local_disk_gb} GB of disk, disk_gb asks for {line.disk_gb}. Ask for less, or "
            "name a larger type."
        )
    if line.gpu_kind is not None and not line.gpus and line.instance_type is None:
        yield f"gpu_kind is {line.gpu_kind} and gpus is 0: say how many."
    if line.max_wait_s is not None and line.max_wait_s < (line.timeout_s or 0):
        yield (
            f"max_wait_s is {line.max_wait_s}, less than timeout_s ({line.timeout_s}): it is for waiting and running "
            "together."
        )
    if kind == "processing":
        yield from _processing_problems(line, own)


def _processing_problems(line: ResourceLine, own: ResourceLine) -> Iterator[str]:
    if own.spot:
        yield "spot is for Trainer and Tuner only: the platform has no spare capacity for processing jobs."
    if (line.timeout_s or 0) > MAX_PROCESSING_S:
        yield f"timeout_s is {line.timeout_s}; a processing job ends after {MAX_PROCESSING_S} at the latest."


def sharing_problems(line: ResourceLine, own: ResourceLine, node: Node, training: TrainingSettings) -> Iterator[str]:
    """What keeps the machines of a node's job from sharing its work; `line` is complete, `own` is the node's."""
    if not node.can_be_shared:
        if (own.instances or 1) > 1:
            yield (
                f"instances is {own.instances}, and only a Trainer's work can be shared by several machines: the "
                "others would cost their price and do nothing. Ask for a larger machine."
            )
        return
    machines = line.instances or 1
    if machines > 1 and training.strategy != "auto":
        yield (
            f"instances is {machines} and training.strategy is {training.strategy}: each machine would train a model "
            "of its own. Set training.strategy to auto."
        )
    devices = machines * max(1, line.gpus or 0)
    if machines > 1 and training.batch_size < devices:
        yield (
            f"instances is {machines}, which makes {devices} devices, and training.batch_size is "
            f"{training.batch_size}: a step has not a row for each. Set training.batch_size to {devices} or more."
        )
