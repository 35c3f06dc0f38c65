"""The connection to ML Metadata that a store's URI stands for.

    sqlite:////absolute/path               a file of this machine
    mysql://user@host:port/database        a server; the password is in $PENSTOCK_METADATA_PASSWORD
    secretsmanager:NAME-or-ARN             a server, as a secret in AWS Secrets Manager describes it

A server is spoken to over TLS if a CA is named: `?ca=FILE`, the secret's key `ca`, or $PENSTOCK_METADATA_CA; a file, or
an object on S3 (pipeline/metadata/authorities.py).
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.metadata.authorities import authorities_file
from pipeline.metadata.secret import ReadSecret, read_secret
from pipeline.metadata.server import (
    MYSQL,
    POSTGRESQL_REFUSED,
    SECRET,
    Server,
    server_of_secret,
    server_of_uri,
    uri_problem,
)

_SQLITE = "sqlite:///"
_FORMS = f"{_SQLITE}/absolute/path, {MYSQL}user@host:port/database or {SECRET}NAME"
_RETRIES = 10
"""Of a transaction that another job's got in the way of."""


def connection_config(
    metadata_uri: str,
    *,
    writable: bool,
    environ: Mapping[str, str] | None = None,
    read_secret: ReadSecret = read_secret,
) -> Any:
    """The ML Metadata connection of a store's URI; a writable one makes the store if it is not there.

    Args:
      metadata_uri: see the module.
      writable: false opens a file for reading only, and makes no database on a server; what a server's user may do
        beyond that is the server's to say.
      environ: holds the password and AWS's settings; the process's own if None.
      read_secret: gives the text of a secret.

    Raises:
      ConfigError: on any other scheme, and if the secret cannot be used.
      StoreUnreachable: Secrets Manager does not answer.
    """
    from ml_metadata.proto import metadata_store_pb2

    if problem := metadata_problem(metadata_uri):
        raise ConfigError([problem])
    config = metadata_store_pb2.ConnectionConfig()
    if (path := metadata_path(metadata_uri)) is not None:
        config.sqlite.filename_uri = str(path)
        modes = metadata_store_pb2.SqliteMetadataSourceConfig
        config.sqlite.connection_mode = modes.READWRITE_OPENCREATE if writable else modes.READONLY
        return config
    _set_server(config, server_of(metadata_uri, os.environ if environ is None else environ, read_secret))
    config.mysql.skip_db_creation = not writable
    return config


def server_of(metadata_uri: str, environ: Mapping[str, str], read_secret: ReadSecret = read_secret) -> Server:
    """The server that a `mysql://` or `secretsmanager:` URI names, its CA a file of this machine.

    Raises:
      ConfigError, StoreUnreachable: as `connection_config`, and `authorities_file` if a CA is named.
    """
    if metadata_uri.startswith(MYSQL):
        server = server_of_uri(metadata_uri, environ)
    else:
        name = metadata_uri.removeprefix(SECRET)
        server = server_of_secret(name, read_secret(name, environ), environ)
    return server if server.ca is None else dataclasses.replace(server, ca=authorities_file(server.ca))


def _set_server(config: Any, server: Server) -> None:
    config.mysql.host = server.host
    config.mysql.port = server.port
    config.mysql.user = server.user
    config.mysql.password = server.password
    config.mysql.database = server.database
    if server.ca is not None:
        # Not `verify_server_cert`: ML Metadata 1.17 then refuses every certificate. pipeline/metadata/handshake.py
        # looks at the certificate instead.
        config.mysql.ssl_options.ca = server.ca
    config.retry_options.max_num_retries = _RETRIES


def metadata_problem(metadata_uri: str) -> str | None:
    """What is wrong with the URI; a file's path is taken as it stands, whatever `#`, `?` or `%` it holds."""
    if metadata_uri.startswith(f"{_SQLITE}/") or (len(metadata_uri) > len(SECRET) and metadata_uri.startswith(SECRET)):
        return None
    if metadata_uri.startswith(MYSQL):
        return uri_problem(metadata_uri)
    if metadata_uri.startswith(("postgresql:", "postgres:")):
        return f"--metadata: {POSTGRESQL_REFUSED}"
    return f"--metadata {metadata_uri}: expected {_FORMS}."


def metadata_path(metadata_uri: str) -> Path | None:
    """The file of the store, None for a server."""
    return Path(metadata_uri.removeprefix(_SQLITE)) if metadata_uri.startswith(_SQLITE) else None


def is_there(metadata_uri: str) -> bool:
    """False for a file that nobody has made yet; a server is taken to be there until it does not answer."""
    path = metadata_path(metadata_uri)
    return path is None or path.exists()
