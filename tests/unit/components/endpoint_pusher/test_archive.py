import hashlib
import os
import tarfile

import pytest

from components.endpoint_pusher.archive import pack_model
from components.errors import ComponentError


def model(folder, mode=0o644, time_s=1):
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index"):
        path = folder / name
        path.write_text(f"content of {name}")
        path.chmod(mode)
        os.utime(path, (time_s, time_s))
    return folder


def test_the_same_files_give_the_same_bytes_whoever_packs_them_and_when(tmp_path):
    first = pack_model(model(tmp_path / "a"), "7", tmp_path / "a.tar.gz")
    second = pack_model(model(tmp_path / "b", 0o600, 2_000_000_000), "7", tmp_path / "elsewhere.tar.gz")
    assert first == second == hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest()


def test_inside_is_one_numbered_folder(tmp_path):
    pack_model(model(tmp_path / "m"), "1795390213", tmp_path / "m.tar.gz")
    with tarfile.open(tmp_path / "m.tar.gz") as archive:
        assert archive.getnames() == ["1795390213/saved_model.pb", "1795390213/variables/variables.index"]
        assert archive.extractfile("1795390213/saved_model.pb").read() == b"content of saved_model.pb"
        assert {(item.uid, item.mtime, item.mode) for item in archive.getmembers()} == {(0, 0, 0o644)}


def test_a_link_is_not_packed(tmp_path):
    folder = model(tmp_path / "m")
    (folder / "more").symlink_to("/etc/passwd")
    with pytest.raises(ComponentError, match="no plain file"):
        pack_model(folder, "7", tmp_path / "m.tar.gz")
