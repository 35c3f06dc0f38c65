"""Machines of a job do what the first one says, and none waits for one that is gone. Over real connections."""

import dataclasses
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from models.tabular_text.errors import UntrainableData
from models.tabular_text.workers import Workers
from pipeline.errors import ConfigError
from pipeline.launch.crew import Crew
from pipeline.launch.following import Following
from pipeline.launch.interruption import MachineLost
from pipeline.launch.machines import Machines
from pipeline.launch.patience import Patience

BRIEF = Patience(muster_s=10, settle_s=10, grace_s=0.05)


class GaveUp:
    """What would have ended the process."""

    def __init__(self):
        self.reasons, self.called = [], threading.Event()

    def __call__(self, reason, code):
        self.reasons.append((reason, code))
        self.called.set()


@pytest.fixture
def machines():
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    addresses = ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    return [Machines(Workers(addresses, index), control_port=port) for index in range(3)]


@contextmanager
def sharing(crew, execution=b""):
    """What the chief's executor runs in."""
    crew.announce(execution)
    with crew.training():
        yield


@contextmanager
def following(machines, works, patience=BRIEF):
    """The other machines at work; gives their futures."""
    with ThreadPoolExecutor(len(works)) as pool:
        others = zip(machines[1:], works, strict=False)
        yield [pool.submit(Following(each, GaveUp(), patience).run, work) for each, work in others]


def leave(machine):
    """A machine that comes and ends without a word, as a killed one does."""
    with socket.create_connection(("127.0.0.1", machine.control_port)) as connection:
        connection.sendall(f'{{"machine": {machine.workers.index}}}\n'.encode())
        connection.makefile().readline()


def test_all_machines_run_what_the_first_one_runs_and_end_with_its_last_word(machines):
    done, together = [], threading.Barrier(3, timeout=10)

    def work(execution):
        done.append(execution)
        together.wait()

    with Crew(machines[0], GaveUp(), BRIEF) as crew, following(machines, [work] * 2) as others:
        with sharing(crew, b"\x00execution"):
            together.wait()
        crew.end("all is well")
        assert [other.result() for other in others] == ["all is well"] * 2
    assert done == [b"\x00execution"] * 2


def test_without_anything_to_share_they_end_too_even_one_that_starts_late(machines):
    with Crew(machines[0], GaveUp(), BRIEF) as crew, following(machines, [pytest.fail]) as (early,):
        ending = threading.Thread(target=crew.end, args=("cached",))
        ending.start()
        assert early.result() == "cached"
        assert Following(machines[2], GaveUp(), BRIEF).run(pytest.fail) == "cached"
        ending.join()


def test_a_machine_that_never_comes_is_named(machines):
    impatient = dataclasses.replace(BRIEF, muster_s=0.1)
    with Crew(machines[0], GaveUp(), impatient) as crew, following(machines, [print]) as (other,):
        while not crew._peers:
            time.sleep(0.01)
        told = r"has 3 machines, and 127\.0\.0\.1:3 did not come within"
        with pytest.raises(MachineLost, match=told), sharing(crew):
            pytest.fail("trained without it")
        crew.end("failed")
        assert other.result() == "failed"


@pytest.mark.parametrize(("error", "expected"), [(RuntimeError, MachineLost), (UntrainableData, UntrainableData)])
def test_an_error_after_a_machine_died_is_blamed_on_that_unless_the_data_explain_it(machines, error, expected):
    with Crew(machines[0], GaveUp(), BRIEF) as crew:
        for machine in machines[1:]:
            threading.Thread(target=leave, args=(machine,)).start()
        with pytest.raises(expected), sharing(crew):
            raise error("collective ops were aborted")


def test_an_error_of_our_own_stays_what_it_is(machines):
    unsettled = dataclasses.replace(BRIEF, settle_s=0.05)
    with Crew(machines[0], GaveUp(), unsettled) as crew, following(machines, [lambda _: None] * 2):
        with pytest.raises(ZeroDivisionError), sharing(crew):
            raise ZeroDivisionError
        crew.end("failed")


def test_a_training_that_hangs_without_its_other_machines_is_given_up(machines):
    gave_up = GaveUp()
    with Crew(machines[0], gave_up, BRIEF) as crew:
        for machine in machines[1:]:
            threading.Thread(target=leave, args=(machine,)).start()
        with sharing(crew):
            assert gave_up.called.wait(10)
    (reason, code), *_ = gave_up.reasons
    assert code == 3
    assert "of this job ended, or cannot be reached any more. The training needs all machines" in reason


def test_what_another_machine_failed_of_is_told_by_the_first(machines):
    def fail(_):
        raise OSError("no space left")

    with Crew(machines[0], GaveUp(), BRIEF) as crew, following(machines, [fail, lambda _: None]) as others:
        told = r"Machine 127\.0\.0\.1:2 failed: OSError: no space left\."
        with pytest.raises(MachineLost, match=told), sharing(crew):
            raise RuntimeError("collective ops were aborted")
        crew.end("failed")
        assert [other.result() for other in others] == ["failed"] * 2


def test_a_first_machine_that_is_gone_ends_the_others_whether_they_wait_or_hang(machines):
    gave_up, started = GaveUp(), threading.Event()

    def hang(_):
        started.set()
        assert gave_up.called.wait(10)

    with ThreadPoolExecutor(2) as pool:
        with Crew(machines[0], GaveUp(), BRIEF) as crew:
            waiting = pool.submit(Following(machines[1], GaveUp(), BRIEF).run, lambda _: None)
            hanging = pool.submit(Following(machines[2], gave_up, BRIEF).run, hang)
            with sharing(crew):
                assert started.wait(10)
        for other in (waiting, hanging):
            with pytest.raises(MachineLost, match="the first machine of this job, ended without a word"):
                other.result()
    assert [code for _, code in gave_up.reasons] == [3]


def test_a_first_machine_that_cannot_be_reached_is_named_with_the_port(machines):
    with pytest.raises(MachineLost, match=rf"could not be reached at port {machines[1].control_port} within 0 s"):
        Following(machines[1], GaveUp(), Patience(muster_s=0.0)).run(print)


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b'{"machine": 9}\n', b"[]\n", b'{"machine": [1]}\n', b"5\n"]
)
def test_strangers_are_sent_away_and_do_no_harm(machines, said):
    with Crew(machines[0], GaveUp(), BRIEF) as crew:
        with socket.create_connection(("127.0.0.1", machines[0].control_port)) as stranger:
            stranger.sendall(said)
            assert stranger.recv(100) == b""
        with following(machines, [lambda _: None] * 2):
            with sharing(crew):
                pass
            crew.end("done")


def test_a_port_that_is_taken_is_told(machines):
    with Crew(machines[0], GaveUp(), BRIEF), pytest.raises(ConfigError, match="is taken"):
        Crew(machines[0], GaveUp(), BRIEF).__enter__()
