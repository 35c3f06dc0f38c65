"""ML Metadata for several processes at once; on SQLite one at a time is inside, the others wait.

SQLite lets one process write, and tells the others "database is locked"; ML Metadata turns that into a failed node.
So a connection holds a lock on a file beside the database from the first `with` to its end. Executors run outside it:
the launcher leaves the connection before. Servers need no lock; why one says no is found out and told.
"""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tfx.orchestration.metadata import Metadata

from pipeline.caching.store_lock import lock_at
from pipeline.metadata.server_check import answers_again, check_certificate, explained

PATIENCE_S = 300.0
"""How long a node waits for a server that is restarted or replaced; that of a failover is one to two minutes."""


class LockedMetadata(Metadata):
    """TFX's connection, holding the lock while it is entered; without a lock for stores that are servers."""

    def __init__(self, connection_config: Any, renewed: Callable[[], Any] | None = None) -> None:
        """A connection to the store of this configuration.

        Args:
          connection_config: ML Metadata's.
          renewed: gives it anew, for a password that was changed while a node worked.
        """
        super().__init__(connection_config)
        self._connection_config: Any = connection_config  # TFX's own attribute, by which it connects
        self._renewed = renewed
        self._lock_path = _lock_path_of(connection_config)
        self._has_connected = False

    def __enter__(self) -> "LockedMetadata":
        if self._lock_path is not None:
            lock_at(self._lock_path).acquire()
        try:
            self._connect()
        except BaseException:
            self._release()
            raise
        return self

    def _connect(self) -> None:
        """Connects, by all means to a server that answered before: hours of a node's work may be to be published.

        Then a server that is restarted is waited for, and a password that was changed is read again.
        """
        check_certificate(self._connection_config)
        try:
            super().__enter__()
        except RuntimeError as error:
            if not (self._has_connected and self._connects_again()):
                raise explained(self._connection_config, error) from error
            super().__enter__()
        self._has_connected = True

    def _connects_again(self) -> bool:
        """True once the server lets us in; takes the newest password if it is not the one that is known."""
        if answers_again(self._connection_config, PATIENCE_S):
            return True
        if self._renewed is None:
            return False
        self._connection_config = self._renewed()
        return answers_again(self._connection_config, 0.0)

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        try:
            super().__exit__(exc_type, exc_value, exc_tb)
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock_path is not None:
            lock_at(self._lock_path).release()


def _lock_path_of(connection_config: Any) -> Path | None:
    fields = {descriptor.name for descriptor, _ in connection_config.ListFields()}
    return lock_path(Path(connection_config.sqlite.filename_uri)) if "sqlite" in fields else None


def lock_path(database: Path) -> Path:
    """The file that is locked: `metadata.lock` beside `metadata.sqlite`."""
    return database.with_suffix(".lock")
