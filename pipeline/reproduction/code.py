"""The code that a run ran: is it what lies here, is it in git, or is it gone?

A run notes the digest of every local file behind its nodes. Where what lies here has other digests, the commit that
the run noted is asked for the same files; if they match, a temporary worktree of it runs the pipeline.
"""

import contextlib
import dataclasses
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pipeline.caching.module_source import read_source
from pipeline.errors import NotReproduced
from pipeline.provenance import PROJECT_ROOT, Provenance
from pipeline.reproduction.ingredient import Ingredient

_GIT_TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True)
class CodeSource:
    """Where to run from: `commit` is None for the code as it lies here."""

    ingredient: Ingredient
    commit: str | None = None


def find_code(digests: Mapping[str, str], then: Provenance | None, root: Path = PROJECT_ROOT) -> CodeSource:
    """The code to run with, and how it stands to what the run ran.

    Args:
      digests: of each file below the project, as the run noted them (see pipeline.caching.module_source).
      then: what the run noted of git.
      root: the project.
    """
    commit = then.git_commit if then else None
    is_there = commit is not None and _has_commit(root, commit)
    if not digests:
        return _by_commit_alone(then, is_there=is_there)
    here = differing(digests, lambda name: _read(root / name))
    if not here:
        return CodeSource(Ingredient("code", "same", f"{len(digests)} files here are as they were"))
    if commit is None:
        return CodeSource(_changed(here, "and the run noted no commit to take them from"))
    if not is_there:
        return CodeSource(_changed(here, f"and commit {commit[:12]} is not in this checkout's git; fetch it"))
    there = differing(digests, lambda name: _read_at(root, commit, name))
    if not there:
        seen = f"{', '.join(_few(here))} changed since; taken from commit {commit[:12]}"
        return CodeSource(Ingredient("code", "same", seen), commit)
    dirty = f"the run was started with uncommitted changes of {', '.join(_few(there))}, which nobody kept"
    if len(there) < len(here):
        return CodeSource(
            Ingredient("code", "differs", f"{dirty}; nearest is commit {commit[:12]}", blocks=True), commit
        )
    return CodeSource(Ingredient("code", "differs", f"{dirty}; nearest is the code as it lies here", blocks=True))


def differing(digests: Mapping[str, str], content_of: Callable[[str], bytes | None]) -> list[str]:
    """Names of the files whose content has another digest, or none."""
    found = []
    for name, digest in sorted(digests.items()):
        content = content_of(name)
        if content is None or read_source(content).digest != digest:
            found.append(name)
    return found


def _by_commit_alone(then: Provenance | None, *, is_there: bool) -> CodeSource:
    """What can be said of a run that noted no digests."""
    if then is None or then.git_commit is None:
        return CodeSource(Ingredient("code", "unknown", "the run noted neither digests nor a commit"))
    if then.git_dirty:
        seen = f"commit {then.git_commit[:12]} with uncommitted changes, which nobody kept; today's code is taken"
        return CodeSource(Ingredient("code", "unknown", seen))
    if not is_there:
        return CodeSource(
            Ingredient("code", "missing", f"commit {then.git_commit[:12]} is not in this checkout's git", blocks=True)
        )
    return CodeSource(Ingredient("code", "same", f"taken from commit {then.git_commit[:12]}"), then.git_commit)


def _changed(names: list[str], why: str) -> Ingredient:
    return Ingredient("code", "differs", f"{', '.join(_few(names))} changed since, {why}", blocks=True)


def _few(names: list[str]) -> list[str]:
    return names if len(names) <= 5 else [*names[:5], f"{len(names) - 5} more"]


@contextlib.contextmanager
def checked_out(commit: str | None, folder: Path, root: Path = PROJECT_ROOT) -> Iterator[Path]:
    """The project's folder to run from: here, or a worktree of the commit that goes when the block ends.

    Raises:
      NotReproduced: git cannot make the worktree.
    """
    if commit is None:
        yield root
        return
    _git(root, "worktree", "prune")  # what a killed reproduction has left
    done = _git(root, "worktree", "add", "--detach", "--force", str(folder), commit)
    if done.returncode != 0:
        raise NotReproduced(f"git cannot check out commit {commit} into {folder}: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        _git(root, "worktree", "remove", "--force", str(folder))


def _has_commit(root: Path, commit: str) -> bool:
    return _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _read_at(root: Path, commit: str, name: str) -> bytes | None:
    """The file as it was in that commit, None if it was not in it."""
    done = _git(root, "show", f"{commit}:./{name}")
    return done.stdout if done.returncode == 0 else None


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=_GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:  # no git here, or it does not answer: as if it said no
        return subprocess.CompletedProcess(command, 127, b"", str(error).encode())
