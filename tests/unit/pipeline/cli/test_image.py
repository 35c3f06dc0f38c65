"""`penstock image` in a checkout of a few files; no engine is there, so what would be run is told."""

import dataclasses
import json

import aws_config
import kubeflow_config
import pytest
from typer.testing import CliRunner

from pipeline import provenance
from pipeline.cli.app import app
from pipeline.images.base import BASE_FILE

DIGEST = f"sha256:{'ab' * 32}"
FILES = (
    *(f"requirements{kind}.lock" for kind in ("", "-aws", "-serving")),
    *(f"{folder}/__init__.py" for folder in ("schemas", "models", "components", "pipeline", "serving")),
    "components/model_digest.py",
    "deploy/Dockerfile",
)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The checkout, of a few files; programs are looked for in it."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(provenance, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(checkout):
    """What a verb says, with a base image in the file that pins it."""

    def run(base, *words):
        (checkout / BASE_FILE).write_text(f"{base}\n")
        answer = CliRunner().invoke(app, ["image", *words])
        assert answer.exit_code == 1, "the program's own errors are told outside of this"
        return str(answer.exception)

    return run


def test_image_is_built_from_the_base_that_the_checkout_pins(said):
    told = said(f"python:3.11-slim@{DIGEST}", "build", "--variant", "serving")
    assert "--target serving --platform linux/amd64" in told
    assert f"--build-arg BASE_NAME=python:3.11-slim --build-arg BASE_DIGEST={DIGEST}" in told


@pytest.mark.parametrize("verb", ["build", "verify", "push"])
def test_nothing_is_done_while_the_base_is_not_pinned(said, verb):
    assert "docker buildx imagetools inspect" in said("python:3.11-slim", verb, "--repository", "registry/x")


def test_base_on_the_command_line_comes_before_the_files(said):
    other = f"sha256:{'cd' * 32}"
    assert f"BASE_DIGEST={other}" in said(f"python:3.11-slim@{DIGEST}", "build", "--base", f"python@{other}")


PUSHED = f"registry.example.com/penstock@{DIGEST}"
ENGINE = f'''#!/bin/sh
case "$1" in
  push) echo "$2" >> pushed ;;
  inspect) echo "{PUSHED}" ;;
esac
'''


def section(settings):
    return json.dumps({key: value for key, value in dataclasses.asdict(settings).items() if value is not None})


AWS, KUBEFLOW = (f"{name}: {section(config.SETTINGS)}\n" for name, config in
                 (("aws", aws_config), ("kubeflow", kubeflow_config)))  # fmt: skip


@pytest.fixture
def push(checkout, capfd):
    """What `penstock image push` prints, beside a configuration with these sections."""
    (checkout / "docker").write_text(ENGINE)
    (checkout / "docker").chmod(0o755)
    (checkout / BASE_FILE).write_text(f"python:3.11-slim@{DIGEST}\n")

    def run(sections, *words):
        head = "pipeline: {name: reviews}\ndata: {path: x.csv}\nlabel: {column: y}\n"
        (checkout / "penstock.yaml").write_text(head + sections)
        app(args=["image", "push", *words], standalone_mode=False)
        return capfd.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize(
    ("sections", "keys"),
    [
        (AWS, ["aws.image"]),
        (KUBEFLOW, ["kubeflow.image"]),
        (AWS + KUBEFLOW, ["aws.image", "kubeflow.image"]),
        ("", ["aws.image", "kubeflow.image"]),
        ("kubeflow: {root: s3://bucket/x, image: FILL IN}", ["aws.image", "kubeflow.image"]),
    ],
    ids=["aws", "kubeflow", "both", "neither", "not filled in yet"],
)
def test_a_pushed_image_is_printed_for_the_sections_of_the_configurations_platforms(push, sections, keys):
    assert push(sections, "--repository", "registry.example.com/penstock") == [f"{key}: {PUSHED}" for key in keys]


def test_an_image_for_another_use_goes_where_that_is_configured(push):
    told = push(KUBEFLOW, "--repository", "registry.example.com/penstock", "--variant", "serving")
    assert told == [f"deploy.image: {PUSHED}"]


def test_without_a_repository_it_is_that_of_the_image_that_is_configured(push, checkout):
    push(KUBEFLOW)
    (name,) = (checkout / "pushed").read_text().splitlines()
    assert name.startswith("registry.example.com/penstock:cpu-")


def test_an_image_that_was_built_is_checked_where_it_was_put(push, capfd):
    there = ("--repository", "registry.example.com/penstock")
    push("", *there)
    app(args=["image", "build", *there], standalone_mode=False)
    assert "image verify --repository registry.example.com/penstock" in capfd.readouterr().out


def test_nobody_is_told_to_sign_in_to_a_registry_of_theirs_as_to_amazons(said):
    pinned = f"python:3.11-slim@{DIGEST}"
    assert "login" not in said(pinned, "push", "--repository", "registry.example.com/penstock")
    assert "login" in said(pinned, "push", "--repository", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/penstock")
