"""A MySQL server that holds the lineage store: MariaDB 10.11 or MySQL 8.0, as a URI or a secret names it."""

import dataclasses
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.aws_settings import PINNED_OBJECT
from pipeline.errors import ConfigError

MYSQL = "mysql://"
SECRET = "secretsmanager:"  # noqa: S105 - a scheme
PASSWORD_VARIABLE = "PENSTOCK_METADATA_PASSWORD"  # noqa: S105 - a name
CA_VARIABLE = "PENSTOCK_METADATA_CA"

_DEFAULT_PORT = 3306
_FORM = "mysql://user@host:port/database[?ca=/path/of/ca.pem]"
_ENGINES = ("mariadb", "mysql", "aurora-mysql")
_KEYS = ("host", "username", "password", "dbname")

POSTGRESQL_REFUSED = (
    "PostgreSQL cannot hold the lineage store: ML Metadata 1.17 garbles every string with a backslash in it, and every "
    "node that fails stores one. Use MariaDB 10.11, or MySQL 8.0 with mysql_native_password."
)


@dataclasses.dataclass(frozen=True)
class Server:
    """How to reach the store.

    Attributes:
      port: from 1 to 65535.
      ca: the authorities (PEM) one of which must have signed the server's certificate, a file or an object on S3
        (pipeline/metadata/authorities.py); None: no TLS.
    """

    host: str
    user: str
    password: str = dataclasses.field(repr=False)
    database: str
    port: int = _DEFAULT_PORT
    ca: str | None = None

    @property
    def address(self) -> str:
        """Who is asked for what, without the password: `penstock@db:3306/lineage`."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


def uri_problem(uri: str) -> str | None:
    """What is wrong with a `mysql://` URI, without showing a password that should not be in it."""
    try:
        parts = urllib.parse.urlsplit(uri)
        port = _DEFAULT_PORT if parts.port is None else parts.port
    except ValueError as error:
        return f"--metadata {MYSQL}…: {error}; expected {_FORM}."
    if parts.password is not None:
        shown = f"{MYSQL}{parts.username}:…@{parts.hostname}"
        return f"--metadata {shown}: a password has no place in it. Set {PASSWORD_VARIABLE}, or use {SECRET}NAME."
    unknown = [name for name in urllib.parse.parse_qs(parts.query, keep_blank_values=True) if name != "ca"]
    if unknown or parts.fragment:
        return f"--metadata {uri}: unknown {', '.join(unknown) or '#' + parts.fragment}; expected {_FORM}."
    if not (parts.username and parts.hostname and port and parts.path.strip("/")) or "/" in parts.path[1:]:
        return f"--metadata {uri}: expected {_FORM}."
    return None


def server_of_uri(uri: str, environ: Mapping[str, str]) -> Server:
    """The server of a `mysql://` URI that has no problem.

    Raises:
      ConfigError: the environment holds no password.
    """
    if PASSWORD_VARIABLE not in environ:
        raise ConfigError([f"--metadata {uri}: set {PASSWORD_VARIABLE} to the password of this user."])
    parts = urllib.parse.urlsplit(uri)
    ca = urllib.parse.parse_qs(parts.query).get("ca", [environ.get(CA_VARIABLE)])[-1]
    return Server(
        host=str(parts.hostname),
        port=parts.port or _DEFAULT_PORT,
        user=urllib.parse.unquote(str(parts.username)),
        password=environ[PASSWORD_VARIABLE],
        database=urllib.parse.unquote(parts.path[1:]),
        ca=ca or None,
    )


def server_of_secret(name: str, text: str, environ: Mapping[str, str]) -> Server:
    """The server of a secret as RDS writes it: JSON with engine, host, port, username, password, dbname (and `ca`).

    Raises:
      ConfigError: listing everything that is wrong with it; its values are not shown.
    """
    where = f"{SECRET}{name}"
    content = _object(text)
    if content is None:
        raise ConfigError([f"{where}: expected a JSON object with {', '.join(_KEYS)}."])
    problems = _secret_problems(content)
    if problems:
        raise ConfigError([f"{where}: {problem}" for problem in problems])
    return Server(
        host=content["host"],
        port=int(content.get("port") or _DEFAULT_PORT),
        user=content["username"],
        password=content["password"],
        database=content["dbname"],
        ca=_authorities(content.get("ca"), environ.get(CA_VARIABLE)),
    )


def _authorities(in_secret: str | None, in_environment: str | None) -> str | None:
    """The secret's, unless the environment's are pinned by their digest."""
    if in_environment and PINNED_OBJECT.fullmatch(in_environment):
        return in_environment
    return in_secret or in_environment or None


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _secret_problems(content: Mapping[str, Any]) -> Sequence[str]:
    engine = str(content.get("engine", _ENGINES[0]))
    if engine.startswith(("postgres", "aurora-postgres")):
        return [f"engine is {engine!r}. {POSTGRESQL_REFUSED}"]
    problems = [] if engine in _ENGINES else [f"engine is {engine!r}, expected one of {', '.join(_ENGINES)}."]
    missing = [key for key in _KEYS if not (isinstance(content.get(key), str) and content[key])]
    if missing:
        found = ", ".join(sorted(content)) or "nothing"
        problems.append(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; it has {found}. A secret that RDS "
            "manages holds only username and password: make one with the other keys too."
        )
    if not _is_port(content.get("port") or _DEFAULT_PORT):
        problems.append(f"port is {content['port']!r}, expected a number from 1 to 65535.")
    return problems


def _is_port(value: Any) -> bool:
    return str(value).isdecimal() and 0 < int(value) < 65536
