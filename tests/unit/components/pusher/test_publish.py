"""A version is there whole or not at all, and a push happens once."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pusher.blessings import refusal
from components.pusher.publish import RECEIPT, publish, versions

PARTS = 50


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    for number in range(PARTS):
        (folder / f"variables/part-{number}").write_bytes(bytes([number]) * 20_000)
    (folder / "saved_model.pb").write_bytes(b"graph")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and str(path.relative_to(folder)) != RECEIPT
    }


def test_a_version_holds_the_model_byte_for_byte_and_says_who_pushed_it(model: Path, tmp_path: Path) -> None:
    version = publish(model, tmp_path / "served", "run-1", now_s=1000)
    assert version == tmp_path / "served/1000"
    assert contents(version) == contents(model)
    assert json.loads((version / RECEIPT).read_text()) == {"push_id": "run-1", "version": 1000}


def test_the_same_push_twice_makes_one_version(model: Path, tmp_path: Path) -> None:
    first = publish(model, tmp_path, "run-1", now_s=1000)
    assert publish(model, tmp_path, "run-1", now_s=2000) == first
    assert versions(tmp_path) == [first]


def test_a_later_push_gets_a_larger_version_even_if_the_clock_went_back(model: Path, tmp_path: Path) -> None:
    numbers = [publish(model, tmp_path, f"run-{n}", now_s=second).name for n, second in enumerate((1000, 1000, 500))]
    assert numbers == ["1000", "1001", "1002"]


def test_versions_are_ordered_as_numbers_and_other_folders_are_none(tmp_path: Path) -> None:
    for name in ("9", "10", "latest", ".penstock-push-11", "\u00b2"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").write_text("a file")
    assert [path.name for path in versions(tmp_path)] == ["9", "10"]


def test_a_version_that_another_program_made_is_left_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / "served/5000").mkdir(parents=True)
    assert publish(model, tmp_path / "served", "run-1", now_s=1000).name == "5001"


def test_what_a_killed_push_left_is_removed(model: Path, tmp_path: Path) -> None:
    leftover = tmp_path / "served/.penstock-push-900"
    leftover.mkdir(parents=True)
    (leftover / "half").write_bytes(b"x")
    publish(model, tmp_path / "served", "run-1", now_s=1000)
    assert not leftover.exists()


def test_a_reader_never_sees_half_a_model(model: Path, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    wanted = contents(model)
    seen: list[bool] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set() or not seen:
            for version in versions(served):
                seen.append(contents(version) == wanted)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(10):
        publish(model, served, f"run-{number}", now_s=number)
    done.set()
    reader.join()
    assert seen
    assert all(seen)


def test_pushes_at_once_all_arrive_under_numbers_of_their_own(model: Path, tmp_path: Path) -> None:
    served = tmp_path / "served"
    pushes = [threading.Thread(target=publish, args=(model, served, f"run-{n}", 1000)) for n in range(4)]
    for push in pushes:
        push.start()
    for push in pushes:
        push.join()
    assert [path.name for path in versions(served)] == ["1000", "1001", "1002", "1003"]
    assert all(contents(version) == contents(model) for version in versions(served))


@given(st.text(min_size=1), st.none() | st.dictionaries(st.just("reasons"), st.lists(st.text())))
def test_only_a_blessing_is_no_refusal(gate: str, document: dict[str, list[str]] | None) -> None:
    assert refusal(gate, True, document) is None
    assert refusal(gate, False, document)
    assert refusal(gate, None, document)


def test_a_refusal_gives_the_gates_reasons() -> None:
    assert refusal("Evaluator", False, {"reasons": ["Too bad.", "First run."]}) == (
        "Evaluator did not bless the model: Too bad. First run."
    )
    assert refusal("Evaluator", False, None) == "Evaluator did not bless the model."
