"""tests/conftest.py: in CI, a test that is skipped is a test that failed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

SKIPPING = """
import pytest
def test_passes(): pass
@pytest.mark.skip(reason="no such machine")
def test_skips(): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_is_expected_to_fail(): assert False
"""


def run_pytest(folder: Path, ci: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    path = os.pathsep.join([str(CONFTEST.parent / "fixtures"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_skip_fails_in_ci_with_its_reason_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPING)
    here, there = run_pytest(tmp_path, ""), run_pytest(tmp_path, "true")
    assert (here.returncode, there.returncode) == (0, 1)
    assert "1 passed, 1 xfailed, 1 error" in there.stdout
    assert "no such machine" in there.stdout


def test_skip_of_a_whole_module_fails_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import pytest\npytest.importorskip('nowhere_to_be_found')\n")
    there = run_pytest(tmp_path, "true")
    assert there.returncode != 0
    assert "nowhere_to_be_found" in there.stdout


def test_skip_that_is_allowed_is_a_skip_in_ci(tmp_path: Path) -> None:
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    (tmp_path / "tests" / "e2e" / "test_it.py").write_text(SKIPPING)
    there = run_pytest(tmp_path, "true")
    assert there.returncode == 0, there.stdout


@pytest.mark.parametrize(("golden", "code"), [("same\n", 0), ("other\n", 1)])
def test_golden_file_is_compared_in_full(tmp_path: Path, golden: str, code: int) -> None:
    (tmp_path / "it.golden").write_text(golden)
    test = "from pathlib import Path\ndef test_it(assert_golden): assert_golden('same\\n', Path('it.golden'))\n"
    (tmp_path / "test_it.py").write_text(test)
    compared = run_pytest(tmp_path, "")
    assert compared.returncode == code, compared.stdout
    assert ("--update-goldens" in compared.stdout) == bool(code)
    assert run_pytest(tmp_path, "", "--update-goldens").returncode == 0
    assert (tmp_path / "it.golden").read_text() == "same\n"


def test_golden_files_are_not_updated_in_ci(tmp_path: Path) -> None:
    assert "refused in CI" in run_pytest(tmp_path, "true", "--update-goldens").stderr
