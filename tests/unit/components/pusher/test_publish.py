"""A version is there whole or not at all, and a push happens once."""

import json
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model_digest import model_digest
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


def push(model: Path, base: Path, push_id: str, now_s: int) -> Path:
    """The version of a push whose model was trained for it."""
    return publish(model, base, push_id, f"trained/{push_id}", now_s).version


def test_a_version_holds_the_model_byte_for_byte_and_says_who_pushed_it(model: Path, tmp_path: Path) -> None:
    version = push(model, tmp_path / "served", "run-1", now_s=1000)
    assert version == tmp_path / "served/1000"
    assert contents(version) == contents(model)
    assert json.loads((version / RECEIPT).read_text()) == {
        "push_id": "run-1",
        "version": 1000,
        "model_uri": "trained/run-1",
    }


def test_the_same_push_twice_makes_one_version(model: Path, tmp_path: Path) -> None:
    first = push(model, tmp_path, "run-1", now_s=1000)
    assert push(model, tmp_path, "run-1", now_s=2000) == first
    assert versions(tmp_path) == [first]


def test_a_later_push_gets_a_larger_version_even_if_the_clock_went_back(model: Path, tmp_path: Path) -> None:
    numbers = [push(model, tmp_path, f"run-{n}", now_s=second).name for n, second in enumerate((1000, 1000, 500))]
    assert numbers == ["1000", "1001", "1002"]


def test_a_model_that_is_served_already_is_not_copied_again(model: Path, tmp_path: Path) -> None:
    first = publish(model, tmp_path / "served", "run-1", "trained/1", now_s=1000)
    again = publish(model, tmp_path / "served", "run-2", "trained/1", now_s=2000)
    assert not first.was_there
    assert again.was_there
    assert again.version == first.version
    assert versions(tmp_path / "served") == [first.version]
    assert json.loads((first.version / RECEIPT).read_text())["push_id"] == "run-1"


@pytest.mark.parametrize("what", ["other training", "changed model", "changed version", "lost file in the version"])
def test_a_model_that_differs_in_origin_or_content_is_pushed(model: Path, tmp_path: Path, what: str) -> None:
    served = tmp_path / "served"
    first = publish(model, served, "run-1", "trained/1", now_s=1000).version
    if what == "changed model":
        (model / "saved_model.pb").write_bytes(b"grapf")
    elif what == "changed version":
        (first / "variables/part-7").write_bytes(b"damaged")
    elif what == "lost file in the version":
        (first / "variables/part-7").unlink()
    uri = "trained/2" if what == "other training" else "trained/1"
    again = publish(model, served, "run-2", uri, now_s=1000)
    assert not again.was_there
    assert again.version.name == "1001"
    assert contents(again.version) == contents(model)


def test_a_model_that_is_not_the_newest_any_more_is_pushed_again(model: Path, tmp_path: Path) -> None:
    uris = ["trained/1", "trained/2", "trained/1"]
    names = [publish(model, tmp_path / "served", f"run-{n}", uri, 1000).version.name for n, uri in enumerate(uris)]
    assert names == ["1000", "1001", "1002"]


def test_nothing_visible_but_versions_is_left_below_the_served_folder(model: Path, tmp_path: Path) -> None:
    push(model, tmp_path / "served", "run-1", now_s=1000)
    assert [path.name for path in (tmp_path / "served").iterdir() if not path.name.startswith(".")] == ["1000"]


@given(st.dictionaries(st.sampled_from(["a", "b", "a/b", "ab"]).map("{}.x".format), st.binary(max_size=3)), st.data())
def test_two_folders_have_the_same_digest_exactly_if_names_and_contents_are_the_same(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    other = data.draw(
        st.just(files) | st.dictionaries(st.sampled_from(["a.x", "b.x", "a/b.x", "ab.x"]), st.binary(max_size=3))
    )
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for folder, wanted in ((one, files), (two, dict(reversed(other.items())))):
            for name, content in wanted.items():
                path = Path(folder) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
        assert (model_digest(Path(one)) == model_digest(Path(two))) == (files == other)


def test_the_receipt_is_no_part_of_the_digest(model: Path) -> None:
    before = model_digest(model)
    (model / RECEIPT).parent.mkdir()
    (model / RECEIPT).write_text("{}")
    assert model_digest(model) == before


def test_versions_are_ordered_as_numbers_and_other_folders_are_none(tmp_path: Path) -> None:
    for name in ("9", "10", "latest", ".penstock-push-11", "\u00b2"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").write_text("a file")
    assert [path.name for path in versions(tmp_path)] == ["9", "10"]


def test_a_version_that_another_program_made_is_left_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / "served/5000").mkdir(parents=True)
    assert push(model, tmp_path / "served", "run-1", now_s=1000).name == "5001"


def test_what_a_killed_push_left_is_removed(model: Path, tmp_path: Path) -> None:
    leftover = tmp_path / "served/.penstock-push-900"
    leftover.mkdir(parents=True)
    (leftover / "half").write_bytes(b"x")
    push(model, tmp_path / "served", "run-1", now_s=1000)
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
        push(model, served, f"run-{number}", now_s=number)
    done.set()
    reader.join()
    assert seen
    assert all(seen)


def test_pushes_at_once_all_arrive_under_numbers_of_their_own(model: Path, tmp_path: Path) -> None:
    served = tmp_path / "served"
    threads = [threading.Thread(target=push, args=(model, served, f"run-{n}", 1000)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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
