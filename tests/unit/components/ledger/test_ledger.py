"""The hash-chained record."""

import datetime
import hashlib
import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from components.ledger.ledger import GENESIS, Entry, Ledger, LedgerDamaged, digest_of

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def ledger(folder: Path) -> Ledger:
    return Ledger(folder / "approvals" / "reviews.jsonl", clock=lambda: NOON)


def three(folder: Path) -> Ledger:
    made = ledger(folder)
    for name in ("ann", "bob", "cleo"):
        made.append("approved", {"by": name, "reason": "größer"})
    return made


def test_an_empty_ledger_has_no_entries(tmp_path: Path) -> None:
    assert ledger(tmp_path).entries() == []
    assert ledger(tmp_path).head == GENESIS


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    entries = three(tmp_path).entries()
    assert [(entry.number, entry.kind, entry.content["by"]) for entry in entries] == [
        (1, "approved", "ann"),
        (2, "approved", "bob"),
        (3, "approved", "cleo"),
    ]
    assert entries[0].at == "2026-03-01T12:00:00Z"
    assert ledger(tmp_path).head == entries[-1].hash


def test_the_hash_can_be_computed_by_anyone(tmp_path: Path) -> None:
    three(tmp_path)
    first, second, _ = (json.loads(line) for line in ledger(tmp_path).path.read_text("utf-8").splitlines())
    assert first["previous"] == "0" * 64
    text = (
        '{"at":"2026-03-01T12:00:00Z","by":"ann","kind":"approved","number":1,'
        f'"previous":"{"0" * 64}","reason":"größer"}}'
    )
    assert first["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert second["previous"] == first["hash"]


def changed(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace("bob", "eve"), lines[2]]


def rehashed(lines: list[str]) -> list[str]:
    """An edit by someone who knows how the hash is made, and changes one entry only."""
    body = json.loads(changed(lines)[1])
    body["hash"] = digest_of(body)
    return [lines[0], json.dumps(body) + "\n", lines[2]]


@pytest.mark.parametrize(
    ("edit", "line", "said"),
    [
        (changed, 2, "was changed after it was written"),
        (rehashed, 3, "does not follow the one before it"),
        (lambda lines: [lines[0], lines[2]], 2, "does not follow the one before it"),
        (lambda lines: [lines[1], lines[2]], 1, "does not follow the one before it"),
        (lambda lines: [lines[0], lines[2], lines[1]], 2, "does not follow the one before it"),
        (lambda lines: [*lines, lines[2]], 4, "does not follow the one before it"),
        (lambda lines: [lines[0], lines[1], lines[2][:-5]], 3, "is cut short"),
        (lambda lines: [lines[0], lines[1], lines[2].rstrip("\n")], 3, "is cut short"),
        (lambda lines: [lines[0], "[]\n", lines[2]], 2, "is cut short or no JSON object"),
    ],
)
def test_an_edit_shows(tmp_path: Path, edit: Callable[[list[str]], list[str]], line: int, said: str) -> None:
    made = three(tmp_path)
    made.path.write_text("".join(edit(made.path.read_text("utf-8").splitlines(keepends=True))), "utf-8")
    before = made.path.read_bytes()
    with pytest.raises(LedgerDamaged, match=rf"reviews\.jsonl:{line}: this entry {said}"):
        made.entries()
    with pytest.raises(LedgerDamaged):
        made.append("approved", {"by": "dan"})
    assert made.path.read_bytes() == before


@pytest.mark.parametrize(
    "garbage",
    [
        b'{"a": NaN}\n',
        b'{"a": "\\ud800"}\n',
        b"\xff\xfe{}\n",
        b'{"a":' * 100_000 + b"\n",
        b"[" * 100_000 + b"]" * 100_000 + b"\n",
        b"\0" * 100,
    ],
    ids=["no number", "half a character", "no UTF-8", "deep object", "deep list", "zeros"],
)
def test_garbage_at_the_end_shows_with_its_line(tmp_path: Path, garbage: bytes) -> None:
    made = three(tmp_path)
    before = made.path.read_bytes() + garbage
    made.path.write_bytes(before)
    with pytest.raises(LedgerDamaged, match=r"reviews\.jsonl:4: this entry "):
        made.entries()
    with pytest.raises(LedgerDamaged, match=r"reviews\.jsonl:4: this entry "):
        made.append("approved", {"by": "dan"})
    assert made.path.read_bytes() == before


def test_an_entry_without_what_every_entry_has_shows_even_with_a_hash_that_fits(tmp_path: Path) -> None:
    made = ledger(tmp_path)
    made.path.parent.mkdir()
    body: dict[str, object] = {"number": 1, "previous": GENESIS}
    made.path.write_text(json.dumps({**body, "hash": digest_of(body)}) + "\n")
    with pytest.raises(LedgerDamaged, match=r"reviews\.jsonl:1: this entry "):
        made.entries()


def test_an_entry_that_cannot_be_written_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    made = three(tmp_path)
    before = made.path.read_bytes()
    with pytest.raises(ValueError, match="surrogates"):
        made.append("approved", {"by": "\udcff"})
    assert made.path.read_bytes() == before


def test_an_entry_that_must_not_follow_is_not_written(tmp_path: Path) -> None:
    made = three(tmp_path)

    def refuse(entries: list[Entry]) -> None:
        raise ValueError(f"after {len(entries)}")

    with pytest.raises(ValueError, match="after 3"):
        made.append("approved", {}, allow=refuse)
    assert len(made.entries()) == 3


def test_the_names_that_every_entry_has_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hash, kind"):
        ledger(tmp_path).append("approved", {"hash": "x", "kind": "y"})
    assert not ledger(tmp_path).path.exists()


def _append(path: Path, name: str) -> None:
    for number in range(20):
        Ledger(path).append("note", {"by": name, "count": number})


def test_two_programs_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    made = ledger(tmp_path)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(made.path, name)) for name in ("ann", "bob")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [entry.number for entry in made.entries()] == list(range(1, 41))
