"""Requests as written by hand from the API's reference, and held to botocore's own model of the service."""

import dataclasses
import json

import pytest

from components.endpoint_pusher.plan import (
    Candidate,
    Current,
    config_request,
    deployment_config,
    model_request,
    plan_deployment,
    scaling_requests,
    weights_request,
)
from components.endpoint_pusher.settings import DeploySettings, Target
from pipeline.runners.service_model import operation_problems

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/penstock-serving"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/penstock@sha256:{'0123456789abcdef' * 4}"
DIGEST = "ab12" * 16
TARGET = Target(
    region="eu-central-1",
    endpoint="reviews",
    root="s3://bucket/prefix",
    image=IMAGE,
    role=ROLE,
    kms_key=KEY,
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    tags={"team": "reviews"},
)
NEW = Candidate(DIGEST, "1795390213", f"s3://bucket/prefix/deployments/models/{DIGEST}/0123/model.tar.gz")
TAGS = [{"Key": "penstock:endpoint", "Value": "reviews"}, {"Key": "team", "Value": "reviews"}]
CANARY = DeploySettings(instances=2, traffic="canary", step_percent=25, wait_s=120, alarms=("errors", "latency"))
OTHER = Current("reviews-old", {"live": "reviews-old-model"})


def problems(operation, request, service="sagemaker"):
    return list(operation_problems(service, operation, request, lambda value: value))


def without(request, *names):
    return {key: value for key, value in request.items() if key not in names}


def test_container_gets_the_key_that_must_have_signed_the_model():
    candidate = dataclasses.replace(NEW, public_key="-----BEGIN PUBLIC KEY-----\n…")
    request = model_request(DeploySettings(), TARGET, candidate)
    assert request["PrimaryContainer"]["Environment"]["PENSTOCK_PUBLIC_KEY"] == candidate.public_key
    assert request["ModelName"] != model_request(DeploySettings(), TARGET, NEW)["ModelName"]


def test_the_model_is_the_image_the_archive_and_no_network():
    request = model_request(DeploySettings(environment={"WORKERS": "2"}), TARGET, NEW)
    assert without(request, "ModelName") == {
        "PrimaryContainer": {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://bucket/prefix/deployments/models/{DIGEST}/0123/model.tar.gz",
            "Environment": {
                "WORKERS": "2",
                "PENSTOCK_MODEL_DIGEST": DIGEST,
                "PENSTOCK_MODEL_VERSION": "1795390213",
            },
        },
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
        "Tags": TAGS,
    }
    assert request["ModelName"].startswith("reviews-ab12ab12ab12-")
    assert problems("CreateModel", request) == []


def test_everything_that_is_asked_and_answered_is_kept_encrypted():
    plan = plan_deployment(DeploySettings(capture_percent=30), TARGET, NEW, None)
    assert without(plan.config, "EndpointConfigName") == {
        "ProductionVariants": [
            {
                "VariantName": "live",
                "ModelName": plan.model_name,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
            }
        ],
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": 30,
            "DestinationS3Uri": "s3://bucket/prefix/captured/reviews",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json", "application/jsonlines"],
            },
            "KmsKeyId": KEY,
        },
        "KmsKeyId": KEY,
        "Tags": TAGS,
    }
    assert problems("CreateEndpointConfig", without(plan.config, "DataCaptureConfig")) == []
    # botocore's pattern of DestinationS3Uri allows buckets of one letter only; the service does not mean it.
    capture = {**plan.config["DataCaptureConfig"], "DestinationS3Uri": "s3://b/x"}
    assert problems("CreateEndpointConfig", {**plan.config, "DataCaptureConfig": capture}) == []


def test_a_new_endpoint_is_created_and_nothing_updated():
    plan = plan_deployment(CANARY, TARGET, NEW, None)
    assert plan.create == {"EndpointName": "reviews", "EndpointConfigName": plan.config_name, "Tags": TAGS}
    assert (plan.update, plan.scaling, plan.variant) == (None, None, "live")
    assert problems("CreateEndpoint", plan.create) == []


def test_an_endpoint_is_updated_by_a_canary_that_alarms_take_back():
    plan = plan_deployment(CANARY, TARGET, NEW, OTHER)
    assert plan.create is None
    assert plan.update == {
        "EndpointName": "reviews",
        "EndpointConfigName": plan.config_name,
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 120,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                },
                "TerminationWaitInSeconds": 300,
                "MaximumExecutionTimeoutInSeconds": 3600,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
        },
    }
    assert problems("UpdateEndpoint", plan.update) == []


@pytest.mark.parametrize(
    ("traffic", "routing"),
    [
        ("all_at_once", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}),
        (
            "linear",
            {
                "Type": "LINEAR",
                "WaitIntervalInSeconds": 60,
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 20},
            },
        ),
    ],
)
def test_traffic_moves_as_it_was_asked(traffic, routing):
    settings = DeploySettings(traffic=traffic, instances=2, wait_s=60, step_percent=20)
    found = deployment_config(settings)
    assert found["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] == routing
    assert "AutoRollbackConfiguration" not in found
    request = {"EndpointName": "reviews", "EndpointConfigName": "x", "DeploymentConfig": found}
    assert problems("UpdateEndpoint", request) == []


def test_with_scaling_an_update_keeps_the_machines_that_scaling_started():
    plan = plan_deployment(DeploySettings(max_instances=4), TARGET, NEW, OTHER)
    assert plan.update["RetainAllVariantProperties"] is True
    assert plan.update["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DesiredWeight"},
        {"VariantPropertyType": "DataCaptureConfig"},
    ]
    assert problems("UpdateEndpoint", plan.update) == []


def test_scaling_aims_at_requests_a_minute_and_machine():
    settings = DeploySettings(instances=2, max_instances=6, invocations_per_instance=750)
    register, policy = scaling_requests(settings, TARGET)
    where = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/reviews/variant/live",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    assert register == {**where, "MinCapacity": 2, "MaxCapacity": 6}
    assert without(policy, *where) == {
        "PolicyName": "reviews-live-invocations",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 750,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
        },
    }
    service = "application-autoscaling"
    assert problems("RegisterScalableTarget", register, service) == []
    assert problems("PutScalingPolicy", policy, service) == []


def test_ab_gives_the_new_model_its_share_beside_the_old_one():
    plan = plan_deployment(DeploySettings(rollout="ab", weight=0.2), TARGET, NEW, OTHER)
    shares = [
        (item["VariantName"], item["ModelName"], item["InitialVariantWeight"])
        for item in plan.config["ProductionVariants"]
    ]
    assert shares == [("live", "reviews-old-model", 0.8), ("challenger", plan.model_name, 0.2)]
    assert plan.variant == "challenger"
    assert "ShadowProductionVariants" not in plan.config


def test_a_shadow_answers_nobody():
    plan = plan_deployment(DeploySettings(rollout="shadow", weight=0.5), TARGET, NEW, OTHER)
    [live], [shadow] = plan.config["ProductionVariants"], plan.config["ShadowProductionVariants"]
    assert (live["ModelName"], live["InitialVariantWeight"]) == ("reviews-old-model", 1.0)
    assert (shadow["ModelName"], shadow["InitialVariantWeight"]) == (plan.model_name, 0.5)
    assert plan.variant == "shadow"
    assert problems("CreateEndpointConfig", without(plan.config, "DataCaptureConfig")) == []


def test_variants_that_come_or_go_move_all_at_once_and_it_is_said():
    plan = plan_deployment(
        dataclasses.replace(CANARY, rollout="ab"), TARGET, NEW, Current("x", {"live": "reviews-old-model"})
    )
    assert plan.update == {"EndpointName": "reviews", "EndpointConfigName": plan.config_name}
    assert "all at once" in plan.notes[0]


@pytest.mark.parametrize("rollout", ["ab", "shadow"])
def test_with_nothing_beside_it_a_model_gets_all_traffic_and_it_is_said(rollout):
    plan = plan_deployment(DeploySettings(rollout=rollout), TARGET, NEW, None)
    assert [item["ModelName"] for item in plan.config["ProductionVariants"]] == [plan.model_name]
    assert plan.variant == "live"
    assert "there is no endpoint yet" in plan.notes[0]


@pytest.mark.parametrize("rollout", ["replace", "ab", "shadow"])
def test_asked_twice_nothing_is_done_twice(rollout):
    settings = DeploySettings(rollout=rollout)
    first = plan_deployment(settings, TARGET, NEW, OTHER)
    production = {item["VariantName"]: item["ModelName"] for item in first.config["ProductionVariants"]}
    shadows = {item["VariantName"]: item["ModelName"] for item in first.config.get("ShadowProductionVariants", ())}
    second = plan_deployment(settings, TARGET, NEW, Current(first.config_name, production, shadows))
    assert (second.create, second.update) == (None, None)
    assert (second.model_name, second.config_name) == (first.model_name, first.config_name)


def test_names_differ_where_anything_but_tags_does():
    def names(settings=CANARY, target=TARGET, candidate=NEW):
        plan = plan_deployment(settings, target, candidate, None)
        return plan.model_name, plan.config_name

    first = names()
    assert names(target=dataclasses.replace(TARGET, tags={})) == first
    assert names(dataclasses.replace(CANARY, instances=3))[1] != first[1]
    assert names(target=dataclasses.replace(TARGET, image=IMAGE.replace("0123", "3210")))[0] != first[0]
    assert names(candidate=dataclasses.replace(NEW, model_digest="cd" * 32)) != first
    longest = names(target=dataclasses.replace(TARGET, endpoint="e" * 40))
    assert {len(name) for name in longest} == {62}


@pytest.mark.parametrize(
    ("machine", "is_encrypted_by_our_key"),
    [("ml.m5.large", True), ("ml.m5d.large", False), ("ml.g4dn.xlarge", False), ("ml.c6gd.large", False),
     ("ml.p3.2xlarge", True), ("ml.t2.medium", True), ("ml.r7gd.large", False)],
)  # fmt: skip
def test_disks_of_the_machine_itself_take_no_key(machine, is_encrypted_by_our_key):
    settings = DeploySettings(instance_type=machine)
    request = config_request(settings, TARGET, NEW, "m", None)
    assert ("KmsKeyId" in request) is is_encrypted_by_our_key
    assert "KmsKeyId" in request["DataCaptureConfig"]


def test_shares_of_traffic_can_be_set_by_hand():
    request = weights_request("reviews", ["live", "challenger"], {"live": 1.0, "challenger": 0.0})
    assert request == {
        "EndpointName": "reviews",
        "DesiredWeightsAndCapacities": [
            {"VariantName": "live", "DesiredWeight": 1.0},
            {"VariantName": "challenger", "DesiredWeight": 0.0},
        ],
    }
    assert problems("UpdateEndpointWeightsAndCapacities", request) == []


def test_shares_that_make_no_sense_are_refused_together():
    with pytest.raises(ValueError, match="no variant that answers") as refused:
        weights_request("reviews", ["live"], {"liev": 1.0, "live": -1.0})
    assert len(str(refused.value).splitlines()) == 2
    with pytest.raises(ValueError, match="nobody would answer"):
        weights_request("reviews", ["live"], {"live": 0.0})


def test_settings_and_target_survive_json():
    settings = dataclasses.replace(CANARY, environment={"A": "b"})
    assert DeploySettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert Target.from_json(json.loads(json.dumps(TARGET.to_json()))) == TARGET
