"""What a server says when it does not let us in, by servers of a few lines that speak the protocol's first words."""

import hashlib
import socket
import struct
import threading
from contextlib import suppress

import pytest

from pipeline.metadata.handshake import Refused, _scrambled, try_sign_in
from pipeline.metadata.server import Server

NONCE = bytes(range(1, 21))


def packet(number, body):
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def greeting(version=b"8.4.0", plugin=b"caching_sha2_password", capabilities=0x0008AA0F):
    low, high = struct.pack("<H", capabilities & 0xFFFF), struct.pack("<H", capabilities >> 16)
    return packet(
        0,
        b"\x0a" + version + b"\0" + struct.pack("<I", 7) + NONCE[:8] + b"\0" + low + b"\x21\x02\0" + high
        + bytes([21]) + bytes(10) + NONCE[8:] + b"\0" + plugin + b"\0",
    )  # fmt: skip


def error(number, code, text):
    return packet(number, b"\xff" + struct.pack("<H", code) + b"#28000" + text)


class Listener:
    """Answers one connection with these words, one after each thing that the client says."""

    def __init__(self, *words):
        self.heard, self._words = [], words
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with self._socket:
            connection, _ = self._socket.accept()
        with connection, suppress(ConnectionError):
            connection.settimeout(10)
            for word in self._words:
                connection.sendall(word)
                self.heard.append(connection.recv(4096))


def server(port, **more):
    return Server("127.0.0.1", "penstock", "secret", "lineage", port, **more)


def refusal(*words, **more):
    with pytest.raises(Refused) as refused:
        try_sign_in(server(Listener(*words).port, **more))
    return str(refused.value)


def test_a_server_that_keeps_only_the_hash_of_the_hash_knows_the_password_by_it():
    kept = hashlib.sha1(hashlib.sha1(b"secret").digest()).digest()
    mask = hashlib.sha1(NONCE + kept).digest()
    once = bytes(a ^ b for a, b in zip(_scrambled("secret", NONCE), mask, strict=True))
    assert hashlib.sha1(once).digest() == kept
    assert _scrambled("", NONCE) == b""


def test_a_server_that_says_yes_is_let_be():
    listener = Listener(greeting(), packet(2, b"\0\0\0\2\0\0\0"))
    try_sign_in(server(listener.port))
    (said, *_) = listener.heard
    assert b"penstock\0" + bytes([20]) + _scrambled("secret", NONCE) + b"mysql_native_password\0" in said


def test_another_nonce_is_answered_if_the_server_asks_again():
    nonce = bytes(reversed(NONCE))
    listener = Listener(
        greeting(), packet(2, b"\xfemysql_native_password\0" + nonce + b"\0"), packet(4, b"\0\0\0\2\0\0\0")
    )
    try_sign_in(server(listener.port))
    assert listener.heard[1][4:] == _scrambled("secret", nonce)


def test_a_plugin_that_ml_metadata_does_not_speak_is_named_with_the_cure():
    text = refusal(greeting(), packet(2, b"\xfecaching_sha2_password\0" + NONCE + b"\0"))
    assert (
        "user 'penstock' signs in with caching_sha2_password, and ML Metadata knows only mysql_native_password" in text
    )
    assert "the server is 8.4.0" in text
    assert "MariaDB 10.11 or MySQL 8.0" in text


@pytest.mark.parametrize(
    ("code", "text", "advice"),
    [
        (1045, b"Access denied for user", "user or password is wrong"),
        (1049, b"Unknown database", "there is no such database"),
        (9999, b"Something new", "9999 Something new."),
    ],
)
def test_the_servers_own_words_are_shown_with_what_they_often_mean(code, text, advice):
    found = refusal(greeting(), error(2, code, text))
    assert found.startswith(f"{code} {text.decode()}.")
    assert advice in found


def test_a_server_that_refuses_to_talk_is_quoted():
    refused = b"\xff" + struct.pack("<H", 1040) + b"Too many connections"
    assert "1040 Too many connections. Often: too many connections are open" in refusal(packet(0, refused))


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", packet(0, b"\x09old")])
def test_something_that_is_no_mysql_server_is_told(words):
    assert "no MySQL server" in refusal(words)


def test_a_server_that_hangs_up_is_told():
    assert "hung up" in refusal(greeting())


def test_tls_that_the_server_does_not_offer_is_refused_before_anything_is_said():
    listener = Listener(greeting(capabilities=0x0008AA0F & ~0x800))
    with pytest.raises(Refused, match=r"TLS is asked for .* offers none"):
        try_sign_in(server(listener.port, ca="/ca.pem"))
    assert listener.heard in ([], [b""])


def test_a_ca_that_is_not_there_is_named():
    assert "the CA /nowhere/ca.pem cannot be used: No such file" in refusal(greeting(), ca="/nowhere/ca.pem")


def test_a_closed_port_and_an_unknown_host_are_told():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Refused, match=r"cannot be reached \(Connection refused\)"):
        try_sign_in(server(port))
    with pytest.raises(Refused, match="no host of that name"):
        try_sign_in(Server("nowhere.invalid", "u", "p", "d", port))


def test_the_password_is_not_in_the_words_of_a_server():
    assert "secret" not in repr(server(1))
    assert "secret" not in server(1).address
