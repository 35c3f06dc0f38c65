"""Small texts at places that are `s3://…` or paths: what runs leave below a root, be it on S3 or on a volume.

What the file system refuses is told as what S3 refuses: a `StorageError`.
"""

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pipeline.storage.errors import NotPublished, NotReached
from pipeline.storage.s3 import CONNECTIONS, Location, folders, is_remote, listing, read_text, write_text


def text_at(place: str) -> str | None:
    """The text there (UTF-8), None if there is none.

    Raises:
      StorageError: the place cannot be read.
    """
    if is_remote(place):
        try:
            return read_text(place)
        except NotPublished:
            return None
    with _told(place, "read"):
        return Path(place).read_text(encoding="utf-8") if Path(place).is_file() else None


def put_text(place: str, text: str, *, if_absent: bool = False) -> None:
    """Writes the text whole, with the folders that are missing; with `if_absent` what is there is let alone.

    Raises:
      StorageError: the place does not take it.
    """
    if is_remote(place):
        write_text(place, text, if_absent=if_absent)
        return
    path = Path(place)
    if if_absent and path.is_file():
        return
    with _told(place, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def texts_below(place: str, ending: str) -> dict[str, str]:
    """The texts below the place whose names end so, by their places, in order.

    Raises:
      StorageError: one of them cannot be read.
    """
    if not is_remote(place):
        with _told(place, "read"):
            paths = sorted(path for path in Path(place).rglob(f"*{ending}") if not path.name.startswith("."))
            return {str(path): path.read_text(encoding="utf-8") for path in paths}
    bucket = Location.parse(place).bucket
    found = [item.key for item in listing(Location.parse(place)) if item.key.endswith(ending)]
    uris = [Location(bucket, key).uri for key in found]
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="texts") as pool:
        return dict(zip(uris, pool.map(read_text, uris), strict=True))


def folders_below(place: str) -> list[str]:
    """The names of the folders one level below the place, in order.

    Raises:
      StorageError: the place cannot be read.
    """
    if is_remote(place):
        return folders(Location.parse(place))
    with _told(place, "list"):
        return sorted(path.name for path in Path(place).glob("*") if path.is_dir())


@contextmanager
def _told(place: str, act: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        who = f"user {os.getuid()}"
        raise NotReached(
            f"{error.filename or place}: could not {act} ({error.strerror or error}). Check that the volume is mounted "
            f"and that {who} may use it."
        ) from error
