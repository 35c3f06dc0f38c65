"""The authorities (CA) one of which must have signed a server's certificate: where they are kept, and as a file here.

    /path/of/ca.pem                         a file of this machine or image
    s3://bucket/key.pem                     an object on S3, trusted because few may write to that place
    s3://bucket/key.pem#sha256=64 digits    an object on S3, used only if it is exactly these bytes

Pinned, whoever can write to the bucket cannot have jobs trust another server. A new bundle never needs a new image.
"""

import functools
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from pipeline.aws_settings import PINNED_EXPECTED, PINNED_OBJECT
from pipeline.errors import ConfigError, StoreUnreachable
from pipeline.storage import is_remote
from pipeline.storage.errors import StorageError
from pipeline.storage.s3 import read_bytes

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def authorities_file(ca: str, folder: Path | None = None) -> str:
    """The path of a file with the authorities; an object on S3 is fetched if it is not there yet.

    Args:
      ca: a path, or an object.
      folder: where pinned objects are kept; None = one of this user's own in the folder for temporary files. What is in
        it is checked each time.

    Raises:
      ConfigError: the object holds other bytes than were pinned, or no certificate.
      StoreUnreachable: it is not there, or may not be read.
    """
    if not is_remote(ca):
        return ca
    if "#" not in ca:
        return _copied(ca)
    found = PINNED_OBJECT.fullmatch(ca)
    if found is None:
        raise ConfigError([f"The CA {ca}: expected {PINNED_EXPECTED}."])
    path = (folder or _own_folder()) / f"{found['sha256']}.pem"
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == found["sha256"]:
        return str(path)
    content = _fetched(found["uri"])
    _check(content, found["uri"], found["sha256"])
    _put(path, content)
    return str(path)


@functools.cache
def _copied(uri: str) -> str:
    """A copy of an object that is not pinned, for this process alone; read once, as it changes with years."""
    copy = Path(tempfile.mkdtemp(prefix="penstock-ca-"), "ca.pem")
    copy.write_bytes(_fetched(uri))
    return str(copy)


def _fetched(uri: str) -> bytes:
    try:
        content = read_bytes(uri)
    except StorageError as error:
        raise StoreUnreachable(f"The authorities (CA) of the lineage store's certificate: {error}") from error
    if _CERTIFICATE not in content:
        raise ConfigError([f"The CA {uri} holds no certificate in PEM. Put Amazon's there: docs/lineage-server.md."])
    return content


def _check(content: bytes, uri: str, sha256: str) -> None:
    if (seen := hashlib.sha256(content).hexdigest()) != sha256:
        raise ConfigError(
            [
                f"The CA {uri} is not what the configuration names: its SHA-256 begins with {seen[:12]}, not "
                f"{sha256[:12]}. Nothing is trusted. If you put a newer bundle there, change the digest in "
                "aws.metadata_ca; if not, find out who did."
            ]
        )


def _own_folder() -> Path:
    """A folder that only this user can write to."""
    folder = Path(tempfile.gettempdir()) / f"penstock-ca-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigError([f"{folder} is not a folder of this user alone: somebody made it before. Remove it."])
    return folder


def _put(path: Path, content: bytes) -> None:
    """Writes the file whole: others find all of it or nothing."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
