import os
import sys
import time
import types

from pipeline.caching import loaded_code
from pipeline.caching.loaded_code import LoadedCode


def test_a_file_edited_before_the_node_began_is_what_it_loads(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("")
    assert LoadedCode(began_ns=time.time_ns() + 10**9).edited([file]) == []


def test_a_file_edited_since_may_not_be_what_ran(tmp_path):
    code = LoadedCode(began_ns=time.time_ns() - 10**9)
    file = tmp_path / "module.py"
    file.write_text("")
    os.utime(file, (0, 0))  # as rsync and tar do
    assert code.edited([file, tmp_path / "gone.py"]) == [file, tmp_path / "gone.py"]


def test_a_file_loaded_earlier_counts_from_when_it_was_loaded(tmp_path, monkeypatch):
    file = tmp_path / "module.py"
    file.write_text("")
    changed_ns = file.stat().st_ctime_ns
    code = LoadedCode(began_ns=changed_ns + 10**9, loaded=[str(file)])
    monkeypatch.setattr(loaded_code, "LOADED_AFTER_NS", changed_ns - 1)
    assert code.edited([file]) == [file]
    monkeypatch.setattr(loaded_code, "LOADED_AFTER_NS", changed_ns + 1)
    assert code.edited([file]) == []


def test_the_modules_of_this_process_are_known_to_be_loaded():
    assert sys.modules[__name__].__file__ in LoadedCode()._loaded


def test_a_module_that_was_loaded_through_links_is_known_by_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    file = tmp_path / "real" / "module.py"
    file.write_text("")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "link.py").symlink_to("real/module.py")
    for number, path in enumerate((tmp_path / "folder" / "module.py", tmp_path / "link.py")):
        monkeypatch.setitem(sys.modules, f"linked_{number}", types.SimpleNamespace(__file__=str(path)))
        assert str(file) in LoadedCode()._loaded
        monkeypatch.delitem(sys.modules, f"linked_{number}")
