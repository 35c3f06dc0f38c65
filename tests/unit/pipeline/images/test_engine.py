import dataclasses
import itertools
import json
import os

import pytest

from pipeline.errors import ConfigError, PlatformRefused
from pipeline.images.content import Content
from pipeline.images.engine import (
    answer_of,
    build_command,
    carry_out,
    check_labels,
    login_command,
    need_engine,
    push_commands,
    verify_commands,
)
from pipeline.images.registry import is_ecr

DIGEST = f"sha256:{'ab' * 32}"
CONTENT = Content("cpu", f"python@{DIGEST}", "11", "22", "33")
NAME = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/penstock-dev/penstock:cpu-1"


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A docker that writes down what it was asked and answers what the test wants."""
    program = tmp_path / "docker"
    program.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$*" >> "$LOG"\n'
        '[ "$1" = login ] && cat >> "$LOG"\necho "$ANSWER"\nexit "${CODE:-0}"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("ANSWER", "")
    return tmp_path / "log"


def test_build_names_stage_platform_and_everything_that_the_labels_say():
    command = build_command("docker", CONTENT, NAME, "c0ffee", None)
    assert command[:2] == ["docker", "build"]
    assert command[-3:] == ["--tag", NAME, "."]
    assert command[command.index("--target") + 1] == "job"
    assert command[command.index("--platform") + 1] == "linux/amd64"
    arguments = {word for before, word in itertools.pairwise(command) if before == "--build-arg"}
    assert arguments == {
        "BASE_NAME=python",
        f"BASE_DIGEST={DIGEST}",
        "LOCK_DIGEST=11",
        "CODE_DIGEST=22",
        "COMMIT=c0ffee",
        "VARIANT=cpu",
    }


@pytest.mark.parametrize("variant", ["lambda", "serving"])
def test_what_serves_is_a_stage_of_its_own_without_a_variant_of_packages(variant):
    command = build_command("docker", dataclasses.replace(CONTENT, variant=variant), NAME, None, None)
    assert command[command.index("--target") + 1] == variant
    assert not any(word.startswith("VARIANT=") for word in command)
    assert "COMMIT=unknown" in command


def test_self_test_runs_without_a_network():
    _, test = verify_commands("podman", CONTENT, NAME)
    assert test[:5] == ["podman", "run", "--rm", "--network", "none"]
    assert test[-3:] == ["-m", "pipeline.launch", "--self-test"]


def test_without_an_engine_the_message_says_what_would_be_run(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="none of docker, podman") as caught:
        need_engine(None, push_commands("docker", NAME))
    assert f"\n  docker push {NAME}" in str(caught.value)
    with pytest.raises(ConfigError, match="'buildah' is not on the PATH"):
        need_engine("buildah", [])


def test_engine_whose_daemon_does_not_answer_is_none(engine, monkeypatch):
    assert need_engine(None, []).endswith("/docker")
    monkeypatch.setenv("CODE", "1")
    monkeypatch.setenv("ANSWER", "Cannot connect to the daemon.")
    with pytest.raises(ConfigError, match="docker does not work here: Cannot connect to the daemon"):
        need_engine(None, [])


def test_password_goes_to_standard_input_and_never_onto_the_command_line(engine):
    carry_out(login_command("docker", NAME.partition("/")[0]), "secret-password")
    asked, given = engine.read_text().splitlines()
    assert given == "secret-password"
    assert "secret-password" not in asked
    assert "--password-stdin" in asked


def test_command_that_fails_is_told_with_its_words(engine, monkeypatch):
    monkeypatch.setenv("CODE", "3")
    with pytest.raises(PlatformRefused, match="docker push it ended with 3"):
        carry_out(["docker", "push", "it"])
    with pytest.raises(PlatformRefused, match="docker inspect it ended with 3"):
        answer_of(["docker", "inspect", "it"])


def test_image_of_another_checkout_is_refused():
    check_labels(f"11 22 {DIGEST}", CONTENT, NAME)
    for other in ("", "11 22", f"11 {DIGEST}"):
        with pytest.raises(ConfigError, match="does not say what it holds"):
            check_labels(other, CONTENT, NAME)


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (f"12 22 {DIGEST}", "other locks than"),
        (f"11 23 {DIGEST}", "other code than"),
        (f"11 22 {DIGEST[:-1]}0", "other base image than"),
        (f"12 23 {DIGEST}", "other locks, code than"),
    ],
)
def test_what_an_image_holds_otherwise_is_named(labels, what):
    with pytest.raises(ConfigError, match=what):
        check_labels(labels, CONTENT, NAME)


@pytest.mark.parametrize(
    ("registry", "amazons"),
    [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", True),
        ("ghcr.io", False),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example", False),
    ],
)
def test_only_amazons_registries_are_signed_in_to(registry, amazons):
    assert is_ecr(registry) is amazons


def test_labels_are_asked_for_by_the_names_that_the_dockerfile_gives_them():
    from pipeline.images.content import DOCKERFILE
    from pipeline.provenance import PROJECT_ROOT

    asked = " ".join(verify_commands("docker", CONTENT, NAME)[0])
    text = (PROJECT_ROOT / DOCKERFILE).read_text()
    for label in ("penstock.lock-digest", "penstock.code-digest", "org.opencontainers.image.base.digest"):
        assert json.dumps(label) in asked
        assert text.count(f"{label}=") == 3
