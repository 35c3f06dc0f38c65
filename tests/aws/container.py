"""What makes a process look to itself like a container of SageMaker's: `/opt/ml` of its own, and the given environment.

A user and mount namespace (Linux; as root, or where users may make namespaces): `/opt/ml` is an empty file system in
memory with the job's volumes in it, and nothing of it is there for anybody else. Everything else is the host's. Uses
the standard library only: it runs in two environments.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_NEW_NAMESPACES = 0x10000000 | 0x00020000  # CLONE_NEWUSER | CLONE_NEWNS
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18  # MS_BIND, MS_REC, MS_PRIVATE
_DETACH = 2  # MNT_DETACH

_BUILT_IN = "/mnt"
"""An empty folder of every system, where the new `/opt` is built before it takes its place."""

_libc = ctypes.CDLL(None, use_errno=True)


def enter(volumes: Sequence[tuple[str, str]] | None, environment: Mapping[str, str], folder: str) -> None:
    """Turns this process, which must have one thread only, into the container's.

    Args:
      volumes: folders of the host, and where below `/opt/ml` they are; None for a container with no such folder.
      environment: replaces the process's own.
      folder: to work in.

    Raises:
      OSError: the system does not let this user make namespaces.
    """
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(_NEW_NAMESPACES), "make a user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    if volumes is not None:
        _replace_opt(sorted(volumes, key=lambda volume: len(volume[1])))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


def know_hosts(hosts: Mapping[str, str]) -> None:
    """Has names lead to addresses, in this container (which was entered) only."""
    if not hosts:
        return
    known = Path("/etc/hosts").read_text() if Path("/etc/hosts").exists() else ""
    lines = "".join(f"{address} {name}\n" for name, address in hosts.items())
    with tempfile.NamedTemporaryFile("w", suffix=".hosts") as file:
        file.write(f"{known}\n{lines}")
        file.flush()
        _mount(file.name, "/etc/hosts", None, _BIND)


def _replace_opt(volumes: Sequence[tuple[str, str]]) -> None:
    """Puts what is in `/opt` and the new `/opt/ml` in the place of `/opt`: the host's own may not be written to."""
    _mount("tmpfs", _BUILT_IN, "tmpfs", 0)
    for entry in Path("/opt").iterdir():
        if entry.is_dir() and entry.name != "ml":
            Path(_BUILT_IN, entry.name).mkdir()
            _mount(str(entry), f"{_BUILT_IN}/{entry.name}", None, _BIND | _RECURSIVE)
    for source, target in volumes:
        place = Path(_BUILT_IN, Path(target).relative_to("/opt"))
        place.mkdir(parents=True, exist_ok=True)
        _mount(source, str(place), None, _BIND)
    Path(_BUILT_IN, "ml").mkdir(exist_ok=True)
    _mount(_BUILT_IN, "/opt", None, _BIND | _RECURSIVE)
    _check(_libc.umount2(_BUILT_IN.encode(), _DETACH), f"unmount {_BUILT_IN}")


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    _check(_libc.mount(*words, ctypes.c_ulong(flags), None), f"mount {source or ''} on {target}")


def _check(answer: int, what: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"The stand-in for containers could not {what}: {os.strerror(number)}")


def run(words: Sequence[str], volumes: Sequence[tuple[str, str]], environment: Mapping[str, str], folder: str) -> None:
    """Becomes the program that the words name, in a container; never returns."""
    try:
        enter(volumes, environment, folder)
        os.execvpe(words[0], list(words), dict(environment))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
    os._exit(125)
