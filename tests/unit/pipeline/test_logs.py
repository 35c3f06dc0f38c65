import dataclasses

import pytest

from pipeline.errors import NotFound
from pipeline.logs import Follower, find_log, last_lines, log_files, text_from
from pipeline.run_store import NodeRecord, RunRecord, RunStore

RUN = RunRecord("r1", "tiny", "COMPLETE", "2026-01-01T00:00:00+00:00", None, 1, "digest", ("Transform", "Trainer"))


@pytest.fixture
def store(tmp_path):
    made = RunStore(tmp_path)
    (made.run_folder("r1") / "logs").mkdir(parents=True)
    return made


def write(store, name, text):
    path = store.run_folder("r1") / "logs" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_logs_are_in_the_order_of_the_nodes_and_attempts(store):
    for name in ("Trainer.10.log", "Trainer.2.log", "Transform.1.log", "reuse.1.log", "notes.txt"):
        write(store, name, "x")
    found = [(log.node_id, log.attempt) for log in log_files(store, RUN)]
    assert found == [("Transform", 1), ("Trainer", 2), ("Trainer", 10), ("reuse", 1)]


def test_a_run_of_the_older_layout_has_one_log_a_node(store):
    write(store, "Trainer.log", "old")
    assert find_log(store, RUN, "Trainer").path.read_text() == "old"
    assert find_log(store, RUN, "Trainer", attempt=1).attempt == 1


def test_a_node_whose_name_has_a_dot_and_a_number_is_found(store):
    run = dataclasses.replace(RUN, node_ids=("Trainer.2", "Trainer"))
    write(store, "Trainer.2.1.log", "dotted")
    assert find_log(store, run, "Trainer.2").path.read_text() == "dotted"


def test_without_an_attempt_the_last_one_is_meant(store):
    write(store, "Trainer.1.log", "first")
    write(store, "Trainer.2.log", "second")
    assert find_log(store, RUN, "Trainer").path.read_text() == "second"
    assert find_log(store, RUN, "Trainer", attempt=1).path.read_text() == "first"


@pytest.mark.parametrize(
    ("asked", "said"), [("trainr", "Did you mean 'Trainer'?"), ("zzz", "It has Transform, Trainer")]
)
def test_a_wrong_node_names_the_nearest_or_all(store, asked, said):
    with pytest.raises(NotFound, match="has no node") as caught:
        find_log(store, RUN, asked)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (RUN, "complete and did not get to it"),
        (dataclasses.replace(RUN, state="RUNNING"), "Wait for it with --follow"),
        (RUN.with_node(NodeRecord("Trainer", "NOT_RUN", failure="Transform failed")), "not run (Transform failed)"),
        (
            dataclasses.replace(RUN, base_run_id="r0").with_node(NodeRecord("Trainer", "REUSED")),
            "taken from run 'r0'",
        ),
    ],
)
def test_a_node_without_a_log_says_why(store, run, said):
    with pytest.raises(NotFound) as caught:
        find_log(store, run, "Trainer")
    assert said in str(caught.value)


def test_an_attempt_that_was_not_made_names_those_that_were(store):
    write(store, "Trainer.1.log", "")
    write(store, "Trainer.3.log", "")
    with pytest.raises(NotFound, match="no attempt 2 in run 'r1'; there is a log of: 1, 3"):
        find_log(store, RUN, "Trainer", attempt=2)


@pytest.mark.parametrize("count", [0, 1, 3, 999, 5000])
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_last_lines_are_those_of_the_file(store, count, end):
    lines = [f"{number} {'x' * (number % 300)}" for number in range(1000)]  # 150 kB, more than two blocks
    path = write(store, "Trainer.1.log", "\n".join(lines) + end)
    text, offset = last_lines(path, count)
    assert text.splitlines() == (lines[-count:] if count else [])
    assert offset == path.stat().st_size


def test_only_the_end_of_a_huge_log_is_read(store):
    path = store.run_folder("r1") / "logs" / "Trainer.1.log"
    with path.open("wb") as file:
        file.seek(50 * 2**30)  # a file of 50 GiB that takes no room
        file.write(b"\nsecond last\nlast\n")
    assert last_lines(path, 2)[0] == "second last\nlast\n"


def test_bytes_that_are_no_text_are_replaced(store):
    path = write(store, "Trainer.1.log", b"caf\xe9\nok\n")
    assert [text for text, _ in text_from(path)] == ["caf\ufffd\n", "ok\n", ""]


def test_half_a_character_waits_for_its_other_half(store):
    path = write(store, "Trainer.1.log", "é".encode()[:1])
    assert list(text_from(path, is_all=False)) == [("", 0)]
    assert "".join(text for text, _ in text_from(path)) == "\ufffd"
    path.write_bytes("é\n".encode())
    assert list(text_from(path, 0, is_all=False)) == [("é\n", 3)]


def test_a_line_of_gibibytes_is_read_in_parts(store):
    path = store.run_folder("r1") / "logs" / "Trainer.1.log"
    with path.open("wb") as file:
        file.truncate(2**33)
        file.seek(0, 2)
        file.write(b"end\n")
    assert len(last_lines(path, 3)[0]) < 2**25
    assert len(next(text_from(path))[0]) == 2**20


class Life:
    """A run that goes on a step whenever the follower sleeps."""

    def __init__(self, store, *steps):
        self._store, self._steps = store, list(steps)
        self.slept = 0

    def __call__(self, _seconds):
        self.slept += 1
        assert self._steps, "the follower waits for ever"
        self._steps.pop(0)()


def running(store, *nodes, state="RUNNING"):
    record = dataclasses.replace(RUN, state=state, nodes=nodes)

    def put():
        store.write(record)

    return put


@pytest.fixture
def held(store):
    """The store as long as its run's process lives."""
    with store.lock("r1", wait=False):
        yield store


def append(path, text):
    with path.open("ab") as file:
        file.write(text)


def test_following_waits_for_the_node_and_ends_with_it(held):
    path = held.run_folder("r1") / "logs" / "Trainer.1.log"
    now_running = running(held, NodeRecord("Trainer", "RUNNING", attempt=1))
    life = Life(
        held,
        lambda: None,
        lambda: (now_running(), append(path, b"one\ntw")),
        lambda: append(path, b"o\n"),
        lambda: (append(path, b"last\n"), running(held, NodeRecord("Trainer", "COMPLETE", attempt=1))()),
    )
    running(held)()
    text = "".join(Follower(held, "r1", "Trainer", sleep=life).read())
    assert text == "one\ntwo\nlast\n"
    assert life.slept == 4


def test_following_goes_on_to_the_next_attempt(held):
    logs = held.run_folder("r1") / "logs"
    first = running(held, NodeRecord("Trainer", "RUNNING", attempt=1))
    second = running(held, NodeRecord("Trainer", "RUNNING", attempt=2))
    third = running(held, NodeRecord("Trainer", "FAILED", attempt=2))
    append(logs / "Trainer.1.log", b"a first try\n")
    first()
    life = Life(
        held,
        lambda: (append(logs / "Trainer.1.log", b"killed\n"), second(), append(logs / "Trainer.2.log", b"again\n")),
        lambda: (append(logs / "Trainer.2.log", b"no luck\n"), third()),
        lambda: None,
    )
    text = "".join(Follower(held, "r1", "Trainer", sleep=life).read())
    assert text == "a first try\nkilled\nagain\nno luck\n"


def test_following_what_has_ended_prints_it_and_returns(store):
    write(store, "Trainer.1.log", "all\nof it\n")
    running(store, NodeRecord("Trainer", "COMPLETE"), state="COMPLETE")()
    assert "".join(Follower(store, "r1", "Trainer", sleep=Life(store)).read()) == "all\nof it\n"


def test_following_ends_when_the_run_dies_without_a_word(store):
    write(store, "Trainer.1.log", "half\n")
    running(store, NodeRecord("Trainer", "RUNNING"))()  # and nobody holds the store
    assert "".join(Follower(store, "r1", "Trainer", sleep=Life(store)).read()) == "half\n"


def test_following_begins_with_the_last_lines_if_asked(store):
    write(store, "Trainer.1.log", "a\nb\nc\n")
    running(store, NodeRecord("Trainer", "COMPLETE"), state="COMPLETE")()
    assert "".join(Follower(store, "r1", "Trainer", tail=2, sleep=Life(store)).read()) == "b\nc\n"
