"""Messages that a document explains are messages of the program, word for word."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXPLAINED = {"docs/kubeflow.md": "## Messages, and what to do"}
"""Document → the section whose first table has a message in each row."""
FOLDERS = ("pipeline/runners/kubeflow", "pipeline/launch")
FILES = ("pipeline/kubeflow_settings.py",)


def rows_of(text, section):
    """The first cells of the section's first table, each a list of what is between backticks."""
    table = text.partition(f"{section}\n\n")[2].partition("\n\n")[0]
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in table.splitlines()[2:]]


@pytest.fixture(scope="module")
def said():
    """Every text in the code, those in pieces put together as Python does."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).glob("*.py")] + [ROOT / name for name in FILES]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    texts = [node for tree in trees for node in ast.walk(tree) if isinstance(node, (ast.Constant, ast.JoinedStr))]
    return "\0".join(_text(node) for node in texts)


def _text(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "\1" for part in node.values)
    return str(node.value)


@pytest.mark.parametrize("document", EXPLAINED)
def test_every_message_that_a_document_explains_is_one_of_ours(document, said):
    rows = rows_of((ROOT / document).read_text(encoding="utf-8"), EXPLAINED[document])
    assert len(rows) > 15
    assert [row for row in rows if not row] == []
    answers = re.compile(r"answered \d{3}")  # the number is the server's
    unknown = [words for row in rows for words in row if answers.sub("answered ", words).strip() not in said]
    assert unknown == []
