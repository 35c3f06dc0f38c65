"""Places on S3 that exec properties name, made local for the executor: a table from the property's name to how.

Each entry is a context manager around the executor. It yields the exec properties to put in place of the originals
(none if there is nothing to do). Its code after `yield` runs once the outputs are uploaded; if the executor fails, the
exception is thrown in at the `yield`, so that an entry can write back in any case, or leave it.
"""

import dataclasses
import glob
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pipeline.storage.download import Download, download
from pipeline.storage.pushed import mirrored_versions
from pipeline.storage.s3 import Location, is_remote, matching
from pipeline.storage.workspace import Workspace


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What an entry of the table has to go by.

    Attributes:
      workspace: where local copies belong.
      exec_properties: of the node, as they are so far.
      outputs: URIs of what the node writes.
    """

    workspace: Workspace
    exec_properties: Mapping[str, Any]
    outputs: tuple[str, ...] = ()

    def files(self, uris: Iterable[str]) -> dict[str, Path]:
        """Local copies of objects that need not be artifacts, by URI; errors as `download`'s."""
        copies = {uri: self.workspace.local(uri) for uri in uris}
        wanted = [Download(uri, target, is_artifact=False) for uri, target in copies.items()]
        download(wanted, for_whom=self.workspace.node_id)
        return copies

    def file(self, uri: str) -> Path:
        """A local copy of one object; errors as `download`'s."""
        return self.files([uri])[uri]


Localiser = Callable[[Fetched], AbstractContextManager[Mapping[str, Any]]]


def input_file(name: str) -> Localiser:
    """The entry for a property that names one file, which the executor reads."""

    @contextmanager
    def localise(fetched: Fetched) -> Iterator[Mapping[str, Any]]:
        uri = fetched.exec_properties[name]
        yield {name: str(fetched.file(uri))} if isinstance(uri, str) and is_remote(uri) else {}

    return localise


@contextmanager
def _input_base(fetched: Fetched) -> Iterator[Mapping[str, Any]]:
    """The files that an ExampleGen's patterns stand for, spans and versions filled in by its driver."""
    base, config = str(fetched.exec_properties["input_base"]), fetched.exec_properties.get("input_config")
    if not is_remote(base) or not config:
        yield {}
        return
    base = base.rstrip("/")
    bucket, local = Location.parse(base).bucket, fetched.workspace.local(base)
    local.mkdir(parents=True, exist_ok=True)
    for split in json.loads(config).get("splits", []):
        found = matching(f"{glob.escape(base)}/{split['pattern']}")
        uris = [Location(bucket, item.key).uri for item in found if not item.key.endswith("/")]
        wanted = set(fetched.files(uris).values())
        for path in map(Path, glob.glob(f"{glob.escape(str(local))}/{split['pattern']}")):
            if path not in wanted and path.is_file():
                path.unlink()  # it was there for an earlier node
    yield {"input_base": str(local)}


@contextmanager
def _push_destination(fetched: Fetched) -> Iterator[Mapping[str, Any]]:
    """The folder that models are pushed to; see `pushed`."""
    text = str(fetched.exec_properties["push_destination"])
    base = str(json.loads(text).get("filesystem", {}).get("base_directory", "")).rstrip("/")
    if not is_remote(base):
        yield {}
        return
    local = fetched.workspace.local(base)
    with mirrored_versions(base, local, fetched.outputs):
        yield {"push_destination": json.dumps({"filesystem": {"base_directory": str(local)}})}


@contextmanager
def _signing(fetched: Fetched) -> Iterator[Mapping[str, Any]]:
    """The public key that signatures are checked with, inside the settings of signing."""
    settings = json.loads(str(fetched.exec_properties["signing"]))
    key = settings.get("public_key") or ""
    yield {"signing": json.dumps({**settings, "public_key": str(fetched.file(key))})} if is_remote(key) else {}


EXEC_PROPERTIES: dict[str, Localiser] = {
    "schema_file": input_file("schema_file"),
    "serving_path": input_file("serving_path"),
    "review_path": input_file("review_path"),
    "public_key": input_file("public_key"),
    "signing": _signing,
    "input_base": _input_base,
    "push_destination": _push_destination,
}
"""Not here is what nodes share and change: a ledger (components/ledger) and the registry (components/model_registry)
are read and written on S3 itself, so that no change of anybody's is lost."""
