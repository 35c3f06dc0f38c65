"""Places on S3 that exec properties name, made local for the executor: a table from the property's name to how.

Each entry is a context manager around the executor. It yields the exec properties to put in place of the originals
(none if there is nothing to do). Its code after `yield` runs once the outputs are uploaded; if the executor fails, the
exception is thrown in at the `yield`, so that an entry can write back in any case, or leave it.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pipeline.storage.download import Download, download
from pipeline.storage.s3 import is_remote
from pipeline.storage.workspace import Workspace


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What an entry of the table has to go by.

    Attributes:
      workspace: where local copies belong.
      exec_properties: of the node, as they are so far.
    """

    workspace: Workspace
    exec_properties: Mapping[str, Any]

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


EXEC_PROPERTIES: dict[str, Localiser] = {
    "schema_file": input_file("schema_file"),
    "public_key": input_file("public_key"),
}
