"""A run notes where it comes from; git itself is the second source."""

import hashlib
import subprocess

import pytest

from pipeline.provenance import Provenance, collect


def git(folder, *arguments):
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "requirements.lock").write_text("tfx==1.21.0\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_commit_and_the_lock_are_those_of_the_checkout(checkout):
    found = collect(checkout)
    assert found.git_commit == git(checkout, "rev-parse", "HEAD")
    assert found.git_dirty is False
    assert found.lock_digest == hashlib.sha256(b"tfx==1.21.0\n").hexdigest()
    assert found.packages["tfx"] == "1.21.0"


def test_an_edit_that_is_not_committed_is_told(checkout):
    (checkout / "requirements.lock").write_text("tfx==1.22.0\n")
    assert collect(checkout).git_dirty is True


def test_a_folder_without_git_and_lock_has_no_commit(tmp_path):
    found = collect(tmp_path)
    assert (found.git_commit, found.git_dirty, found.lock_digest) == (None, None, None)


def test_it_survives_its_file(checkout, tmp_path):
    found = collect(checkout)
    (tmp_path / "provenance.json").write_text(found.to_json())
    assert Provenance.read(tmp_path / "provenance.json") == found
