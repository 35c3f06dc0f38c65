"""What deploy/kubernetes gives the store, carried out: settings, the user that the image makes, the nightly copy."""

import gzip
import os
import subprocess

import pymysql
import pytest
from kubernetes_folders import named, whole
from mariadb import PASSWORD

from pipeline.metadata import LineageStore, handles, record_handle
from pipeline.run_handle import RunHandle

pytestmark = pytest.mark.integration

HANDLE = RunHandle("kubeflow", "reviews", "run-1")
FILES = named(whole("overlays/prod"), "ConfigMap", "mariadb")["data"]
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


@pytest.fixture
def store(mariadb, monkeypatch):
    """A lineage store with one run, in a database that was made for it, as the image of MariaDB makes one."""
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", PASSWORD)
    uri = mariadb.new_uri()
    mariadb.run(f"CREATE DATABASE {uri.rpartition('/')[2]};")
    record_handle(LineageStore(uri), HANDLE)
    return uri


@pytest.fixture
def copy(store, mariadb, tmp_path):
    """Starts the nightly copy with the variables of its pod; only where the server is differs."""
    (tmp_path / "backup.sh").write_text(FILES["backup.sh"])
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "backups").mkdir()
    spec = named(whole("overlays/prod"), "CronJob", "store-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert container["command"] == ["bash", "/etc/penstock/backup.sh"]
    given = {each["name"]: each["value"] for each in container["env"]}
    given |= {"STORE_HOST": "127.0.0.1", "STORE_PORT": str(mariadb.port), "DATABASE": store.rpartition("/")[2]}
    given |= {"PASSWORD_FILE": str(tmp_path / "password"), "FOLDER": str(tmp_path / "backups"), "PATH": PATH}

    def start(**changed):
        command = ["bash", str(tmp_path / "backup.sh")]
        return subprocess.run(command, env={**given, **changed}, capture_output=True, text=True, check=False)

    return start


def dumps(tmp_path):
    return sorted(path.name for path in (tmp_path / "backups").iterdir())


def test_settings_of_the_server_are_settings_that_mariadb_knows(mariadb, tmp_path):
    """As the image's entry point looks, before it starts anything."""

    def look(text):
        (tmp_path / "penstock.cnf").write_text(text)
        command = ["mariadbd", f"--defaults-file={tmp_path / 'penstock.cnf'}", "--verbose", "--help"]
        return subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True, check=False)

    found = look(FILES["penstock.cnf"])
    assert found.returncode == 0, found.stderr
    assert ["innodb-buffer-pool-size", str(512 * 1024**2)] in [line.split() for line in found.stdout.splitlines()]
    assert look(FILES["penstock.cnf"].replace("max_connections", "max_conections")).returncode != 0


def test_users_that_the_image_makes_sign_in_as_ml_metadata_does(mariadb):
    mariadb.run("CREATE USER made@'%' IDENTIFIED BY 'word'; GRANT SELECT ON mysql.user TO made@'%';")
    connection = pymysql.connect(host="127.0.0.1", port=mariadb.port, user="made", password="word")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT plugin FROM mysql.user WHERE user = 'made'")
        assert cursor.fetchall() == (("mysql_native_password",),)
    mariadb.run("DROP USER made@'%';")


def test_store_is_brought_back_from_its_copy(store, copy, mariadb, tmp_path):
    done = copy()
    assert done.returncode == 0, done.stderr
    [name] = dumps(tmp_path)
    assert (tmp_path / "backups" / name).stat().st_mode & 0o077 == 0
    mariadb.run(f"DROP DATABASE {store.rpartition('/')[2]};")
    mariadb.run(gzip.decompress((tmp_path / "backups" / name).read_bytes()).decode())
    assert [handle.run_id for handle in handles(LineageStore(store))] == ["run-1"]


def test_newest_copies_are_kept_and_what_is_no_whole_copy_is_none(store, copy, tmp_path):
    database = store.rpartition("/")[2]
    for day in (1, 2, 3):
        (tmp_path / "backups" / f"{database}-2026010{day}T021700Z.sql.gz").touch()
    (tmp_path / "backups" / "other.txt").touch()
    (tmp_path / "password").write_text("wrong")
    refused = copy()
    assert refused.returncode != 0
    assert "Access denied" in refused.stderr
    assert len([name for name in dumps(tmp_path) if name.endswith(".sql.gz")]) == 3
    (tmp_path / "password").write_text(PASSWORD)
    assert copy(KEEP="2").returncode == 0
    kept = dumps(tmp_path)
    assert kept[0] == f"{database}-20260103T021700Z.sql.gz"
    assert (len(kept), kept[2]) == (3, "other.txt")
