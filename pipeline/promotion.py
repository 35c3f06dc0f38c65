"""The same model and the same image in another account: planned purely, carried out through given clients.

Nothing is trained, packed or built again: files go over one by one, each under its SHA-256, and the image must be there
by the same digest already. What would have to be made anew is refused.
"""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.ledger.ledger import Entry, Ledger
from components.model_registry.registry import Ask
from components.model_registry.versions import ModelVersion
from pipeline.aws_settings import AwsSettings
from pipeline.config import Config
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.runners.aws.asking import NotThere, ask

PROMOTED = "promoted"

_PROMOTABLE = ("staging", "production")


@dataclasses.dataclass(frozen=True)
class Promotion:
    """What goes where.

    Attributes:
      model: the model's name.
      version: its number.
      model_digest: of its bytes.
      image: the image there, by digest.
      source: where it comes from, `aws.root`.
      destination: `s3://…` of the version's folder there.
      record: the record of promotions there.
      kms_key: that files there are encrypted with; None = AWS's own.
      files: name below the folder → SHA-256.
    """

    model: str
    version: str
    model_digest: str
    image: str
    source: str
    destination: str
    record: str
    kms_key: str | None
    files: Mapping[str, str]

    @property
    def image_digest(self) -> str:
        """`sha256:…`."""
        return self.image.partition("@")[2]


def plan_promotion(version: ModelVersion, files: Mapping[str, str], source: Config, target: Config) -> Promotion:
    """What has to go over.

    Args:
      version: what the registry says of it.
      files: of its folder, receipt and signature included: name → SHA-256.
      source: the configuration of the environment that it was tested in.
      target: that of the environment that it goes to.

    Raises:
      ConfigError: listing everything that would make it another model or another image, or that is no promotion.
    """
    problems = [*_problems(version, source.on_aws, target.on_aws, source, target)]
    if problems:
        raise ConfigError(problems)
    aws, name = target.on_aws, target.model_name
    return Promotion(
        model=name,
        version=version.version,
        model_digest=version.model_digest,
        image=aws.image,
        source=source.on_aws.root,
        destination=f"{aws.root}/promoted/{name}/{version.version}",
        record=f"{aws.root}/promoted/{name}.jsonl",
        kms_key=aws.kms_key,
        files=dict(sorted(files.items())),
    )


def _problems(
    version: ModelVersion, here: AwsSettings, there: AwsSettings, source: Config, target: Config
) -> list[str]:
    problems = []
    serving = (source.deploy.image or "not set", target.deploy.image or "not set")
    for key, images in (("aws.image", (here.image, there.image)), ("deploy.image", serving)):
        digests = [image.rpartition("@")[2] for image in images]
        if digests[0] != digests[1]:
            problems.append(
                f"{key} is {digests[0][:19]} here and {digests[1][:19]} there: the model would run in an image that it "
                "was not tested with. Copy the image by digest, and name the same digest in both."
            )
    if here.root == there.root:
        problems.append(f"aws.root is {here.root} in both environments: there is nowhere to promote to.")
    if source.model_name != target.model_name:
        problems.append(
            f"The model is '{source.model_name}' here and '{target.model_name}' there: name the same model."
        )
    if version.stage not in _PROMOTABLE:
        problems.append(
            f"Version {version.version} is in stage {version.stage}. Promote it here first: penstock promote "
            f"{version.version} --to staging"
        )
    return problems


def files_of(folder: Path) -> dict[str, str]:
    """The folder's files with their SHA-256, hexadecimal."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def carry_out(promotion: Promotion, folder: Path, s3: Any, ecr: Any, said: Ask, ledger: Ledger | None = None) -> Entry:
    """Copies the files, unless they are there, and puts the promotion on record; returns its entry.

    Args:
      promotion: the plan.
      folder: the version's files.
      s3: a client of the account that it goes to; `ecr` likewise.
      said: who promotes, and why.
      ledger: the record; None = the one of the promotion.

    Raises:
      PlatformRefused: the image is not there, other bytes lie where a file would go, or AWS refuses. The record then
        says nothing; the same command goes on.
    """
    _check_image(promotion, ecr)
    for name, sha256 in promotion.files.items():
        _copy(promotion, folder / name, f"{promotion.destination}/{name}", sha256, s3)
    record = ledger or Ledger(promotion.record)
    entries = [entry for entry in record.entries() if entry.kind == PROMOTED]
    content = {
        "version": promotion.version,
        "model_digest": promotion.model_digest,
        "image_digest": promotion.image_digest,
        "from": promotion.source,
        "to": promotion.destination,
    }
    if entries and all(entries[-1].content[key] == value for key, value in content.items()):
        return entries[-1]
    return record.append(PROMOTED, {**content, "by": said.by, "reason": said.reason})


def _check_image(promotion: Promotion, ecr: Any) -> None:
    """Raises PlatformRefused unless the very image is in the other account's repository."""
    place, _, digest = promotion.image.partition("@")
    host, _, repository = place.partition("/")
    request = {
        "registryId": host.partition(".")[0],
        "repositoryName": repository,
        "imageIds": [{"imageDigest": digest}],
    }
    try:
        ask(ecr, "describe_images", f"look for image {promotion.image}", **request)
    except PlatformRefused as error:
        if "ImageNotFound" not in str(error) and "RepositoryNotFound" not in str(error):
            raise
        raise _no_image(promotion) from error
    except NotThere as error:
        raise _no_image(promotion) from error


def _no_image(promotion: Promotion) -> PlatformRefused:
    return PlatformRefused(
        f"Image {promotion.image} is not there, and a promotion builds none: another build is another image. Copy it "
        "with its digest (replication of the repository, or: skopeo copy --preserve-digests docker://FROM@DIGEST "
        "docker://TO)."
    )


def _copy(promotion: Promotion, path: Path, uri: str, sha256: str, s3: Any) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    where, checksum = {"Bucket": bucket, "Key": key}, base64.b64encode(bytes.fromhex(sha256)).decode()
    try:
        there = ask(s3, "head_object", f"look for {uri}", **where, ChecksumMode="ENABLED")
    except NotThere:
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": promotion.kms_key} if promotion.kms_key else {}
        with path.open("rb") as body:
            request = {**where, "Body": body, "ChecksumSHA256": checksum, "IfNoneMatch": "*", **encryption}
            ask(s3, "put_object", f"copy {path.name} to {uri}", **request)
        return
    if there.get("ChecksumSHA256") != checksum:
        raise PlatformRefused(
            f"{uri}: other bytes lie there than version {promotion.version} has. Nothing is written over; find out "
            "who put them there, and take them away."
        )
