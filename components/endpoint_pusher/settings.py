"""What an endpoint runs on and how traffic comes to a new model. Pure data, no TensorFlow, no AWS."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

Rollout = Literal["replace", "ab", "shadow"]
Traffic = Literal["all_at_once", "canary", "linear"]

_ENDPOINT = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9]){0,39}")
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_IMAGE = re.compile(r"[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}")
_ROLE = re.compile(r"arn:aws(?:-cn|-us-gov)?:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclasses.dataclass(frozen=True)
class DeploySettings:
    """How registered models are put on an endpoint.

    Attributes:
      enabled: runs on AWS end with an EndpointPusher; runs on this machine never have one.
      endpoint: its name; None = the pipeline's.
      image: the serving image (`penstock image build --variant serving`), by digest; needed to deploy.
      role: ARN of the role that the containers have; None = `aws.job_role`.
      instance_type: of every variant.
      instances: machines of every variant.
      rollout: `replace` = the new model gets all traffic; `ab` = `weight` of it, beside the model that is there;
        `shadow` = copies of the requests, its answers are kept and never given.
      weight: the new model's share of traffic with `ab`, or of copied requests with `shadow`.
      traffic: how traffic moves to new machines: `all_at_once`, `canary` (a part, then the rest) or `linear` (in equal
        steps).
      step_percent: the canary's, or each step's, share of the machines.
      wait_s: seconds between the steps, and at the end, in which an alarm takes everything back.
      termination_wait_s: seconds that the old machines are kept after that.
      alarms: names of CloudWatch alarms, any of which takes the update back.
      capture_percent: share of requests and answers that are kept in S3.
      max_instances: most machines that automatic scaling may start; None = there is no scaling.
      invocations_per_instance: requests a minute and machine that scaling aims at.
      environment: variables of the serving container; visible to whoever may describe the model, so no secrets.
      timeout_s: longest wait for the endpoint.
    """

    enabled: bool = False
    endpoint: str | None = None
    image: str | None = None
    role: str | None = None
    instance_type: str = "ml.m5.large"
    instances: int = 1
    rollout: Rollout = "replace"
    weight: float = 0.1
    traffic: Traffic = "all_at_once"
    step_percent: int = 10
    wait_s: int = 300
    termination_wait_s: int = 300
    alarms: tuple[str, ...] = ()
    capture_percent: int = 100
    max_instances: int | None = None
    invocations_per_instance: float = 1000.0
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    timeout_s: int = 3600

    def __post_init__(self) -> None:
        problems = [
            f"{key} is {value!r}, expected {expected}."
            for key, holds, expected in _EXPECTED
            if (value := getattr(self, key)) is not None and not holds(value)
        ]
        if not problems:
            problems += self._together()
        if problems:
            raise ValueError("\n".join(problems))

    def _together(self) -> list[str]:
        problems = []
        if self.traffic != "all_at_once" and self.instances < 2:
            problems.append(
                f"traffic is {self.traffic}, which moves at most half of the machines at a time: set instances to 2 or "
                "more, or traffic to all_at_once."
            )
        if self.max_instances is not None and self.max_instances < self.instances:
            problems.append(f"max_instances is {self.max_instances}, less than instances, {self.instances}.")
        steps = {"all_at_once": 1, "canary": 2, "linear": -(-100 // self.step_percent)}[self.traffic]
        least = steps * self.wait_s + self.termination_wait_s
        if self.timeout_s <= least:
            problems.append(
                f"timeout_s is {self.timeout_s}, but the waits of traffic, wait_s and termination_wait_s alone take "
                f"{least} s."
            )
        return problems

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {**dataclasses.asdict(self), "alarms": list(self.alarms), "environment": dict(self.environment)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DeploySettings":
        """The inverse of `to_json`."""
        return cls(**{**data, "alarms": tuple(data["alarms"])})


def _between(least: float, most: float) -> Callable[[float], bool]:
    return lambda value: least <= value <= most


_EXPECTED: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("endpoint", lambda name: bool(_ENDPOINT.fullmatch(name)), "1 to 40 letters, digits and dashes"),
    ("image", lambda image: bool(_IMAGE.fullmatch(image)), "REGISTRY/NAME@sha256: and 64 hexadecimal digits"),
    ("role", lambda role: bool(_ROLE.fullmatch(role)), "a role's ARN"),
    ("instance_type", lambda name: bool(_INSTANCE_TYPE.fullmatch(name)), "one such as ml.m5.large"),
    ("instances", _between(1, 1000), "1 to 1000"),
    ("weight", lambda share: 0 < share < 1, "more than 0 and less than 1"),
    ("step_percent", _between(1, 50), "1 to 50"),
    ("wait_s", _between(0, 3600), "0 to 3600"),
    ("termination_wait_s", _between(0, 3600), "0 to 3600"),
    ("alarms", lambda names: len(names) <= 10 and all(0 < len(name.strip()) <= 255 for name in names), "at most 10"),
    ("capture_percent", _between(1, 100), "1 to 100"),
    ("max_instances", _between(1, 1000), "1 to 1000"),
    ("invocations_per_instance", lambda rate: 0 < rate < float("inf"), "more than 0"),
    ("environment", lambda names: all(map(_VARIABLE.fullmatch, names)), "names of letters, digits and underscores"),
    ("timeout_s", _between(600, 28_800), "600 to 28800"),
)


@dataclasses.dataclass(frozen=True)
class Target:
    """Where an endpoint is, and what it may use: everything about AWS that `DeploySettings` leaves open.

    Attributes:
      region: of the endpoint.
      endpoint: its name.
      root: `s3://…` below which archives, captured requests and the record of deployments are.
      image: the serving image.
      role: the containers' role.
      kms_key: for volumes, archives and captured requests; None = AWS's own keys.
      subnets: the containers'; none = the platform's own network.
      security_groups: theirs.
      tags: on everything that is created.
    """

    region: str
    endpoint: str
    root: str
    image: str
    role: str
    kms_key: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def record(self) -> str:
        """The record of deployments (components/ledger)."""
        return f"{self.root}/deployments/{self.endpoint}.jsonl"

    @property
    def captured(self) -> str:
        """Where requests and answers are kept."""
        return f"{self.root}/captured/{self.endpoint}"

    def archive(self, model_digest: str, sha256: str) -> str:
        """Where a packed model goes: named by the model and by its own bytes, so that it is written once."""
        return f"{self.root}/deployments/models/{model_digest}/{sha256[:16]}/model.tar.gz"

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and strings."""
        lists = {key: list(getattr(self, key)) for key in ("subnets", "security_groups")}
        return {**dataclasses.asdict(self), **lists, "tags": dict(self.tags)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Target":
        """The inverse of `to_json`."""
        return cls(**{**data, **{key: tuple(data[key]) for key in ("subnets", "security_groups")}})
