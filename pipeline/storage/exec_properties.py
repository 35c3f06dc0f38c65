"""Places on S3 that exec properties name, made local for the executor: a table from the property's name to how.

Each entry is a context manager around the executor. It yields the exec properties to put in place of the originals
(none if there is nothing to do). Its code after `yield` runs once the outputs are uploaded; if the executor fails, the
exception is thrown in at the `yield`, so that an entry can write back in any case, or leave it.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pipeline.storage.s3 import Location, is_remote, s3_client, told_in_our_words
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

    def file(self, uri: str) -> Path:
        """A local copy of one object, which need not be an artifact; fetched anew each time.

        Raises:
          NotPublished: there is no such object.
          StorageError: S3 does not answer.
        """
        place, target = Location.parse(uri), self.workspace.local(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        with told_in_our_words(place, "read"):
            s3_client().download_file(place.bucket, place.key, str(target))
        return target


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
