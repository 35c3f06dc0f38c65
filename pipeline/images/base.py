"""The image that ours start from, pinned by digest in one file of the repository."""

import re
from pathlib import Path

from pipeline.errors import ConfigError

BASE_FILE = Path("deploy/base-image.txt")

_PINNED = re.compile(r"(?P<name>[a-z0-9][a-zA-Z0-9.:/_-]*)@(?P<digest>sha256:[0-9a-f]{64})")


def read_base(root: Path) -> str:
    """The base image that the checkout names, such as `python:3.11-slim-bookworm@sha256:…`.

    Raises:
      ConfigError: the file is not there, names none or several, or one without a digest; says how to look it up.
    """
    path = root / BASE_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}. Build from a checkout of the project."]) from error
    named = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if len(named) != 1:
        raise ConfigError([f"{path}: expected one line with the base image, found {len(named)}."])
    if problem := base_problem(named[0]):
        raise ConfigError([f"{path}: {problem}"])
    return named[0]


def base_problem(base: str) -> str | None:
    """What is wrong with the name of a base image, and the command that says what to write; None if it is pinned."""
    if _PINNED.fullmatch(base):
        return None
    name = base.partition("@")[0] or "python:3.11-slim-bookworm"
    return (
        f"{base or 'nothing'} is no image by digest (NAME@sha256: and 64 hexadecimal digits), and a tag may mean "
        f"another image tomorrow. Write {name}@ and what this prints, and commit it:\n{lookup_command(name)}"
    )


def lookup_command(name: str) -> str:
    """Prints the digest that a tag means now."""
    return f"  docker buildx imagetools inspect --format '{{{{.Manifest.Digest}}}}' {name}"


def base_parts(base: str) -> tuple[str, str]:
    """Name and digest of a base image that has no problem."""
    name, _, digest = base.partition("@")
    return name, digest
