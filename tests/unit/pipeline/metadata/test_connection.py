"""The three kinds of store URI, and what each kind of mistake is told."""

import hashlib
import json
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, StoreUnreachable
from pipeline.metadata import authorities as on_s3
from pipeline.metadata import connection_config, is_there, metadata_path, metadata_problem
from pipeline.storage.errors import NotPublished

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:penstock-db-AbCdEf"
SECRET = {
    "engine": "mariadb",
    "host": "db.example",
    "port": 3307,
    "username": "penstock",
    "password": "pa\\ss'\"word",
    "dbname": "lineage",
}


def config_of(uri, environ=None, secret=None):
    asked = []

    def read_secret(name, environ):
        asked.append(name)
        return secret if isinstance(secret, str) else json.dumps(secret)

    config = connection_config(uri, writable=True, environ=environ or {}, read_secret=read_secret)
    return config, asked


def test_a_file_is_opened_for_writing_only_where_that_is_asked_for():
    from ml_metadata.proto.metadata_store_pb2 import SqliteMetadataSourceConfig as Modes

    config = connection_config("sqlite:////tmp/x.sqlite", writable=True)
    assert config.sqlite.filename_uri == "/tmp/x.sqlite"
    assert config.sqlite.connection_mode == Modes.READWRITE_OPENCREATE
    assert connection_config("sqlite:////tmp/x.sqlite", writable=False).sqlite.connection_mode == Modes.READONLY


def test_a_server_takes_its_password_from_the_environment():
    config, asked = config_of("mysql://a%40b@db.example:3307/lineage", {"PENSTOCK_METADATA_PASSWORD": "s:@/é"})
    mysql = config.mysql
    assert (mysql.host, mysql.port, mysql.user, mysql.password, mysql.database) == (
        "db.example",
        3307,
        "a@b",
        "s:@/é",
        "lineage",
    )
    assert asked == []
    assert not mysql.HasField("ssl_options")


def test_only_who_may_write_makes_a_database():
    environ = {"PENSTOCK_METADATA_PASSWORD": "x"}
    assert not connection_config("mysql://u@h/d", writable=True, environ=environ).mysql.skip_db_creation
    assert connection_config("mysql://u@h/d", writable=False, environ=environ).mysql.skip_db_creation


def test_a_server_without_port_is_asked_on_mysqls():
    config, _ = config_of("mysql://penstock@db/lineage", {"PENSTOCK_METADATA_PASSWORD": ""})
    assert config.mysql.port == 3306


def test_a_secret_is_read_by_its_name_or_arn():
    for name in ("penstock/db", ARN):
        config, asked = config_of(f"secretsmanager:{name}", secret=SECRET)
        assert asked == [name]
        assert config.mysql.password == SECRET["password"]
        assert (config.mysql.host, config.mysql.port, config.mysql.database) == ("db.example", 3307, "lineage")


def test_a_port_may_be_text_or_left_out():
    assert config_of("secretsmanager:x", secret={**SECRET, "port": "3308"})[0].mysql.port == 3308
    without = {key: value for key, value in SECRET.items() if key != "port"}
    assert config_of("secretsmanager:x", secret=without)[0].mysql.port == 3306


@pytest.mark.parametrize(
    ("uri", "environ", "more"),
    [
        ("mysql://u@h/d?ca=/ca.pem", {}, {}),
        ("mysql://u@h/d", {"PENSTOCK_METADATA_CA": "/ca.pem"}, {}),
        ("secretsmanager:x", {"PENSTOCK_METADATA_CA": "/ca.pem"}, {}),
        ("secretsmanager:x", {"PENSTOCK_METADATA_CA": "/other.pem"}, {"ca": "/ca.pem"}),
    ],
)
def test_a_named_ca_switches_tls_on(uri, environ, more):
    config, _ = config_of(uri, {"PENSTOCK_METADATA_PASSWORD": "x", **environ}, {**SECRET, **more})
    assert config.mysql.ssl_options.ca == "/ca.pem"
    assert not config.mysql.ssl_options.verify_server_cert, "with it ML Metadata refuses every certificate"


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("sqlite:///relative.sqlite", "expected sqlite:////absolute/path, mysql://user@host:port/database or"),
        ("secretsmanager:", "expected sqlite:////absolute/path, mysql"),
        ("postgresql://u@h/d", "ML Metadata 1.17 garbles every string with a backslash in it"),
        ("mysql://h/d", r"expected mysql://user@host:port/database\[\?ca="),
        ("mysql://u@h", "expected mysql://user@host:port/database"),
        ("mysql://u@h/a/b", "expected mysql://user@host:port/database"),
        ("mysql://u@h:0/d", "expected mysql://user@host:port/database"),
        ("mysql://u@h:99999/d", "[Pp]ort"),
        ("mysql://u@h:x/d", "[Pp]ort"),
        ("mysql://u@h/d?tls=off", "unknown tls"),
    ],
)
def test_a_uri_that_makes_no_sense_is_refused_with_what_is_expected(uri, problem):
    with pytest.raises(ConfigError, match=problem):
        connection_config(uri, writable=True)


def test_a_password_in_a_uri_is_refused_and_not_shown():
    problem = metadata_problem("mysql://u:hunter2@h/d")
    assert "PENSTOCK_METADATA_PASSWORD" in problem
    assert "hunter2" not in problem


def test_a_server_without_password_says_which_variable_to_set():
    with pytest.raises(ConfigError, match=r"mysql://u@h/d: set PENSTOCK_METADATA_PASSWORD"):
        config_of("mysql://u@h/d")


@pytest.mark.parametrize(
    ("secret", "problems"),
    [
        ("not json", ["expected a JSON object with host, username, password, dbname."]),
        ("[]", ["expected a JSON object with host, username, password, dbname."]),
        (
            {"username": "u", "password": "p"},
            ["host, dbname are missing; it has password, username. A secret that RDS"],
        ),
        ({**SECRET, "host": ""}, ["host is missing; it has dbname, engine,"]),
        ({**SECRET, "engine": "postgres"}, ["engine is 'postgres'. PostgreSQL cannot hold the lineage store"]),
        (
            {**SECRET, "engine": "oracle", "port": 0, "dbname": 3},
            ["engine is 'oracle'", "dbname is missing", "port is"],
        ),
    ],
)
def test_everything_that_is_wrong_with_a_secret_is_told_and_its_values_are_not(secret, problems):
    if problems[-1] == "port is":
        secret = {**secret, "port": "many"}
    with pytest.raises(ConfigError) as refused:
        config_of("secretsmanager:penstock/db", secret=secret)
    assert len(refused.value.problems) == len(problems)
    for found, expected in zip(refused.value.problems, problems, strict=True):
        assert found.startswith(f"secretsmanager:penstock/db: {expected}")
    assert SECRET["password"] not in str(refused.value)


def test_only_a_file_has_a_path_and_can_be_absent(tmp_path):
    file = tmp_path / "a#b.sqlite"
    assert metadata_path(f"sqlite:///{file}") == file
    assert not is_there(f"sqlite:///{file}")
    file.touch()
    assert is_there(f"sqlite:///{file}")
    for server in ("mysql://u@h/d", "secretsmanager:x"):
        assert metadata_path(server) is None
        assert is_there(server)


@pytest.fixture
def authorities(monkeypatch):
    """What lies on S3, by its place; asking for what does not is refused."""
    there = {"s3://bucket/all/tls/global-bundle.pem": b"-----BEGIN CERTIFICATE-----"}
    asked = []

    def read(uri):
        asked.append(uri)
        if uri not in there:
            raise NotPublished(f"{uri}: there is no such object.")
        return there[uri]

    monkeypatch.setattr(on_s3, "read_bytes", read)
    on_s3._copied.cache_clear()
    return asked


def test_on_s3_are_read_once_into_a_file_that_nobody_else_may_read(authorities):
    secret = {**SECRET, "ca": "s3://bucket/all/tls/global-bundle.pem"}
    first, second = (config_of(f"secretsmanager:{ARN}", secret=secret)[0] for _ in range(2))
    copy = Path(first.mysql.ssl_options.ca)
    assert copy.read_bytes() == b"-----BEGIN CERTIFICATE-----"
    assert copy.parent.stat().st_mode & 0o077 == 0
    assert second.mysql.ssl_options.ca == str(copy)
    assert authorities == ["s3://bucket/all/tls/global-bundle.pem"]


def test_authorities_that_the_configuration_pins_come_before_those_of_the_secret(authorities, tmp_path, monkeypatch):
    monkeypatch.setattr(on_s3.tempfile, "gettempdir", lambda: str(tmp_path))
    digest = hashlib.sha256(b"-----BEGIN CERTIFICATE-----").hexdigest()
    environ = {"PENSTOCK_METADATA_CA": f"s3://bucket/all/tls/global-bundle.pem#sha256={digest}"}
    config, _ = config_of(f"secretsmanager:{ARN}", environ, {**SECRET, "ca": "s3://bucket/x.pem"})
    assert Path(config.mysql.ssl_options.ca).name == f"{digest}.pem"
    assert authorities == ["s3://bucket/all/tls/global-bundle.pem"]


def test_authorities_that_are_not_there_are_told_and_no_connection_is_made_without_tls(authorities):
    with pytest.raises(StoreUnreachable, match=r"The authorities \(CA\) .* s3://bucket/x.pem: there is no such object"):
        config_of(f"secretsmanager:{ARN}", secret={**SECRET, "ca": "s3://bucket/x.pem"})
