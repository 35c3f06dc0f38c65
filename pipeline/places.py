"""The places that the configuration names: which of them a run can use, and which files must be brought to it first.

A run on this machine uses paths of this machine. The jobs of a run whose root is on S3 use S3 only: files of this
machine that are inputs are staged below the root, named by their content (pipeline/staging.py).
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from components.arrow_example_gen.source_files import resolve_input
from pipeline.config import REMOTE, Config
from pipeline.definition import StagedFile
from pipeline.errors import ConfigError
from pipeline.input_files import read_input
from pipeline.storage.s3 import SCHEME, read_bytes

MAX_STAGED_BYTES = 2 * 10**9
"""More data than this is to be put on S3 once, and not to be read for each submission to see if it has changed."""


def is_on_s3(place: str | None) -> bool:
    """True for `s3://…`."""
    return place is not None and place.startswith(SCHEME)


def curated_schema(path: str) -> bytes:
    """The file's content, on this machine or on S3.

    Raises:
      ConfigError: it cannot be read.
      StorageError: it is on S3, and not there or not to be read.
    """
    return read_bytes(path) if is_on_s3(path) else read_input(Path(path))


def place_problems(config: Config) -> list[str]:
    """Places that the run cannot use, one sentence each."""
    problems = [*_root_problems(config)]
    on_s3 = is_on_s3(config.pipeline.root)
    for key, place in _places(config).items():
        if place is None:
            continue
        if REMOTE in place and not is_on_s3(place):
            problems.append(f"{key} is '{place}', and only local paths and s3:// work; copy the place there.")
        elif is_on_s3(place) and not on_s3:
            problems.append(
                f"{key} is '{place}', and a run on this machine works on local paths only; copy or mount the place and "
                "name the path, or run where S3 is at hand: penstock submit (docs/sagemaker.md)."
            )
    if on_s3:
        problems += _problems_of_jobs(config)
    return problems


def _places(config: Config) -> dict[str, str | None]:
    return {
        "data.path": config.data.path,
        "schema.path": config.schema_.path,
        "push.directory": config.push.directory,
        "distribution.serving_path": config.distribution.serving_path,
        "review.path": config.review.path,
        "signing.public_key": config.signing.public_key,
    }


def _root_problems(config: Config) -> Iterator[str]:
    root = config.pipeline.root
    if REMOTE in root and not is_on_s3(root):
        yield f"pipeline.root is '{root}', and only local paths and s3:// work; choose a folder, or a place on S3."
    if "[" in root:
        yield (
            f"pipeline.root is '{root}', and TFX takes a bracket in the path of an artifact for a pattern; choose a "
            "folder without brackets."
        )


def _problems_of_jobs(config: Config) -> Iterator[str]:
    """What a job cannot have because it is on this machine and nowhere else."""
    if (directory := config.push.directory) is not None and not is_on_s3(directory):
        yield (
            f"push.directory is '{directory}', a folder that goes with the job's machine; name a place on S3, or leave "
            f"it out for {config.pipeline.root}/pushed."
        )
    if config.signing.mode == "key":
        yield (
            "signing.mode is key, and a private key in a file must not leave this machine for jobs to sign with; sign "
            "with a key that AWS keeps: signing.mode kms."
        )


def staged_files(config: Config, input_base: str, pattern: str) -> tuple[str, tuple[StagedFile, ...]]:
    """The base under which the run finds its data, and the files to stage for it; none where nothing needs to be.

    Args:
      config: with its root where the run keeps everything.
      input_base: the folder or URI that the data lies under.
      pattern: of the files below it.

    Raises:
      ConfigError: a file cannot be read, or there is too much data to stage.
      BadData: no file matches the pattern.
    """
    if not is_on_s3(config.pipeline.root):
        return input_base, ()
    named = (config.distribution.serving_path, config.review.path, config.signing.public_key)
    staged = [_staged(config, path) for path in named if path is not None and not is_on_s3(path)]
    if is_on_s3(input_base):
        return input_base, tuple(staged)
    base, data = _staged_data(config, input_base, pattern)
    return base, (*staged, *data)


def _staged(config: Config, path: str) -> StagedFile:
    digest = _sha256(path)
    return StagedFile(path, digest, _inputs(config, "files", digest, os.path.basename(path)))


def _staged_data(config: Config, input_base: str, pattern: str) -> tuple[str, list[StagedFile]]:
    """The base named by all files' names and contents, and the files below it, under their own names."""
    files = resolve_input(input_base, pattern, config.data.span).files
    size = sum(os.path.getsize(path) for path in files)
    if size > MAX_STAGED_BYTES:
        raise ConfigError(
            [
                f"data.path is '{config.data.path}': {size / 1e9:.1f} GB on this machine, more than is staged for each "
                "submission. Put the data on S3 once (aws s3 cp --recursive), and name the s3:// URI."
            ]
        )
    names = {path: os.path.relpath(path, input_base).replace(os.sep, "/") for path in files}
    digests = {path: _sha256(path) for path in files}
    whole = hashlib.sha256("".join(f"{names[path]}\0{digests[path]}\n" for path in files).encode()).hexdigest()
    base = _inputs(config, "data", whole)
    return base, [StagedFile(path, digests[path], f"{base}/{names[path]}") for path in files]


def _inputs(config: Config, *names: str) -> str:
    return config.place("artifacts", config.pipeline.name, "inputs", *names)


def _sha256(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}."]) from error
