import hashlib
import os
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, StoreUnreachable
from pipeline.metadata import authorities
from pipeline.metadata.authorities import authorities_file
from pipeline.storage.errors import StorageError

BUNDLE = b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def pinned(content=BUNDLE):
    return f"s3://bucket/p/rds.pem#sha256={hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def asked(monkeypatch):
    """What was read from S3; `content` is what lies there."""

    class Asked(list):
        content = BUNDLE

        def read(self, uri):
            self.append(uri)
            return self.content

    there = Asked()
    monkeypatch.setattr(authorities, "read_bytes", there.read)
    return there


def test_file_of_this_machine_is_taken_as_it_is(tmp_path, asked):
    assert authorities_file("/etc/ca.pem", tmp_path) == "/etc/ca.pem"
    assert asked == []


def test_pinned_object_is_fetched_once_and_again_where_the_copy_was_changed(tmp_path, asked):
    path = Path(authorities_file(pinned(), tmp_path))
    assert path.read_bytes() == BUNDLE
    assert authorities_file(pinned(), tmp_path) == str(path)
    path.write_bytes(b"another")
    authorities_file(pinned(), tmp_path)
    assert path.read_bytes() == BUNDLE
    assert asked == ["s3://bucket/p/rds.pem"] * 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ca", ["s3://bucket/p/rds.pem#", "s3://bucket/p/rds.pem#sha256=ab", pinned() + "0"])
def test_pin_that_is_none_is_not_passed_over(tmp_path, asked, ca):
    with pytest.raises(ConfigError, match="#sha256= and the 64 hexadecimal digits"):
        authorities_file(ca, tmp_path)
    assert asked == []


def test_other_bytes_than_were_pinned_are_not_trusted(tmp_path, asked):
    asked.content = BUNDLE + b" "
    with pytest.raises(ConfigError, match=r"is not what the configuration names.*Nothing is trusted"):
        authorities_file(pinned(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_holds_no_certificate_is_told(tmp_path, asked):
    asked.content = b"<html>"
    with pytest.raises(ConfigError, match="holds no certificate"):
        authorities_file(pinned(b"<html>"), tmp_path)


def test_object_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    def read(uri):
        raise StorageError("AccessDenied. Allow s3:GetObject.")

    monkeypatch.setattr(authorities, "read_bytes", read)
    with pytest.raises(StoreUnreachable, match=r"The authorities \(CA\) .*: AccessDenied"):
        authorities_file(pinned(), tmp_path)


def test_folder_that_others_could_have_made_is_not_used(tmp_path, asked, monkeypatch):
    monkeypatch.setattr(authorities.tempfile, "gettempdir", lambda: str(tmp_path))
    path = Path(authorities_file(pinned()))
    assert path.parent == tmp_path / f"penstock-ca-{os.geteuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="not a folder of this user alone"):
        authorities_file(pinned())
