"""`penstock image` in a checkout of a few files; no engine is there, so what would be run is told."""

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
def said(tmp_path, monkeypatch):
    """What a verb says, with a base image in the file that pins it."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(provenance, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(base, *words):
        (tmp_path / BASE_FILE).write_text(f"{base}\n")
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
