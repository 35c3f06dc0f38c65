"""Why a MySQL server does not let ML Metadata in, and whether its certificate is what it should be.

ML Metadata says `mysql_real_connect failed: errno: , error: ` whatever the cause. So we begin the conversation once
more ourselves, as far as the server's answer to the password: greeting, TLS, user, answer. Source: "Connection Phase"
in MySQL's internals manual (protocol 10); MariaDB speaks the same.
"""

import dataclasses
import hashlib
import socket
import ssl
import struct
from typing import Any

from pipeline.metadata.server import Server

PLUGIN = "mysql_native_password"
"""The only way of signing in that ML Metadata's client knows."""

_TIMEOUT_S = 10.0
_PROTOCOL = 10
_PROTOCOL_41, _SSL, _SECURE_CONNECTION, _PLUGIN_AUTH = 0x200, 0x800, 0x8000, 0x80000
_CAPABILITIES = 0x1 | _PROTOCOL_41 | 0x2000 | _SECURE_CONNECTION | _PLUGIN_AUTH
_MOST_BYTES = 1 << 24
_UTF8 = 33
_OK, _SWITCH, _ERROR = 0x00, 0xFE, 0xFF


class Refused(Exception):
    """The server, or the way to it, says no; the message says why and what to do."""


class Unreachable(Refused):
    """Nobody answers; the same may work in a minute."""


@dataclasses.dataclass(frozen=True)
class Greeting:
    """What a server says first.

    Attributes:
      nonce: 20 bytes that the password is mixed with.
    """

    version: str
    capabilities: int
    nonce: bytes

    @property
    def speaks_tls(self) -> bool:
        """True if the conversation can go on over TLS."""
        return bool(self.capabilities & _SSL)


def try_sign_in(server: Server) -> None:
    """Connects, checks the certificate if the server has a `ca`, signs in, and hangs up.

    Raises:
      Refused: saying at what it failed and what to do; Unreachable if nobody answers.
    """
    try:
        with socket.create_connection((server.host, server.port), timeout=_TIMEOUT_S) as plain:
            greeting = _greeting(plain)
            if server.ca is None:
                _sign_in(plain, 1, greeting, server)
                return
            with _secured(plain, greeting, server, server.ca) as channel:
                _sign_in(channel, 2, greeting, server)
    except socket.gaierror as error:
        raise Unreachable(
            f"there is no host of that name ({error.strerror}). Check the name, and the VPC's DNS."
        ) from error
    except ssl.SSLCertVerificationError as error:
        advice = f"{server.ca} must hold the authority that signed it, and it must name this host"
        raise Refused(f"its certificate is not to be trusted: {error.verify_message}. {advice}.") from error
    except TimeoutError as error:
        advice = "Security groups must let this job's in on that port."
        raise Unreachable(f"it does not answer within {_TIMEOUT_S:g} s. {advice}") from error
    except OSError as error:
        advice = "Check host and port, that the server runs, and that this job may reach it."
        raise Unreachable(f"it cannot be reached ({error.strerror or error}). {advice}") from error


def _greeting(channel: socket.socket) -> Greeting:
    _, packet = _read(channel)
    if packet[:1] == bytes([_ERROR]):
        raise Refused(f"it refuses to talk: {_error_text(packet)}")
    if packet[0] != _PROTOCOL:
        raise Refused(_NO_MYSQL)
    version, _, rest = packet[1:].partition(b"\0")
    low, high = struct.unpack_from("<H", rest, 13)[0], struct.unpack_from("<H", rest, 18)[0]
    nonce = rest[4:12] + rest[31:43]
    return Greeting(version.decode("utf-8", errors="replace"), low | high << 16, nonce)


_NO_MYSQL = "something answers there that is no MySQL server. Check host and port."


def _secured(plain: socket.socket, greeting: Greeting, server: Server, ca: str) -> socket.socket:
    """The channel over TLS, once the certificate is found to be of that authority and this host."""
    if not greeting.speaks_tls:
        raise Refused("TLS is asked for (a CA is named), and it offers none. Switch TLS on there.")
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise Refused(f"the CA {ca} cannot be used: {error.strerror or error}.") from error
    _send(plain, 1, _head(_CAPABILITIES | _SSL))
    return context.wrap_socket(plain, server_hostname=server.host)


def _sign_in(channel: socket.socket, number: int, greeting: Greeting, server: Server) -> None:
    tls = _SSL if server.ca is not None else 0
    answer = _scrambled(server.password, greeting.nonce)
    user = server.user.encode() + b"\0"
    body = _head(_CAPABILITIES | tls) + user + bytes([len(answer)]) + answer + PLUGIN.encode() + b"\0"
    _send(channel, number, body)
    number, packet = _read(channel)
    if packet[:1] == bytes([_SWITCH]):
        wanted, _, nonce = packet[1:].partition(b"\0")
        if wanted.decode() != PLUGIN:
            raise Refused(_other_plugin(wanted.decode(errors="replace"), greeting, server))
        _send(channel, number + 1, _scrambled(server.password, nonce.rstrip(b"\0")))
        _, packet = _read(channel)
    if packet[:1] != bytes([_OK]):
        raise Refused(_error_text(packet) if packet[:1] == bytes([_ERROR]) else f"it answers {packet[:20]!r}.")


def _other_plugin(wanted: str, greeting: Greeting, server: Server) -> str:
    return (
        f"user '{server.user}' signs in with {wanted or 'an old password'}, and ML Metadata knows only {PLUGIN} (the "
        f"server is {greeting.version}). There: ALTER USER … IDENTIFIED WITH {PLUGIN} BY '…'. MySQL 8.4 and later "
        "switch that off: use MariaDB 10.11 or MySQL 8.0."
    )


_CAUSES = {
    1040: "too many connections are open. Let fewer nodes run at once, or raise max_connections.",
    1044: "this user may not use that database. Grant all privileges on it.",
    1045: "user or password is wrong, or the user may not come from here or without TLS (name a CA).",
    1049: "there is no such database, and this user may not make it.",
    1129: "this machine is locked out after too many failures. There: FLUSH HOSTS.",
    1130: "this machine's address may not connect. Create the user for '%' or this network.",
    3159: "it takes connections over TLS only. Name its CA.",
}


def _error_text(packet: bytes) -> str:
    """`1045 Access denied …: what to do` of an error packet."""
    code = struct.unpack_from("<H", packet, 1)[0]
    rest = packet[3:]
    text = (rest[6:] if rest[:1] == b"#" else rest).decode("utf-8", errors="replace")
    advice = f" Often: {_CAUSES[code]}" if code in _CAUSES else ""
    return f"{code} {text}.{advice}"


def _scrambled(password: str, nonce: bytes) -> bytes:
    """What mysql_native_password sends in the place of the password; SHA-1 is the protocol's choice."""
    if not password:
        return b""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).digest()
    mask = hashlib.sha1(nonce[:20] + twice, usedforsecurity=False).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


def _head(capabilities: int) -> bytes:
    return struct.pack("<IIB23x", capabilities, _MOST_BYTES, _UTF8)


def _send(channel: socket.socket, number: int, body: bytes) -> None:
    channel.sendall(struct.pack("<I", len(body))[:3] + bytes([number]) + body)


def _read(channel: socket.socket) -> tuple[int, bytes]:
    """Number and content of the next packet."""
    head = _exactly(channel, 4)
    size = int.from_bytes(head[:3], "little")
    if not 0 < size < 0x10000:  # none of these is longer; other protocols' first bytes look like it
        raise Refused(_NO_MYSQL)
    return head[3], _exactly(channel, size)


def _exactly(channel: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = channel.recv(size - len(found))
        if not more:
            raise Unreachable("it hung up in the middle of signing in. Its own log says why.")
        found += more
    return found


def server_of_config(config: Any) -> Server | None:
    """The server in an ML Metadata connection; None if that is no server."""
    if config.WhichOneof("config") != "mysql":
        return None
    mysql = config.mysql
    ca = mysql.ssl_options.ca or None
    return Server(mysql.host, mysql.user, mysql.password, mysql.database, mysql.port, ca)
