"""Whether a complete artifact is on S3, and its removal."""

from typing import Any

from pipeline.storage.errors import Damaged, NotPublished
from pipeline.storage.manifest import SUFFIX, Manifest, StoredFile
from pipeline.storage.s3 import (
    Location,
    StoredObject,
    delete,
    describe,
    head,
    listing,
    read_text,
    s3_client,
    sha256_of,
)


def manifest_place(place: Location) -> Location:
    """Where the manifest of the artifact lies: beside it, so that the artifact holds what its node wrote, no more."""
    return Location(place.bucket, f"{place.key}{SUFFIX}")


def read_manifest(uri: str) -> Manifest | None:
    """The manifest of the artifact at `uri`, None if nothing is published there.

    Raises:
      Damaged: it is no manifest.
      StorageError: S3 does not answer.
    """
    place = Location.parse(uri)
    try:
        text = read_text(manifest_place(place).uri)
    except NotPublished:
        return None
    return Manifest.from_json(text, place.uri)


def published_fingerprint(uri: str) -> str | None:
    """The fingerprint of what is published at `uri`, None if nothing is."""
    manifest = read_manifest(uri)
    return None if manifest is None else manifest.fingerprint


def why_not_intact(uri: str, recorded: str) -> str:
    """Why what is published at `uri` is not what was recorded of it, "" if it is; looks at no object's content.

    An object counts as unchanged if S3's name for its state (ETag) is the manifest's, or failing that the SHA-256 that
    S3 computed of it. Who uses the artifact downloads it and compares its bytes' SHA-256 too.

    Raises:
      StorageError: S3 does not answer.
    """
    try:
        manifest = read_manifest(uri)
    except Damaged as error:
        return str(error)
    if manifest is None:
        return f"{uri} was deleted"
    if manifest.fingerprint != recorded:
        return f"{uri} was changed since it was written"
    client, place = s3_client(), Location.parse(uri)
    present = objects_of(place, client)
    for file in manifest.files:
        found = present.pop(file.name, None)
        if found is None:
            return f"{place.below(file.name).uri} was deleted"
        if not _is_as_written(place.below(file.name), found, file, client):
            return f"{place.below(file.name).uri} was changed since it was written"
    added = sorted(name for name in present if not name.endswith("/"))
    return f"{place.below(added[0]).uri} was added since {uri} was written" if added else ""


def objects_of(place: Location, client: Any) -> dict[str, StoredObject]:
    """The objects of the artifact by name: those below it, or the one at it (""); markers of folders included."""
    prefix = f"{place.key}/"
    found = {item.key.removeprefix(prefix): item for item in listing(place, client)}
    if not found and (alone := describe(place, client)) is not None:
        return {"": alone}
    return found


def _is_as_written(place: Location, found: StoredObject, file: StoredFile, client: Any) -> bool:
    if found.size != file.size:
        return False
    if found.etag == file.etag:
        return True
    answer = head(place, client)  # written anew, perhaps with the same bytes
    return answer is not None and sha256_of(answer) == file.sha256


def remove(uri: str) -> None:
    """Removes the artifact at `uri`, its manifest first, so that a half removed one is not taken for whole.

    Raises:
      StorageError: S3 does not let it be removed.
    """
    place, client = Location.parse(uri), s3_client()
    delete([manifest_place(place)], client)
    delete([place, *(Location(place.bucket, item.key) for item in listing(place, client))], client)
