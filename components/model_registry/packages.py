"""SageMaker's model registry as the place where people approve: a model package for each request.

    requested (ledger) ─► package PendingManualApproval ─► Approved | Rejected in the console or by the API
                                                             └─► EventBridge ─► the run goes on, and takes the word

The package says which request it is of; the record of approvals says which package belongs to a request, so that
another one, or one whose data was changed, counts for nothing. boto3 is imported when a client is made.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.aws_advice import client_advice
from components.errors import ComponentError
from components.ledger.ledger import Entry, Ledger
from components.model_approval.elsewhere import Word

PACKAGE = "package"
"""Kind of the record's entry that says which package belongs to a request."""

_KINDS = {"Approved": "approved", "Rejected": "rejected"}
STATUSES = {kind: status for status, kind in _KINDS.items()}
_LONGEST_VALUE = 256
_SERVING_FOLDER = "Format-Serving"
_NOBODY = "somebody (SageMaker model registry)"


class PackageRefused(ComponentError):
    """The model registry does not do what is asked, or what it holds is not what was asked for."""


@dataclasses.dataclass(frozen=True)
class PackageSettings:
    """Where packages are registered.

    Attributes:
      region: of the registry.
      group: the model package group.
      image: that serves the model.
      pipeline: whose models they are.
    """

    region: str
    group: str
    image: str
    pipeline: str

    def to_json(self) -> str:
        """JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "PackageSettings":
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


@dataclasses.dataclass(frozen=True)
class Packages:
    """A `Desk`: the registry of one group, through a given client."""

    settings: PackageSettings
    client: Any

    def word(self, ledger: Ledger, request: Entry, evaluation: str) -> Word | None:
        """See `Desk`.

        Raises:
          PackageRefused: AWS refuses, or the package is not of this request.
        """
        arn = package_of(ledger.entries(), request)
        if arn is None:
            arn = self._register(request, evaluation)
            content = {"run": request.content["run"], "request": request.number, "request_hash": request.hash}
            ledger.append(PACKAGE, {**content, "arn": arn})
        return word_of(_ask(self.client, "describe_model_package", ModelPackageName=arn), request)

    def _register(self, request: Entry, evaluation: str) -> str:
        asked = package_request(self.settings, request, evaluation)
        return str(_ask(self.client, "create_model_package", **asked)["ModelPackageArn"])

    def decide(self, arn: str, kind: str, reason: str) -> None:
        """Gives the package the status that a decision on record has.

        Raises:
          PackageRefused: AWS refuses.
        """
        request = {"ModelPackageArn": arn, "ModelApprovalStatus": STATUSES[kind]}
        words = " ".join(reason.split())[:1024]
        _ask(self.client, "update_model_package", **request, ApprovalDescription=words)


def package_of(entries: Sequence[Entry], request: Entry) -> str | None:
    """ARN of the package that was registered for a request, None if there is none."""
    return next(
        (
            str(entry.content["arn"])
            for entry in reversed(entries)
            if entry.kind == PACKAGE and entry.content["request_hash"] == request.hash
        ),
        None,
    )


def package_request(settings: PackageSettings, request: Entry, evaluation: str) -> dict[str, Any]:
    """CreateModelPackage; the same request gives the same token, so that asking twice makes one package."""
    content = request.content
    metrics = f"{evaluation}/analysis.json"
    model = {"S3Uri": f"{content['model_uri']}/{_SERVING_FOLDER}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": settings.image, "ModelDataSource": {"S3DataSource": model}}
    media = ["application/json"]
    return {
        "ModelPackageGroupName": settings.group,
        "ModelPackageDescription": f"Run {content['run']} of pipeline {settings.pipeline} asks for an approval.",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": media,
            "SupportedResponseMIMETypes": media,
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": metrics}}},
        "CustomerMetadataProperties": _metadata(settings, request, metrics),
        "ClientToken": request.hash[:36],
    }


def word_of(described: Mapping[str, Any], request: Entry) -> Word | None:
    """The decision that a package's status is, None while it is pending.

    Raises:
      PackageRefused: the package says that it is of another request or another model.
    """
    said = described.get("CustomerMetadataProperties") or {}
    wanted = _identity(request)
    wrong = [
        f"{key} is {said.get(key)!r}, expected {value!r}" for key, value in wanted.items() if said.get(key) != value
    ]
    arn = described["ModelPackageArn"]
    if wrong:
        raise PackageRefused(
            f"Model package {arn} was changed since it was registered: {'; '.join(wrong)}. Its status counts for "
            f"nothing. Find out who changed it, and decide with: penstock approve {request.content['run']} --reason …"
        )
    status = described.get("ModelApprovalStatus")
    if status not in _KINDS:
        return None
    at = described.get("LastModifiedTime") or described["CreationTime"]
    source = {"place": "sagemaker_model_package", "arn": arn, "status": status, "decided_at": at.isoformat()}
    reason = " ".join(str(described.get("ApprovalDescription") or "").split())
    return Word(_KINDS[status], _by(described), reason or f"{status} in the model registry, no reason given", source)


def _by(described: Mapping[str, Any]) -> str:
    """Who changed the package last, as far as AWS tells (it tells of users of Studio, hardly of others)."""
    context = described.get("LastModifiedBy") or {}
    identity = context.get("IamIdentity") or {}
    return str(context.get("UserProfileName") or identity.get("Arn") or _NOBODY)


def _identity(request: Entry) -> dict[str, str]:
    """What a package must say to be a request's."""
    return {
        "run_id": request.content["run"],
        "ledger_entry": request.hash,
        "model_digest": request.content["model_digest"],
    }


def _metadata(settings: PackageSettings, request: Entry, metrics: str) -> dict[str, str]:
    found = {**_identity(request), "pipeline": settings.pipeline, "metrics": metrics}
    return {key: value for key, value in found.items() if 0 < len(value) <= _LONGEST_VALUE}


def make_packages(settings: PackageSettings) -> Packages:
    """With a client by the environment's credentials and endpoints.

    Raises:
      PackageRefused: boto3 is not installed.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise PackageRefused(
            "The model registry of SageMaker needs the package boto3: python -m pip install --no-deps -r "
            "requirements-aws.lock"
        ) from error
    try:
        return Packages(settings, boto3.session.Session(region_name=settings.region).client("sagemaker"))
    except BotoCoreError as error:
        raise PackageRefused(f"SageMaker's model registry cannot be asked: {error}. {client_advice(error)}") from error


def _ask(client: Any, method: str, **request: Any) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client, method)(**request)
    except (BotoCoreError, ClientError) as error:
        raise PackageRefused(
            f"The model registry of SageMaker did not answer to {method}: {error}. Check aws.model_package_group, and "
            "that the role may sagemaker:CreateModelPackage, DescribeModelPackage (and UpdateModelPackage, to decide)."
        ) from error
