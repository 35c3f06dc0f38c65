"""The manifest: its promises about names, bytes and fingerprints."""

import dataclasses
import json

import pytest

from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import fingerprint
from pipeline.storage.errors import Damaged
from pipeline.storage.manifest import Manifest, StoredFile
from pipeline.storage.tree import local_entries, read_sha256

URI = "s3://bucket/tiny/Trainer/model/7"
DIGEST = "0" * 64
MANIFEST = Manifest(
    files=(StoredFile("Split-train/data.gz", 7, DIGEST, "etag-1"), StoredFile("zero", 0, DIGEST, "etag-2")),
    folders=("Split-train", "empty"),
)


def manifest_of(path):
    """As an upload would make it."""
    entries = local_entries(path, read_sha256)
    files = [StoredFile(name, size, sha256, "") for name, kind, size, sha256 in entries if kind == "file"]
    return Manifest(tuple(files), tuple(name for name, kind, _, _ in entries if kind == "folder"))


def test_a_folder_has_the_same_fingerprint_on_s3_as_on_a_disk(tmp_path):
    folder = tmp_path / "artifact"
    for name in ("a", "a/b", "a-", "z/empty"):  # '-' sorts before '/'
        (folder / name).mkdir(parents=True)
    for name in ("a/b/ü.txt", "a-/x", "ab", "Z"):
        (folder / name).write_text(name)
    (folder / "link").symlink_to(folder / "ab")
    assert manifest_of(folder).fingerprint == fingerprint(folder, FileIndex(None))


def test_a_single_file_has_the_same_fingerprint_on_s3_as_on_a_disk(tmp_path):
    value = tmp_path / "value"
    value.write_text("42")
    assert manifest_of(value).is_file
    assert manifest_of(value).fingerprint == fingerprint(value, FileIndex(None))


def test_an_empty_folder_is_not_a_file(tmp_path):
    empty = manifest_of(tmp_path)
    assert not empty.is_file
    assert empty.fingerprint == fingerprint(tmp_path, FileIndex(None))


def test_a_manifest_is_read_back_as_it_was_written():
    assert Manifest.from_json(MANIFEST.to_json(), URI) == MANIFEST
    assert MANIFEST.size == 7


def test_what_s3_calls_an_object_does_not_change_the_fingerprint():
    other = dataclasses.replace(MANIFEST, files=tuple(dataclasses.replace(f, etag="new") for f in MANIFEST.files))
    assert other.fingerprint == MANIFEST.fingerprint


def changed(**changes):
    return json.dumps({**json.loads(MANIFEST.to_json()), **changes})


def with_file(**changes):
    """A manifest with its own fingerprint right, so that only the change itself can be what is refused."""
    first = dataclasses.replace(MANIFEST.files[0], **changes)
    return dataclasses.replace(MANIFEST, files=(first, MANIFEST.files[1])).to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        MANIFEST.to_json()[:-1],
        changed(format=2),
        changed(fingerprint=DIGEST),
        changed(folders=["Split-train"]),
        changed(files=None),
        with_file(name="../outside"),
        with_file(name="/etc/passwd"),
        with_file(name="a/../../b"),
        with_file(name="a//b"),
        with_file(name="./a"),
        with_file(name=""),
        with_file(name="zero"),
        with_file(sha256="0" * 63),
        with_file(sha256="G" * 64),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_place_and_what_to_do(text):
    with pytest.raises(
        Damaged, match=r"model/7\.manifest\.json: not a manifest \(.*run the node that writes"
    ) as caught:
        Manifest.from_json(text, URI)
    assert URI in str(caught.value)
