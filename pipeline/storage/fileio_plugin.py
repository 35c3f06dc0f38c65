"""TFX's file operations for `s3://`, on the S3 client inside pyarrow (which TFX brings along anyway).

TensorFlow 2.21 has no file system for S3 and tensorflow-io does not load with it. Executors do not need this (they see
local paths, `pipeline.storage.localize`); TFX's own launcher, drivers, resolvers and placeholders do.
"""

import dataclasses
import fnmatch
import functools
import io
import os
import posixpath
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyarrow import fs
from tfx.dsl.io import fileio, filesystem, filesystem_registry  # fileio registers TFX's own plugins first

from pipeline.storage.s3 import SCHEME, Location, s3_client, told_in_our_words

_IN_MEMORY_BYTES = 16 * 2**20
"""What is written is kept in memory up to this size, on the disk beyond it."""

_PRIORITY = 0
"""TFX takes the plugin with the least; TensorFlow's, which claims s3:// without being able to, has 10."""


def register() -> None:
    """Has `tfx.dsl.io.fileio` use this plugin for `s3://`; once more does no harm."""
    assert fileio
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(S3Filesystem, priority=_PRIORITY)


@dataclasses.dataclass(frozen=True)
class Status:
    """What `fileio.stat` tells: as much as TFX asks for, under the names of TensorFlow's and of Python's."""

    length: int
    mtime_nsec: int
    is_directory: bool

    @property
    def st_size(self) -> int:
        """Bytes."""
        return self.length

    @property
    def st_mtime(self) -> float:
        """Seconds since 1970."""
        return self.mtime_nsec / 1e9


class S3Filesystem(filesystem.Filesystem):
    """See `tfx.dsl.io.filesystem.Filesystem`. A folder is there if something is below it, or as an empty marker."""

    SUPPORTED_SCHEMES = [SCHEME]  # noqa: RUF012 - TFX reads it

    @staticmethod
    def open(name: Any, mode: str = "r") -> Any:
        """A file for reading or writing as a whole; what is written is there once it is closed."""
        kind = mode.replace("b", "").replace("t", "")
        if kind not in ("r", "w"):
            raise ValueError(f"{name}: a file on S3 can be read or written as a whole, not opened with mode {mode!r}.")
        with _not_found_as_tfx():
            raw = _client().open_input_file(_path(name)) if kind == "r" else _Writer(name)
        return raw if "b" in mode else io.TextIOWrapper(raw, encoding="utf-8", newline="" if kind == "w" else None)

    @staticmethod
    def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
        """Copies one object."""
        _refuse_existing(dst, overwrite)
        with _not_found_as_tfx():
            _client().copy_file(_path(src), _path(dst))

    @staticmethod
    def exists(path: Any) -> bool:
        """True for an object and for a folder."""
        return bool(_info(path).type != fs.FileType.NotFound)

    @staticmethod
    def isdir(path: Any) -> bool:
        """True for a folder."""
        return bool(_info(path).type == fs.FileType.Directory)

    @staticmethod
    def listdir(path: Any) -> list[Any]:
        """The names in a folder."""
        with _not_found_as_tfx():
            return [info.base_name for info in _client().get_file_info(fs.FileSelector(_path(path)))]

    @staticmethod
    def glob(pattern: Any) -> list[Any]:
        """What matches, part by part as in a shell, sorted."""
        parts = _path(pattern).split("/")
        fixed = next((number for number, part in enumerate(parts) if set(part) & set("*?[")), None)
        if fixed is None:
            return [pattern] if S3Filesystem.exists(pattern) else []
        return sorted(SCHEME + path for path in _matches("/".join(parts[:fixed]), parts[fixed:]))

    @staticmethod
    def makedirs(path: Any) -> None:
        """Makes the folder's marker, and those above it."""
        if "/" in _path(path):
            _client().create_dir(_path(path), recursive=True)

    @staticmethod
    def mkdir(path: Any) -> None:
        """As `makedirs`: S3 has no folders that could be missing."""
        S3Filesystem.makedirs(path)

    @staticmethod
    def remove(path: Any) -> None:
        """Deletes one object."""
        with _not_found_as_tfx():
            _client().delete_file(_path(path))

    @staticmethod
    def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
        """Copies and deletes, since S3 has no renaming."""
        _refuse_existing(dst, overwrite)
        client = _client()
        with _not_found_as_tfx():
            if S3Filesystem.isdir(src):
                fs.copy_files(_path(src), _path(dst), source_filesystem=client, destination_filesystem=client)
                client.delete_dir(_path(src))
            else:
                client.move(_path(src), _path(dst))

    @staticmethod
    def rmtree(path: Any) -> None:
        """Deletes the folder with all below it, or the object."""
        kind = _info(path).type
        if kind == fs.FileType.NotFound:
            raise filesystem.NotFoundError(f"{path}: not found")
        (_client().delete_dir if kind == fs.FileType.Directory else _client().delete_file)(_path(path))

    @staticmethod
    def stat(path: Any) -> Status:
        """Size and time of change."""
        info = _info(path)
        if info.type == fs.FileType.NotFound:
            raise filesystem.NotFoundError(f"{path}: not found")
        return Status(info.size or 0, info.mtime_ns or 0, info.type == fs.FileType.Directory)

    @staticmethod
    def walk(top: Any, topdown: bool = True, onerror: Callable[..., None] | None = None) -> Iterator[Any]:
        """As `os.walk`."""
        with _not_found_as_tfx():
            infos = _client().get_file_info(fs.FileSelector(_path(top)))
        names = [info.base_name for info in infos if info.type == fs.FileType.Directory]
        here = (top, names, [info.base_name for info in infos if info.type == fs.FileType.File])
        if topdown:
            yield here
        for name in names:
            yield from S3Filesystem.walk(posixpath.join(top, name), topdown, onerror)
        if not topdown:
            yield here


class _Writer(io.RawIOBase):
    """Keeps what is written and sends it when it is closed, in one checked request (pyarrow's stream needs three).

    Takes text too where bytes are due: TFX writes it to files opened with 'wb', as TensorFlow's lets it.
    """

    def __init__(self, name: Any) -> None:
        self._place = Location.parse(os.fsdecode(name))
        self._content = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `close`

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._content.write(data.encode("utf-8") if isinstance(data, str) else bytes(data))
        return len(data)

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        with self._content, told_in_our_words(self._place, "write"):
            self._content.seek(0)
            checked = {"ChecksumAlgorithm": "SHA256"}
            s3_client().upload_fileobj(self._content, self._place.bucket, self._place.key, ExtraArgs=checked)


def _client() -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return _filesystem(endpoint, region, os.environ.get("AWS_ACCESS_KEY_ID"), os.getpid())


@functools.lru_cache(maxsize=4)
def _filesystem(endpoint: str | None, region: str | None, _identity: str | None, _process: int) -> Any:
    options = {"endpoint_override": endpoint, "region": region}
    return fs.S3FileSystem(**{name: value for name, value in options.items() if value})


def _path(name: Any) -> str:
    """`bucket/key`, as pyarrow wants it."""
    text = os.fsdecode(name)
    place = Location.parse(text)
    return f"{place.bucket}/{place.key}".rstrip("/")


def _info(name: Any) -> Any:
    return _client().get_file_info(_path(name))


def _refuse_existing(path: Any, overwrite: bool) -> None:
    if not overwrite and S3Filesystem.exists(path):
        raise OSError(f"{path} exists, and overwriting it was not asked for.")


def _matches(base: str, parts: list[str]) -> Iterator[str]:
    for info in _client().get_file_info(fs.FileSelector(base, allow_not_found=True)):
        if fnmatch.fnmatchcase(info.base_name, parts[0]):
            if len(parts) == 1:
                yield info.path
            elif info.type == fs.FileType.Directory:
                yield from _matches(info.path, parts[1:])


@contextmanager
def _not_found_as_tfx() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise filesystem.NotFoundError(str(error)) from error
