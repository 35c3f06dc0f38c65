"""A model folder as `model.tar.gz`: the same files give the same bytes, whoever packs them and when. Files only.

Inside is one folder named by the version, as TensorFlow Serving and our own server want it, with the push's receipt and
the signature, so that a server can check what it loads.
"""

import gzip
import hashlib
import tarfile
from pathlib import Path

from components.errors import ComponentError


def pack_model(folder: Path, version: str, target: Path) -> str:
    """Writes the archive; returns its SHA-256.

    Args:
      folder: the SavedModel's folder.
      version: its number, the folder's name inside.
      target: the archive to write.

    Raises:
      ComponentError: something in the folder is no plain file or folder.
    """
    paths = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ComponentError(f"{path}: no plain file, which no signature covers; it is not packed. Push again.")
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in paths:
            if path.is_file():
                _add(archive, path, f"{version}/{path.relative_to(folder).as_posix()}")
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)  # owner, time and rights are not the file's: they differ from machine to machine
    entry.size, entry.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        archive.addfile(entry, file)
