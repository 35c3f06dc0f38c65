"""The requests that put a model on an endpoint, from what is wanted and from what is there. Pure: no AWS, no clock.

    nothing there ──────────► CreateModel, CreateEndpointConfig, CreateEndpoint
    another configuration ──► CreateModel, CreateEndpointConfig, UpdateEndpoint (blue/green)
    the same configuration ─► nothing

Names come from the model's digest and from the rest of the request, so the same wish has the same name, and asking
twice does nothing twice. Source of limits: docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from components.endpoint_pusher.settings import DeploySettings, Target

LIVE, CHALLENGER, SHADOW = "live", "challenger", "shadow"

SCALING_NAMESPACE, SCALING_DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"

_HAS_LOCAL_DISK = re.compile(r"ml\.(?:[cmr]\d[a-z]*d[a-z]*|g4dn|g5|g6e?|gr6|p3dn|p4de?|p5[a-z]*|trn\d[a-z]*)\.")
"""Machines with disks of their own, which no key of ours can encrypt (they are encrypted by the hardware)."""

_CAPTURED_AS_TEXT = {
    "CsvContentTypes": ["text/csv"],
    "JsonContentTypes": ["application/json", "application/jsonlines"],
}
"""What the serving image takes and gives; others are captured in base64, which Model Monitor does not read."""

Request = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Candidate:
    """The model to deploy.

    Attributes:
      model_digest: of its bytes.
      version: its number in the registry.
      archive: `s3://…/model.tar.gz`.
      public_key: PEM of the key that signed it; empty = the container does not check the signature.
    """

    model_digest: str
    version: str
    archive: str
    public_key: str = ""


@dataclasses.dataclass(frozen=True)
class Current:
    """What is on the endpoint.

    Attributes:
      config_name: the endpoint's configuration.
      production: variant → model, in order.
      shadows: the same of those that get copies of requests.
    """

    config_name: str
    production: Mapping[str, str]
    shadows: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def live_model(self) -> str:
        """The model that most of the traffic is meant for."""
        return self.production.get(LIVE) or next(iter(self.production.values()))

    @property
    def variants(self) -> frozenset[str]:
        """The names of all variants."""
        return frozenset(self.production) | frozenset(self.shadows)


@dataclasses.dataclass(frozen=True)
class DeployPlan:
    """Everything to ask for, in order; what exists already is left as it is.

    Attributes:
      model: CreateModel.
      config: CreateEndpointConfig.
      create: CreateEndpoint, None if the endpoint exists.
      update: UpdateEndpoint, None if it does not exist, or is as it should be.
      scaling: RegisterScalableTarget and PutScalingPolicy, None without scaling.
      variant: what part of the traffic the model gets.
      notes: what the user should know, whole sentences.
    """

    model: Request
    config: Request
    create: Request | None
    update: Request | None
    scaling: tuple[Request, Request] | None
    variant: str
    notes: tuple[str, ...] = ()

    @property
    def model_name(self) -> str:
        """The model's name in SageMaker."""
        return str(self.model["ModelName"])

    @property
    def config_name(self) -> str:
        """The configuration's name in SageMaker."""
        return str(self.config["EndpointConfigName"])

    @property
    def variants(self) -> dict[str, str]:
        """Variant → model, shadows included."""
        found = [*self.config["ProductionVariants"], *self.config.get("ShadowProductionVariants", ())]
        return {variant["VariantName"]: variant["ModelName"] for variant in found}


def plan_deployment(
    settings: DeploySettings, target: Target, candidate: Candidate, current: Current | None
) -> DeployPlan:
    """What has to be asked for.

    Args:
      settings: how.
      target: where.
      candidate: what.
      current: what is there; None = the endpoint does not exist.
    """
    model = model_request(settings, target, candidate)
    beside = _beside(settings, model["ModelName"], current)
    config = config_request(settings, target, candidate, model["ModelName"], beside)
    variant = {None: LIVE, "ab": CHALLENGER, "shadow": SHADOW}[settings.rollout if beside else None]
    notes = []
    if settings.rollout != "replace" and not beside:
        why = "there is no endpoint yet" if current is None else "this model has it already"
        notes.append(f"rollout is {settings.rollout}, but the model gets all traffic: {why}.")
    update = None
    if current is not None and current.config_name != config["EndpointConfigName"]:
        update = update_request(settings, target, current, config)
        if "DeploymentConfig" not in update:
            notes.append(
                "Variants are added or taken away, which SageMaker does all at once: traffic and alarms of the "
                "configuration hold for updates with the same variants only."
            )
    create = {"EndpointName": target.endpoint, "EndpointConfigName": config["EndpointConfigName"], **_tags(target)}
    return DeployPlan(
        model=model,
        config=config,
        create=create if current is None else None,
        update=update,
        scaling=None if settings.max_instances is None else scaling_requests(settings, target),
        variant=variant,
        notes=tuple(notes),
    )


def details_of(plan: DeployPlan) -> dict[str, Any]:
    """What is on the endpoint, in plain data: `variants`, `capture`, and `scaling` (empty without)."""
    kinds = (("ProductionVariants", False), ("ShadowProductionVariants", True))
    capture = plan.config["DataCaptureConfig"]
    scaling = {}
    if plan.scaling is not None:
        register, policy = plan.scaling
        aim = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        scaling = {"least": register["MinCapacity"], "most": register["MaxCapacity"], "invocations": aim}
    return {
        "variants": [
            {
                "name": variant["VariantName"],
                "model_name": variant["ModelName"],
                "instance_type": variant["InstanceType"],
                "instances": variant["InitialInstanceCount"],
                "weight": variant["InitialVariantWeight"],
                "is_shadow": is_shadow,
            }
            for key, is_shadow in kinds
            for variant in plan.config.get(key, ())
        ],
        "capture": {"percent": capture["InitialSamplingPercentage"], "to": capture["DestinationS3Uri"]},
        "scaling": scaling,
    }


def model_request(settings: DeploySettings, target: Target, candidate: Candidate) -> Request:
    """CreateModel: the serving image with this model, without a network of its own to reach out by."""
    request: Request = {
        "PrimaryContainer": {
            "Image": target.image,
            "ModelDataUrl": candidate.archive,
            "Environment": {
                **settings.environment,
                "PENSTOCK_MODEL_DIGEST": candidate.model_digest,
                "PENSTOCK_MODEL_VERSION": candidate.version,
                **({"PENSTOCK_PUBLIC_KEY": candidate.public_key} if candidate.public_key else {}),
            },
        },
        "ExecutionRoleArn": target.role,
        "EnableNetworkIsolation": True,
    }
    if target.subnets:
        network = {"SecurityGroupIds": list(target.security_groups), "Subnets": list(target.subnets)}
        request["VpcConfig"] = network
    name = _name(target.endpoint, candidate.model_digest, request)
    return {"ModelName": name, **request, **_tags(target)}


def config_request(
    settings: DeploySettings, target: Target, candidate: Candidate, model_name: str, beside: str | None
) -> Request:
    """CreateEndpointConfig.

    Args:
      settings: how.
      target: where.
      candidate: the new model.
      model_name: its name in SageMaker.
      beside: the model that stays live beside it, with `ab` or `shadow`; None = the new one gets everything.
    """
    request: Request = {"ProductionVariants": [_variant(settings, LIVE, beside or model_name, 1.0)]}
    if beside and settings.rollout == "ab":
        request["ProductionVariants"] = [
            _variant(settings, LIVE, beside, round(1 - settings.weight, 6)),
            _variant(settings, CHALLENGER, model_name, settings.weight),
        ]
    elif beside:
        request["ShadowProductionVariants"] = [_variant(settings, SHADOW, model_name, settings.weight)]
    request["DataCaptureConfig"] = {
        "EnableCapture": True,
        "InitialSamplingPercentage": settings.capture_percent,
        "DestinationS3Uri": target.captured,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": _CAPTURED_AS_TEXT,
        **({"KmsKeyId": target.kms_key} if target.kms_key else {}),
    }
    if target.kms_key and not _HAS_LOCAL_DISK.match(settings.instance_type):
        request["KmsKeyId"] = target.kms_key
    name = _name(target.endpoint, candidate.model_digest, request)
    return {"EndpointConfigName": name, **request, **_tags(target)}


def update_request(settings: DeploySettings, target: Target, current: Current, config: Request) -> Request:
    """UpdateEndpoint: new machines beside the old ones, traffic moved, the old ones ended.

    Steps and alarms need the same variants before and after (deployment-guardrails-exclusions.html). With scaling, the
    number of machines stays what scaling has made of it.
    """
    request: Request = {"EndpointName": target.endpoint, "EndpointConfigName": config["EndpointConfigName"]}
    shadows = config.get("ShadowProductionVariants", ())
    names = {variant["VariantName"] for variant in [*config["ProductionVariants"], *shadows]}
    if names != current.variants:
        return request
    request["DeploymentConfig"] = deployment_config(settings)
    if settings.max_instances is not None:
        request["RetainAllVariantProperties"] = True
        given_anew = ("DesiredWeight", "DataCaptureConfig")
        request["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": name} for name in given_anew]
    return request


def deployment_config(settings: DeploySettings) -> Request:
    """How traffic moves, and what takes it back."""
    size = {"Type": "CAPACITY_PERCENT", "Value": settings.step_percent}
    steps: dict[str, Request] = {"all_at_once": {}, "canary": {"CanarySize": size}, "linear": {"LinearStepSize": size}}
    routing = {
        "Type": settings.traffic.upper(),
        "WaitIntervalInSeconds": settings.wait_s,
        **steps[settings.traffic],
    }
    found: Request = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": settings.termination_wait_s,
            "MaximumExecutionTimeoutInSeconds": settings.timeout_s,
        }
    }
    if settings.alarms:
        found["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in settings.alarms]}
    return found


def scaling_requests(settings: DeploySettings, target: Target) -> tuple[Request, Request]:
    """RegisterScalableTarget and PutScalingPolicy of the live variant."""
    where = {
        "ServiceNamespace": SCALING_NAMESPACE,
        "ResourceId": f"endpoint/{target.endpoint}/variant/{LIVE}",
        "ScalableDimension": SCALING_DIMENSION,
    }
    register = {**where, "MinCapacity": settings.instances, "MaxCapacity": settings.max_instances}
    policy = {
        **where,
        "PolicyName": f"{target.endpoint}-{LIVE}-invocations",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": settings.invocations_per_instance,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
        },
    }
    return register, policy


def weights_request(endpoint: str, current: Sequence[str], weights: Mapping[str, float]) -> Request:
    """UpdateEndpointWeightsAndCapacities.

    Raises:
      ValueError: listing variants that are not there, and shares that are none.
    """
    problems = [
        f"{name} is no variant that answers; there are: {', '.join(current)}."
        for name in weights
        if name not in current
    ]
    problems += [f"{name}={share} is no share of traffic." for name, share in weights.items() if not 0 <= share < 1e6]
    if not problems and set(weights) == set(current) and not any(weights.values()):
        problems.append("Every weight is 0: nobody would answer.")
    if problems:
        raise ValueError("\n".join(problems))
    desired = [{"VariantName": name, "DesiredWeight": share} for name, share in weights.items()]
    return {"EndpointName": endpoint, "DesiredWeightsAndCapacities": desired}


def _beside(settings: DeploySettings, model_name: str, current: Current | None) -> str | None:
    """The model that stays live beside the new one."""
    if settings.rollout == "replace" or current is None or current.live_model == model_name:
        return None
    return current.live_model


def _variant(settings: DeploySettings, name: str, model_name: str, weight: float) -> Request:
    return {
        "VariantName": name,
        "ModelName": model_name,
        "InstanceType": settings.instance_type,
        "InitialInstanceCount": settings.instances,
        "InitialVariantWeight": weight,
    }


def _tags(target: Target) -> Request:
    pairs = {**target.tags, "penstock:endpoint": target.endpoint}
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(pairs.items())]}


def _name(endpoint: str, model_digest: str, request: Request) -> str:
    """At most 62 characters: the endpoint's (40), the model's digest (12) and the request's (8)."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return f"{endpoint}-{model_digest[:12]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
