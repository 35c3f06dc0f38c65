import multiprocessing
import os
import signal
import threading
import time

import pytest

from pipeline.caching.store_lock import StoreLock, lock_at

FORK = multiprocessing.get_context("fork")
PATIENCE_S = 30


def add_one(path, counter):
    """Reads, waits and writes: loses numbers unless nobody else does so at the same time."""
    lock = lock_at(path)
    for _ in range(20):
        lock.acquire()
        number = int(counter.read_text())
        time.sleep(0.0005)
        counter.write_text(str(number + 1))
        lock.release()


def test_only_one_process_is_inside(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [FORK.Process(target=add_one, args=(tmp_path / "lock", counter)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert counter.read_text() == "160"


def test_only_one_thread_is_inside(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    threads = [threading.Thread(target=add_one, args=(tmp_path / "lock", counter)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "160"


def hold(path, taken):
    lock_at(path).acquire()
    taken.set()
    time.sleep(PATIENCE_S)


def test_a_killed_holder_releases_it(tmp_path):
    taken = FORK.Event()
    holder = FORK.Process(target=hold, args=(tmp_path / "lock", taken))
    holder.start()
    assert taken.wait(PATIENCE_S)
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    began = time.monotonic()
    lock_at(tmp_path / "lock").acquire()
    lock_at(tmp_path / "lock").release()
    assert time.monotonic() - began < PATIENCE_S / 2


def take(path, taken):
    lock_at(path).acquire()
    taken.set()
    lock_at(path).release()


def test_whoever_has_it_may_take_it_again_and_keeps_it_to_the_last_release(tmp_path):
    path, taken = tmp_path / "lock", FORK.Event()
    lock_at(path).acquire()
    lock_at(path).acquire()
    other = FORK.Process(target=take, args=(path, taken))
    other.start()
    lock_at(path).release()
    assert not taken.wait(0.3)
    lock_at(path).release()
    assert taken.wait(PATIENCE_S)
    other.join()


def test_a_child_neither_has_its_parents_lock_nor_keeps_it(tmp_path):
    path, taken, goes_on = tmp_path / "lock", FORK.Event(), FORK.Event()
    lock_at(path).acquire()
    child = FORK.Process(target=goes_on.wait, args=(PATIENCE_S,))
    child.start()
    lock_at(path).release()
    other = FORK.Process(target=take, args=(path, taken))
    other.start()
    assert taken.wait(PATIENCE_S)
    goes_on.set()
    child.join()
    other.join()


def test_a_lock_that_cannot_be_taken_leaves_no_trace(tmp_path):
    (tmp_path / "a-file").write_text("")
    lock = StoreLock(tmp_path / "a-file" / "lock")
    for _ in range(2):
        with pytest.raises(OSError, match="lock"):
            lock.acquire()
    (tmp_path / "a-file").unlink()
    lock.acquire()
    lock.release()
