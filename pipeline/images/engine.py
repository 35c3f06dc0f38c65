"""Container engines: which one is here, and the command lines that it is given."""

import os
import shlex
import shutil
import subprocess
import sys

from pipeline.errors import ConfigError, PlatformRefused
from pipeline.images.base import base_parts
from pipeline.images.content import DOCKERFILE, Content

ENGINES = ("docker", "podman", "nerdctl", "finch")
"""All take the same words for what is done here."""

_ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Neither SageMaker nor Lambda takes an image that is an index with attestations, which buildx makes by default."""

_TARGETS = {"cpu": "job", "gpu": "job", "serving": "serving", "lambda": "lambda"}

_SELF_TESTS = {
    "cpu": ("-m", "pipeline.launch", "--self-test"),
    "gpu": ("-m", "pipeline.launch", "--self-test"),
    "serving": ("-m", "serving.self_test", "serving.server"),
    "lambda": ("-m", "serving.self_test", "serving.lambda_handler", "awslambdaric"),
}
"""What `python` is asked to run in each variant."""

_BASE = "org.opencontainers.image.base.digest"
_LABELS = {"penstock.lock-digest": "locks", "penstock.code-digest": "code", _BASE: "base image"}
"""What the labels that are looked at tell of."""


def find_engine(wanted: str | None) -> str | None:
    """Path of the engine that was asked for, or of the first that is here; None if there is none."""
    names = ENGINES if wanted is None else (wanted,)
    return next((found for name in names if (found := shutil.which(name))), None)


def build_command(engine: str, content: Content, name: str, commit: str | None, target: str | None) -> list[str]:
    """Builds the image as `name`.

    Args:
      engine: the program.
      content: what goes into it.
      name: repository and tag.
      commit: of the checkout, for the label; None outside of one.
      target: stage of the Dockerfile; None = the variant's own.
    """
    arguments = {
        **dict(zip(("BASE_NAME", "BASE_DIGEST"), base_parts(content.base), strict=True)),
        "LOCK_DIGEST": content.lock_digest,
        "CODE_DIGEST": content.code_digest,
        "COMMIT": commit or "unknown",
    }
    if _TARGETS[content.variant] == "job":
        arguments["VARIANT"] = content.variant
    words = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    stage = target or _TARGETS[content.variant]
    file = ["--file", str(DOCKERFILE), "--target", stage, "--platform", "linux/amd64"]
    return [engine, "build", *file, *words, "--tag", name, "."]


def push_commands(engine: str, name: str) -> list[list[str]]:
    """Pushes the image, and asks for the digest that the registry gave it."""
    return [[engine, "push", name], [engine, "inspect", "--format", "{{index .RepoDigests 0}}", name]]


def login_command(engine: str, registry: str) -> list[str]:
    """Signs in; the password goes to standard input, where no list of processes shows it."""
    return [engine, "login", "--username", "AWS", "--password-stdin", registry]


def verify_commands(engine: str, content: Content, name: str) -> list[list[str]]:
    """Prints the digests in the image's labels, and runs its self-test without a network."""
    labels = " ".join(f'{{{{index .Config.Labels "{label}"}}}}' for label in _LABELS)
    test = _SELF_TESTS[content.variant]
    run = [engine, "run", "--rm", "--network", "none", "--entrypoint", "python", name, *test]
    return [[engine, "inspect", "--format", labels, name], run]


def need_engine(wanted: str | None, commands: list[list[str]]) -> str:
    """The engine; raises ConfigError, with what would be run, if there is none."""
    engine = find_engine(wanted)
    missing = f"'{wanted}' is not on the PATH" if wanted else f"none of {', '.join(ENGINES)} is on the PATH"
    if engine and (silent := _why_silent(engine)):
        engine, missing = None, f"{engine} does not work here: {silent}"
    if engine is None:
        lines = "\n".join(f"  {shlex.join(command)}" for command in commands)
        raise ConfigError([f"No container engine: {missing}. Install one, or run where there is one:\n{lines}"])
    return engine


def _why_silent(engine: str) -> str:
    """The last words of an engine that cannot reach its daemon; empty if it works."""
    done = subprocess.run([engine, "info"], capture_output=True, text=True, check=False)
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return (said or [f"it ended with {done.returncode}"])[-1].rstrip(".?") if done.returncode else ""


def carry_out(command: list[str], given: str | None = None) -> None:
    """Runs the command with its output on ours; raises PlatformRefused if it fails."""
    environment = {**os.environ, **_ENVIRONMENT}
    done = subprocess.run(command, input=given, text=True, check=False, stdout=sys.stderr, env=environment)
    if done.returncode != 0:
        raise PlatformRefused(f"{shlex.join(command)} ended with {done.returncode}; what it said stands above.")


def answer_of(command: list[str]) -> str:
    """What the command prints; raises PlatformRefused if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PlatformRefused(f"{shlex.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def check_labels(answer: str, content: Content, name: str) -> None:
    """Raises ConfigError if the image was built from something else than this checkout."""
    seen = answer.split()
    expected = (content.lock_digest, content.code_digest, base_parts(content.base)[1])
    if len(seen) != len(expected):
        raise ConfigError([f"{name} does not say what it holds (labels: {answer or 'none'}). Build it again."])
    other = [what for what, is_, be in zip(_LABELS.values(), seen, expected, strict=True) if is_ != be]
    if other:
        said = f"{name} holds other {', '.join(other)} than this checkout (labels: {answer}). Build it again."
        raise ConfigError([said])
