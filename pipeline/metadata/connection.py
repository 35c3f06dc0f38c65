"""The connection to ML Metadata that a store's URI stands for."""

from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError

_SQLITE = "sqlite:///"


def connection_config(metadata_uri: str, *, writable: bool) -> Any:
    """The ML Metadata connection of a store's URI; a writable one makes the store if it is not there.

    Raises:
      ConfigError: on any scheme but sqlite.
    """
    from ml_metadata.proto import metadata_store_pb2

    if problem := metadata_problem(metadata_uri):
        raise ConfigError([problem])
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = metadata_uri.removeprefix(_SQLITE)
    modes = metadata_store_pb2.SqliteMetadataSourceConfig
    config.sqlite.connection_mode = modes.READWRITE_OPENCREATE if writable else modes.READONLY
    return config


def metadata_problem(metadata_uri: str) -> str | None:
    """What is wrong with the URI; its path is taken as it stands, whatever `#`, `?` or `%` it holds."""
    if metadata_uri.startswith(f"{_SQLITE}/"):
        return None
    return f"--metadata {metadata_uri}: expected sqlite:////absolute/path."


def metadata_path(metadata_uri: str) -> Path:
    """The file of the store."""
    return Path(metadata_uri.removeprefix(_SQLITE))
