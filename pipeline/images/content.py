"""What an image is made of, and the digests that name it: the same files give the same name on every machine."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.images.base import base_problem

DOCKERFILE = Path("deploy/Dockerfile")
VARIANTS = ("cpu", "gpu", "serving", "lambda")

_LOCKS = {
    "cpu": ("requirements.lock", "requirements-aws.lock"),
    "gpu": ("requirements.lock", "requirements-aws.lock", "requirements-gpu.lock"),
    "serving": ("requirements-serving.lock",),
    "lambda": ("requirements-lambda.lock",),
}
_CODE = {
    "cpu": ("schemas", "models", "components", "pipeline"),
    "gpu": ("schemas", "models", "components", "pipeline"),
    "serving": ("components/__init__.py", "components/model_digest.py", "serving"),
    "lambda": ("serving",),
}
_LEFT_OUT = ("__pycache__",)


@dataclasses.dataclass(frozen=True)
class Content:
    """What one variant of the image holds.

    Attributes:
      variant: one of VARIANTS.
      base: the image that it starts from, by digest.
      lock_digest: SHA-256 over the locks, hexadecimal.
      code_digest: SHA-256 over the code, hexadecimal.
      recipe_digest: SHA-256 of the Dockerfile, hexadecimal.
    """

    variant: str
    base: str
    lock_digest: str
    code_digest: str
    recipe_digest: str

    @property
    def tag(self) -> str:
        """The image's tag: another one as soon as anything in it is another."""
        parts = "\n".join((self.variant, self.base, self.lock_digest, self.code_digest, self.recipe_digest))
        return f"{self.variant}-{hashlib.sha256(parts.encode()).hexdigest()[:16]}"


def read_content(root: Path, variant: str, base: str) -> Content:
    """The content of the image that would be built from this checkout.

    Raises:
      ConfigError: listing files that are missing, and a base image that is not named by digest.
    """
    problems = []
    if variant not in VARIANTS:
        problems.append(f"--variant {variant}: expected one of {', '.join(VARIANTS)}.")
    if problem := base_problem(base):
        problems.append(problem)
    needed = [root / DOCKERFILE, *(root / name for name in (*_LOCKS.get(variant, ()), *_CODE.get(variant, ())))]
    problems += [
        f"{path}: there is none. Build from a checkout of the project." for path in needed if not path.exists()
    ]
    if problems:
        raise ConfigError(problems)
    return Content(
        variant=variant,
        base=base,
        lock_digest=_digest(root, (root / lock for lock in _LOCKS[variant])),
        code_digest=_digest(root, code_files(root, variant)),
        recipe_digest=_digest(root, [root / DOCKERFILE]),
    )


def code_files(root: Path, variant: str) -> Iterator[Path]:
    """The files of the code that the image holds, in the order of their names."""
    for name in _CODE[variant]:
        place = root / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and not set(_LEFT_OUT) & set(path.parts):
                yield path


def _digest(root: Path, paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents, each with its length, so that no two sets of files give the same text."""
    digest = hashlib.sha256()
    for path in paths:
        name, content = path.relative_to(root).as_posix().encode(), path.read_bytes()
        digest.update(f"{len(name)} {len(content)} ".encode() + name + content)
    return digest.hexdigest()
