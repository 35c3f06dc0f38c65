import shutil
import sys
import zipfile

import pytest

from pipeline.caching.code_digests import CodeFinder, is_installed, wheel_sources
from pipeline.caching.file_index import FileIndex
from pipeline.provenance import PROJECT_ROOT

FILES = {
    "models/__init__.py": "",
    "models/net/__init__.py": "from models.net import names\n",
    "models/net/names.py": "NAMES = []\n",
    "models/net/train.py": "import numpy\nfrom models.net.layers import dense\n\ndef run_fn(): from . import late\n",
    "models/net/layers.py": "def dense(): ...\n",
    "models/net/late.py": "X = 1\n",
    "models/net/unrelated.py": "from models.net import train\n",
    "components/probe/__init__.py": "",
    "components/probe/executor.py": "SCRIPT = 'script.py'\nFN = 'models.net.late.X'\nTEXT = 'rows.csv'\n",
    "components/probe/script.py": "import json\n",
    "components/namespace/inner.py": "X = 1\n",
    "components/circle/__init__.py": "import components.circle.a\n",
    "components/circle/a.py": "from components.circle import b\n",
    "components/circle/b.py": "from .a import something\n",
}


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def labels(project, *names):
    return {module.label for module in CodeFinder(FileIndex(None), project).closure(names).values()}


def test_a_function_stands_for_its_module_and_all_that_it_loads(project):
    assert labels(project, "models.net.train.run_fn") == {
        "models/__init__.py",
        "models/net/__init__.py",
        "models/net/names.py",
        "models/net/train.py",
        "models/net/layers.py",
        "models/net/late.py",
    }


def test_a_script_beside_a_module_and_a_function_named_in_a_text_are_found(project):
    found = labels(project, "components.probe.executor.Executor")
    assert {"components/probe/script.py", "models/net/late.py"} <= found
    assert "models/net/train.py" not in found


def test_folders_without_an_init_and_circles_are_no_trouble(project):
    assert labels(project, "components.namespace.inner") == {"components/namespace/inner.py"}
    assert labels(project, "components.circle.a") == {
        "components/circle/__init__.py",
        "components/circle/a.py",
        "components/circle/b.py",
    }


@pytest.mark.parametrize(
    "name", ["numpy.random", "json.decoder", "tensorflow", "no_such_thing.at.all", "", ".", "a..b", "models.nothing.x"]
)
def test_what_is_installed_or_nowhere_has_no_local_code(project, name):
    assert labels(project, name) <= {"models/__init__.py"}


def test_an_edit_shows_in_the_digest_of_that_file_only(project):
    finder = CodeFinder(FileIndex(None), project)
    modules = finder.closure(["models.net.train"]).values()
    before = finder.digests(modules)
    (project / "models/net/layers.py").write_text("def dense(): return 1\n")
    after = finder.digests(modules)
    assert {name for name in before if before[name] != after[name]} == {"models/net/layers.py"}


def test_a_users_module_and_what_lies_beside_it_are_local(project, tmp_path, monkeypatch):
    user = tmp_path / "user"
    user.mkdir()
    (user / "mine_for_this_test.py").write_text("import beside_for_this_test, numpy\nfrom models.net import late\n")
    (user / "beside_for_this_test.py").write_text("import os\n")
    monkeypatch.syspath_prepend(user)
    found = labels(project, "mine_for_this_test.MyExecutor")
    assert {"mine_for_this_test.py", "beside_for_this_test.py", "models/net/late.py"} <= found
    assert "mine_for_this_test" not in sys.modules
    by_file = CodeFinder(FileIndex(None), project).closure(files=[user / "mine_for_this_test.py"])
    assert {module.label for module in by_file.values()} == found


def test_files_of_one_name_are_two(tmp_path, project):
    finder = CodeFinder(FileIndex(None), project)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"X = '{folder}'\n")
    modules = finder.closure(files=[tmp_path / "one/mine.py", tmp_path / "two/mine.py"]).values()
    assert len(set(finder.digests(modules).values())) == 2


def test_the_parts_of_a_wheel_are_read_without_its_dates(tmp_path):
    for number, date in enumerate([(1990, 1, 1, 0, 0, 0), (2020, 1, 1, 0, 0, 0)]):
        with zipfile.ZipFile(tmp_path / f"{number}.whl", "w") as wheel:
            wheel.writestr(zipfile.ZipInfo("user_module.py", date), "import models.net.late\n")
            wheel.writestr(zipfile.ZipInfo("x.dist-info/RECORD", date), str(date))
    first, second = wheel_sources(tmp_path / "0.whl"), wheel_sources(tmp_path / "1.whl")
    assert first == second
    assert list(first) == ["user_module.py"]


def test_the_environment_is_installed_and_a_checkout_is_not(tmp_path):
    assert is_installed(tmp_path / "lib/python3.11/site-packages/numpy")
    assert not is_installed(PROJECT_ROOT)


def test_the_trainers_code_holds_the_model_and_nothing_of_the_command_line():
    finder = CodeFinder(FileIndex(None))
    found = {module.label for module in finder.closure(["models.tabular_text.train.run_fn"]).values()}
    assert {"models/tabular_text/model.py", "models/tabular_text/fitting.py", "models/__init__.py"} <= found
    assert not [label for label in found if label.startswith(("pipeline/", "components/"))]


def test_the_serving_checks_code_holds_its_probe_which_it_starts_as_a_script():
    finder = CodeFinder(FileIndex(None))
    found = {module.label for module in finder.closure(["components.serving_check.executor.Executor"]).values()}
    assert "components/serving_check/probe.py" in found


def test_a_second_look_parses_nothing(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    clock = lambda: 2**62  # noqa: E731
    with FileIndex(tmp_path / "index.json", clock_ns=clock) as index:
        first = CodeFinder(index, project)
        digests = first.digests(first.closure(["models.net.train"]).values())
    reads = []
    with FileIndex(tmp_path / "index.json", clock_ns=lambda: reads.append(1) or 2**62) as index:
        second = CodeFinder(index, project)
        assert second.digests(second.closure(["models.net.train"]).values()) == digests
    assert reads == []
