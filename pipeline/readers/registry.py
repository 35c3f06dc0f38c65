"""As what a run's model was registered, and where that version stands now."""

import dataclasses
from pathlib import Path

from components.ledger.ledger import Ledger, LedgerDamaged, is_on_s3
from components.ledger.s3_object import LedgerUnreachable
from components.model_registry.document import VERSION_FILE, VersionDocument
from components.model_registry.local import RECORD
from components.model_registry.versions import ModelVersion, read_history
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object


@dataclasses.dataclass(frozen=True)
class Registered:
    """The version of a run.

    Attributes:
      document: what the node wrote.
      version: as the registry has it now, None if it was not registered or the registry cannot be read.
      problem: why the registry cannot be read, empty if it can.
    """

    document: VersionDocument
    version: ModelVersion | None
    problem: str

    @property
    def stage(self) -> str:
        """Where it stands now, or stood when it was registered if that is not known; empty without a version."""
        return self.version.stage if self.version else self.document.stage

    @property
    def sentence(self) -> str:
        """`version 1795390213 of reviews, candidate; unsigned: signing.mode is unsigned`."""
        document = self.document
        if not document.registered:
            return f"not registered. {document.reason}"
        problem = f" ({self.problem})" if self.problem else ""
        return f"version {document.version} of {document.name}, {self.stage}; {document.signature}{problem}"


def read_registered(folder: Path, registry: Path | None = None) -> Registered:
    """The version in a PenstockModelVersion artifact.

    Args:
      folder: the artifact's.
      registry: the registry's folder, where it is not where it was.

    Raises:
      NotFound: the document is not there, or of another format.
    """
    path = folder / VERSION_FILE
    try:
        document = VersionDocument.from_json(read_object(path))
    except (ValueError, TypeError) as error:
        raise NotFound(f"{path}: not a registered version ({error}).") from error
    if not document.registered:
        return Registered(document, None, "")
    record: Path | str = (registry or Path(document.registry)) / RECORD
    if is_on_s3(document.registry):
        record = f"{document.registry}/{RECORD}"
    try:
        version = read_history(Ledger(record).entries()).versions.get(document.version)
    except LedgerDamaged:
        return Registered(document, None, "The registry's record was tampered with; penstock models says where.")
    except LedgerUnreachable as error:
        return Registered(document, None, f"The registry's record cannot be read: {error}")
    except OSError as error:
        return Registered(document, None, f"The registry's record cannot be read ({error.strerror}): {record}.")
    gone = f"The registry knows no version {document.version} any more."
    return Registered(document, version, "" if version else gone)
