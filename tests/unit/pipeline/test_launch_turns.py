"""Two jobs of one node take turns at the lineage store's server; who is first is not asked to wait."""

import pytest

from pipeline.launch import turns
from pipeline.launch.turns import lock_name, turn_at_server
from pipeline.metadata.server import Server

SERVER = "mysql://me@db:3306/lineage"


class Connection:
    """Answers GET_LOCK with what it is told, one after the other."""

    def __init__(self, *answers):
        self.answers, self.asked, self.is_open = list(answers), [], True

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing is left."""

    def execute(self, text, values):
        assert text == "SELECT GET_LOCK(%s, %s)"
        self.asked.append(values)

    def fetchone(self):
        return (self.answers.pop(0),)

    def close(self):
        self.is_open = False


@pytest.fixture
def connect(monkeypatch):
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", "secret")

    def connect_to(connection):
        monkeypatch.setattr(turns, "_connected", lambda _: connection)
        return connection

    return connect_to


def test_a_job_works_while_it_holds_the_lock_and_gives_it_up_with_its_connection(connect):
    connection = connect(Connection(1))
    with turn_at_server(SERVER, "r1", "Pusher"):
        assert connection.is_open
        assert connection.asked == [(lock_name("lineage", "r1", "Pusher"), 0)]
    assert not connection.is_open


def test_a_second_job_waits_as_long_as_it_takes(connect):
    connection = connect(Connection(0, 0, 0, 1))
    with turn_at_server(SERVER, "r1", "Pusher"):
        assert [wait_s for _, wait_s in connection.asked] == [0, 60, 60, 60]


def test_other_nodes_runs_and_databases_have_locks_of_their_own():
    names = {lock_name(*each) for each in (("d", "r", "n"), ("d", "r", "m"), ("d", "s", "n"), ("e", "r", "n"))}
    assert len(names) == 4
    assert {len(name) for name in names} == {57}  # servers take 64


def test_a_server_that_is_not_there_is_left_to_the_connection_that_comes_next(caplog):
    server = Server("127.0.0.1", "me", "secret", "lineage", port=1)
    assert turns._connected(server) is None
    assert "me@127.0.0.1:1/lineage" in caplog.text
    assert "secret" not in caplog.text
