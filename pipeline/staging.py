"""Puts the files that a run needs, and that are not artifacts, where its nodes find them."""

import hashlib
import secrets
from pathlib import Path

from pipeline.config import Config
from pipeline.definition import Plan, StagedFile, staged_schema_uri
from pipeline.errors import ConfigError
from pipeline.input_files import digest_of
from pipeline.places import curated_schema, is_on_s3
from pipeline.storage.s3 import Location, bucket_region, describe, put_file, write_bytes


def stage_inputs(config: Config, plan: Plan) -> None:
    """Copies the curated schema, and for jobs elsewhere the other inputs, to places named by their content.

    What is there already is let alone: its name says what it is.

    Raises:
      ConfigError: a file cannot be read, or is not any more what the run was planned with.
      StorageError: S3 does not take it.
    """
    if plan.schema_digest is not None and config.schema_.path is not None:
        _stage_schema(config.schema_.path, staged_schema_uri(config, plan), plan.schema_digest)
    for file in plan.staged:
        _stage_file(file)


def check_bucket(config: Config) -> None:
    """Raises ConfigError if the bucket of `aws.root` is in another region than jobs: SageMaker does not go there.

    Raises:
      NotReached: there is no such bucket, or S3 cannot be asked: no credentials, no network.
    """
    aws = config.on_aws
    found = bucket_region(aws.bucket)
    if found not in (None, aws.region):
        raise ConfigError(
            [
                f"aws.root: bucket '{aws.bucket}' is in {found}, and jobs in {aws.region} use buckets of their own "
                f"region only. Name a bucket in {aws.region}, or set aws.region to {found}."
            ]
        )


def _stage_schema(source: str, target: str, digest: str) -> None:
    if _is_there(target):
        return
    content = curated_schema(source)
    if digest_of([(Path(source).name, content)]) != digest:
        raise ConfigError([_changed(source)])
    if is_on_s3(target):
        write_bytes(target, content, if_absent=True)
    else:
        write_whole(Path(target), content)


def _stage_file(file: StagedFile) -> None:
    if _is_there(file.uri):
        return
    with open(file.path, "rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() != file.digest:
            raise ConfigError([_changed(file.path)])
    put_file(Path(file.path), file.uri, file.digest)


def _is_there(target: str) -> bool:
    return describe(Location.parse(target)) is not None if is_on_s3(target) else Path(target).is_file()


def _changed(source: str) -> str:
    return f"{source}: changed while the run was starting. Start it again."


def write_whole(target: Path, content: bytes | str) -> None:
    """Writes under a name that no other run uses and renames, so that nobody reads half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
