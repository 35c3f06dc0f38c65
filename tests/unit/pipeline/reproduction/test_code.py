"""A small git repository stands for the project."""

import subprocess

import pytest

from pipeline.caching.module_source import read_source
from pipeline.errors import NotReproduced
from pipeline.provenance import Provenance
from pipeline.reproduction.code import checked_out, find_code

NAME = "models/x/train.py"


def git(root, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", "-C", str(root), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "models" / "x").mkdir(parents=True)
    git(root, "init", "-q")
    commit(root, "epochs = 3\n")
    return root


def commit(root, text):
    (root / NAME).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    return git(root, "rev-parse", "HEAD")


def noted(commit_id, *, dirty=False):
    return Provenance(commit_id, dirty, None, "3.11.7", "Linux", {}, 1, 1)


def digests(text):
    return {NAME: read_source(text.encode()).digest}


def test_code_that_lies_here_unchanged_is_run_from_here(project):
    head = git(project, "rev-parse", "HEAD")
    found = find_code(digests("epochs = 3  # with a comment\n"), noted(head), project)
    assert (found.ingredient.standing, found.commit) == ("same", None)


def test_code_that_changed_since_is_taken_from_the_commit(project):
    then = git(project, "rev-parse", "HEAD")
    commit(project, "epochs = 4\n")
    found = find_code(digests("epochs = 3\n"), noted(then), project)
    assert (found.ingredient.standing, found.commit) == ("same", then)
    assert NAME in found.ingredient.seen
    with checked_out(found.commit, project.parent / "worktree", project) as folder:
        assert (folder / NAME).read_text() == "epochs = 3\n"
        assert (project / NAME).read_text() == "epochs = 4\n"
    assert not folder.exists()
    assert git(project, "worktree", "list").count("\n") == 0


def test_the_worktree_goes_even_if_the_run_fails(project):
    head = git(project, "rev-parse", "HEAD")
    with pytest.raises(KeyboardInterrupt), checked_out(head, project.parent / "worktree", project):
        raise KeyboardInterrupt
    assert not (project.parent / "worktree").exists()


def test_uncommitted_changes_cannot_be_brought_back_and_are_named(project):
    head = git(project, "rev-parse", "HEAD")
    found = find_code(digests("epochs = 99\n"), noted(head, dirty=True), project)
    assert (found.ingredient.standing, found.ingredient.blocks) == ("differs", True)
    assert f"uncommitted changes of {NAME}" in found.ingredient.seen


def test_a_commit_that_git_does_not_have_is_said(project):
    found = find_code(digests("epochs = 99\n"), noted("0" * 40), project)
    assert found.ingredient.blocks
    assert "not in this checkout's git" in found.ingredient.seen
    with pytest.raises(NotReproduced, match="cannot check out"), checked_out("0" * 40, project.parent / "w", project):
        pass


def test_outside_git_changed_code_is_said(tmp_path):
    (tmp_path / "models" / "x").mkdir(parents=True)
    (tmp_path / NAME).write_text("epochs = 4\n")
    found = find_code(digests("epochs = 3\n"), noted(None), tmp_path)
    assert found.ingredient.blocks
    assert "noted no commit" in found.ingredient.seen


def test_a_file_that_is_gone_here_is_a_change(project):
    then = git(project, "rev-parse", "HEAD")
    (project / NAME).unlink()
    assert find_code(digests("epochs = 3\n"), noted(then), project).commit == then


@pytest.mark.parametrize(
    ("dirty", "known", "standing"), [(False, True, "same"), (False, False, "missing"), (True, True, "unknown")]
)
def test_a_run_without_digests_is_known_by_its_commit(project, dirty, known, standing):
    head = git(project, "rev-parse", "HEAD") if known else "0" * 40
    assert find_code({}, noted(head, dirty=dirty), project).ingredient.standing == standing
    assert find_code({}, None, project).ingredient.standing == "unknown"
