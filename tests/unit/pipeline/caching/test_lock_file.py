import hashlib

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline.caching.lock_file import LockFile, changed_packages, read_lock, store_lock_packages, stored_packages

LOCK = """# made by uv
tensorflow==2.21.0 \\
    --hash=sha256:abc
rich[extra]==14.0 ; python_version >= "3.11"
    # via something==1.0
Six==1.17.0
not-pinned>=3
"""


@pytest.fixture
def store():
    config = metadata_store_pb2.ConnectionConfig()
    config.fake_database.SetInParent()
    return metadata_store.MetadataStore(config)


def test_a_lock_is_its_digest_and_its_packages(tmp_path):
    (tmp_path / "requirements.lock").write_text(LOCK)
    lock = read_lock(tmp_path)
    assert lock.digest == hashlib.sha256(LOCK.encode()).hexdigest()
    assert lock.packages == {"tensorflow": "2.21.0", "rich": "14.0", "six": "1.17.0"}


def test_no_lock_is_no_error(tmp_path):
    assert read_lock(tmp_path) == LockFile(None, {})


def test_the_projects_lock_holds_what_we_build_on():
    assert read_lock().packages["tfx"] == "1.21.0"


def test_packages_are_kept_once_for_each_lock(store):
    lock = LockFile("d" * 64, {"six": "1"})
    for _ in range(2):
        store_lock_packages(store, lock)
    assert stored_packages(store, "d" * 64) == {"six": "1"}
    assert stored_packages(store, "e" * 64) is None
    store_lock_packages(store, LockFile(None, {}))
    assert len(store.get_contexts()) == 1


def test_every_difference_of_two_locks_is_named():
    old, new = {"tensorflow": "2.20", "six": "1", "same": "3"}, {"tensorflow": "2.21", "rich": "14", "same": "3"}
    assert changed_packages(old, new) == ["rich 14 is new", "six is gone", "tensorflow 2.20 → 2.21"]
