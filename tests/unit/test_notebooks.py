"""The notebooks as they stand in the repository: without outputs, so that a change shows what was changed."""

import json
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = ["01_explore_data", "02_inspect_run", "03_analyse_model", "04_compare_runs_and_lineage"]


def test_there_are_four_notebooks():
    assert [path.stem for path in NOTEBOOKS] == NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_it_is_valid_and_named_for_any_python(self, path):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }

    def test_it_holds_no_outputs(self, path):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert cell["metadata"] == {}
            assert cell.get("outputs", []) == []
            assert cell.get("execution_count") is None

    def test_its_cells_are_named_in_words_and_once(self, path):
        ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in ids)

    def test_it_is_written_as_json_is_written_by_jupyter(self, path):
        text = path.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"

    def test_its_parameters_come_first_and_from_the_environment(self, path):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        first = next(cell for cell in cells if cell["cell_type"] == "code")
        source = "".join(first["source"])
        assert 'os.environ.get("PENSTOCK_CONFIG", "../penstock.yaml")' in source
        assert 'os.environ.get("PENSTOCK_RUN", "latest")' in source

    def test_it_imports_from_the_project_only_what_is_public(self, path):
        text = path.read_text(encoding="utf-8")
        modules = set(re.findall(r"(?:from|import) ((?:pipeline|components|models)[\w.]*)", text))
        assert modules <= {"pipeline.workbench"}

    def test_code_has_a_word_before_it(self, path):
        """A reader who does not know TFX is never left with three cells in a row and no sentence."""
        kinds = "".join(
            cell["cell_type"][0] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        ).removeprefix("mcc")
        assert "ccc" not in kinds
