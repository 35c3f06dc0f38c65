"""Pushed versions on S3, for a Pusher that publishes into a folder of its machine.

The Pusher finds a mirror of the versions that there are, and makes a new one in it, or none. A new one is uploaded once
the node's outputs are, and its manifest is written last: whoever takes only versions with a manifest (`1795390213/` and
`1795390213.manifest.json`) sees a version whole, signature included, or not at all.

    s3://bucket/prefix/pushed/reviews/
      1795390213/assets.extra/penstock_push.json    written first, if no other push has taken the number
      1795390213/saved_model.pb …
      1795390213.manifest.json                      written last
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.pusher.publish import RECEIPT, versions
from pipeline.storage.download import Download, download, remove_local
from pipeline.storage.errors import NotPublished, StorageError
from pipeline.storage.published import read_manifest, remove
from pipeline.storage.s3 import CONNECTIONS, Location, folders, read_bytes, write_bytes
from pipeline.storage.upload import upload

_RECENT = 20
"""So many of the newest are looked at: a push that is repeated after a restart is among these."""


@contextmanager
def mirrored_versions(base: str, local: Path, push_ids: Sequence[str]) -> Iterator[None]:
    """Has the versions below `base` at `local`, and publishes there what is new in it when the block ends well.

    Whole is only what the Pusher may look into: the newest version, and one that this very push made before it was
    killed. Of the others it needs the number. What a killed push has left (a folder without a manifest) is no version:
    this push's own is removed, so that it starts clean; of another's, which may be under way, only the number is taken.

    Args:
      base: the folder that servers watch, `s3://…`.
      local: a folder, made if need be; versions in it are made anew.
      push_ids: what the receipts of this push say; see `components.pusher.publish`.

    Raises:
      StorageError: S3 does not answer, or another push took the number of the new version at the same moment.
    """
    local.mkdir(parents=True, exist_ok=True)
    for stale in [path for path in local.iterdir() if path.name.isdecimal()]:
        remove_local(stale)
    found = _look(base, push_ids)
    for name in found.own_leftovers:
        remove(f"{base}/{name}")
    for name in found.taken:
        (local / name).touch()  # a name, and no version
    for name in set(found.versions) - set(found.needed):
        (local / name).mkdir()
    download([Download(f"{base}/{name}", local / name) for name in found.needed])
    yield
    for version in versions(local):
        if version.name not in found.versions:
            _publish(version, f"{base}/{version.name}")


@dataclasses.dataclass(frozen=True)
class _Found:
    """What is below a base; names are numbers, in order.

    Attributes:
      versions: with a manifest; of the older ones it is taken for granted.
      needed: those of them that the Pusher may look into.
      own_leftovers: without a manifest, begun by this very push.
      taken: without a manifest, begun by another push.
    """

    versions: list[str]
    needed: list[str]
    own_leftovers: list[str]
    taken: list[str]


def _look(base: str, push_ids: Sequence[str]) -> _Found:
    present = sorted((name for name in folders(Location.parse(base)) if name.isdecimal()), key=int)
    older, recent = present[:-_RECENT], present[-_RECENT:]
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="receipt") as pool:
        whole = list(pool.map(lambda name: read_manifest(f"{base}/{name}") is not None, recent))
        receipts = list(pool.map(lambda name: _receipt(f"{base}/{name}"), recent))
    published = [name for name, is_whole in zip(recent, whole, strict=True) if is_whole]
    mine = [name for name, receipt in zip(recent, receipts, strict=True) if receipt.get("push_id") in push_ids]
    return _Found(
        versions=[*older, *published],
        needed=sorted({*(name for name in mine if name in published), *published[-1:]}, key=int),
        own_leftovers=[name for name in mine if name not in published],
        taken=[name for name in recent if name not in published and name not in mine],
    )


def _receipt(version: str) -> Mapping[str, Any]:
    """What the push that made a version left in it; empty if there is none."""
    try:
        receipt: Mapping[str, Any] = json.loads(read_bytes(f"{version}/{RECEIPT}"))
    except NotPublished:
        return {}
    return receipt


def _publish(version: Path, uri: str) -> None:
    receipt = (version / RECEIPT).read_bytes()
    if not write_bytes(f"{uri}/{RECEIPT}", receipt, if_absent=True):
        raise StorageError(
            f"{uri}: another push took this number at the same moment. Nothing of this one is visible. Push again: "
            "start the node once more."
        )
    upload(version, uri)
