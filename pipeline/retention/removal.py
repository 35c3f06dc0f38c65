"""Removes folders that lie where they claim to lie: below the root, in no other place by way of a link."""

import os
import shutil
from pathlib import Path

AREAS = ("artifacts", "runs", "tries", "reproductions")
"""Folders of the root in which anything may ever be removed."""

_GOING = ".penstock-gc-"
"""Begins the name of a folder whose removal was begun: a removal that was killed is finished by the next."""


def refusal(path: Path, root: Path) -> str | None:
    """Why this must not be removed, None if it may be.

    Links are resolved for all of the path but its last part: a link itself may go, what it points to may not.
    """
    real_root = Path(os.path.realpath(root))
    place = Path(os.path.realpath(path.parent)) / path.name
    if path.name in ("", ".", "..") or not place.is_relative_to(real_root):
        return f"lies outside {root}, at {place}"
    parts = place.relative_to(real_root).parts
    if len(parts) < 2 or parts[0] not in AREAS:
        return f"is none of the places that may be cleaned ({', '.join(AREAS)})"
    return None


def remove(path: Path, root: Path) -> None:
    """Removes a folder, file or link; does nothing if it is not there.

    It is renamed first, so that nobody finds half of it. What a link points to stays.

    Raises:
      ValueError: it must not be removed (see `refusal`).
      OSError: it cannot be removed.
    """
    if problem := refusal(path, root):
        raise ValueError(f"{path} {problem}")
    going = path if path.name.startswith(_GOING) else path.with_name(f"{_GOING}{path.name}")
    if going != path and os.path.lexists(path):
        if os.path.lexists(going):
            _erase(going)
        path.rename(going)
    if os.path.lexists(going):
        _erase(going)


def leftovers(root: Path) -> list[Path]:
    """What earlier removals have begun and not finished."""
    found = []
    for area in AREAS:
        for folder, names, files in os.walk(root / area):
            found += [Path(folder) / name for name in (*names, *files) if name.startswith(_GOING)]
            names[:] = [name for name in names if not name.startswith(_GOING)]
    return found


def _erase(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)


def size_bytes(path: Path) -> int:
    """Bytes of all files below; a link counts as nothing, and is not followed."""
    if path.is_symlink() or not path.exists():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(path)
        for name in names
        if not os.path.islink(os.path.join(folder, name))
    )
