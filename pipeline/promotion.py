"""The same model and the same image in another account: planned purely, carried out through given clients.

Nothing is trained, packed or built again: files go over one by one, each under its SHA-256, and the image goes over as
it is, under its digest. What would have to be made anew is refused.
"""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.ledger.ledger import Entry, Ledger
from components.model_registry.registry import Ask
from components.model_registry.remote import image_of
from components.model_registry.versions import ModelVersion
from pipeline.aws_settings import AwsSettings
from pipeline.config import Config
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.images.copying import Copied, OpenUrl, Repository, copy_image, open_url
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
      images: where each image that it needs comes from, and where it goes.
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
    images: tuple[tuple[str, str], ...]
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
        images=tuple(zip(_images(source), _images(target), strict=True)),
        source=source.on_aws.root,
        destination=f"{aws.root}/promoted/{name}/{version.version}",
        record=f"{aws.root}/promoted/{name}.jsonl",
        kms_key=aws.kms_key,
        files=dict(sorted(files.items())),
    )


def _images(config: Config) -> list[str]:
    """What the model was made in, and what serves it."""
    return [config.on_aws.image, *([config.deploy.image] if config.deploy.image else [])]


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
                "was not tested with. Name the same digest in both; the promotion copies the image."
            )
    made_in, now = image_of(version).partition("@")[2], here.image.partition("@")[2]
    if made_in and made_in != now:
        problems.append(
            f"Version {version.version} was made and tested in image {made_in[:19]}, and aws.image is {now[:19]} here: "
            "name that image in both environments, or push the model again with this one."
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


@dataclasses.dataclass(frozen=True)
class Accounts:
    """Clients of the two accounts.

    Attributes:
      s3: of the account that the version goes to.
      ecr: of its registry, in the region of that.
      source_ecr: of the registry that the image comes from.
      opened: opens the addresses that a registry gives out.
    """

    s3: Any
    ecr: Any
    source_ecr: Any
    opened: OpenUrl = open_url


def carry_out(
    promotion: Promotion, folder: Path, accounts: Accounts, said: Ask, ledger: Ledger | None = None
) -> tuple[Entry, Copied]:
    """Copies image and files, unless they are there, and puts the promotion on record.

    Args:
      promotion: the plan.
      folder: the version's files.
      accounts: where they go, and where the image comes from.
      said: who promotes, and why.
      ledger: the record; None = the one of the promotion.

    Returns:
      The entry, and what of the image had to be copied.

    Raises:
      PlatformRefused: the image is nowhere, other bytes lie where a file would go, or AWS refuses. The record then
        says nothing; the same command goes on.
    """
    copied = Copied()
    for source, target in promotion.images:
        copied += _bring_image(source, target, accounts)
    for name, sha256 in promotion.files.items():
        _copy(promotion, folder / name, f"{promotion.destination}/{name}", sha256, accounts.s3)
    record = ledger or Ledger(promotion.record, client=accounts.s3)
    entries = [entry for entry in record.entries() if entry.kind == PROMOTED]
    content = {
        "version": promotion.version,
        "model_digest": promotion.model_digest,
        "image_digest": promotion.image_digest,
        "from": promotion.source,
        "to": promotion.destination,
    }
    if entries and all(entries[-1].content[key] == value for key, value in content.items()):
        return entries[-1], copied
    return record.append(PROMOTED, {**content, "by": said.by, "reason": said.reason}), copied


def _bring_image(source: str, target: str, accounts: Accounts) -> Copied:
    """Has the very image in the other account's registry."""
    try:
        there, here = Repository.of(target, accounts.ecr), Repository.of(source, accounts.source_ecr)
    except ValueError as error:
        raise ConfigError(
            [f"{error} is to be promoted, and images go between Amazon's registries only: push it to one."]
        ) from error
    return copy_image(here, there, target.partition("@")[2], accounts.opened)


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
