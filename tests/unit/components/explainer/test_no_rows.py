import types

import pytest
from pyarrow import parquet

from components.errors import ComponentError
from components.evaluator.predictions import PREDICTIONS_FOLDER, PREDICTIONS_SCHEMA, read_predictions
from components.explainer.settings import ExplanationSettings
from models.tabular_text.features import DType, Label, LabelKind


@pytest.mark.parametrize("kind", list(LabelKind))
def test_a_model_that_was_evaluated_on_no_row_is_not_explained_and_the_split_is_named(tmp_path, kind):
    from components.explainer.executor import explain

    (tmp_path / PREDICTIONS_FOLDER).mkdir()
    parquet.write_table(PREDICTIONS_SCHEMA.empty_table(), tmp_path / PREDICTIONS_FOLDER / "rows.parquet")
    model = types.SimpleNamespace(features=types.SimpleNamespace(label=Label("stars", kind, DType.STRING)))
    with pytest.raises(ComponentError, match=r"holds no row.*Give split 'test' more of the data"):
        explain(model, tmp_path, [], "test", ExplanationSettings())


def test_an_evaluation_without_a_file_of_predictions_says_so(tmp_path):
    (tmp_path / PREDICTIONS_FOLDER).mkdir()
    with pytest.raises(FileNotFoundError, match="is empty"):
        read_predictions(tmp_path, LabelKind.BINARY)
