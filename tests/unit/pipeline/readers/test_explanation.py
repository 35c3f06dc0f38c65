"""An explanation is read as it was written, and what is none is told."""

import json

import pytest

from components.explainer.document import Completeness, Explanation, Importance
from pipeline.errors import NotFound
from pipeline.readers.explanation import read_explanation

FOUND = Explanation(
    label="liked", kind="regression", classes=(), split="test", evaluated_rows=9, rows=5, method="permutation_shap",
    explains="the number", baseline="others", steps=None, completeness=Completeness(None, 0, 0.0, 0.05, 0.0, 0.95),
    features=(Importance("age", 1.0, 0.5, 1.5, -1.0, 1.0),), cross_check=None, classes_explained=(), slices=(),
    words=(), examples=(),
)  # fmt: skip


def test_what_was_written_is_read(tmp_path):
    (tmp_path / "explanation.json").write_text(json.dumps(FOUND.to_json()))
    assert read_explanation(tmp_path) == FOUND


@pytest.mark.parametrize("text", ["{}", "[]", '{"format": 1}', "no json"])
def test_what_is_no_explanation_is_told_with_its_path(tmp_path, text):
    (tmp_path / "explanation.json").write_text(text)
    with pytest.raises(NotFound, match=r"explanation\.json"):
        read_explanation(tmp_path)


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(NotFound):
        read_explanation(tmp_path)
