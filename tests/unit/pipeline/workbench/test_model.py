import math

import numpy as np
import pandas as pd
import pytest

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.errors import NotFound
from pipeline.readers.model import Model, ModelInput
from pipeline.workbench.model import ModelPart

FEATURES = (
    Feature("text", FeatureKind.TEXT, DType.STRING),
    Feature("size", FeatureKind.NUMERIC, DType.FLOAT32, required=True),
    Feature("code", FeatureKind.CATEGORICAL, DType.INT64),
)
INPUTS = (
    ModelInput("text", "string", False, "text_1", ""),
    ModelInput("size", "float32", True, "size", None),
    ModelInput("code", "int64", False, "code", -99),
)


class FakeModel(ModelPart):
    """Answers without TensorFlow, and remembers what was asked."""

    def __init__(self, kind, classes, answer):
        spec = FeatureSpec(Label("stars", kind, DType.INT64), FEATURES)
        super().__init__(Model("/nowhere", classes, ("serving_raw",), INPUTS, spec, 1))
        self.answer, self.asked = answer, []

    def _asked(self, columns, start):
        batch = {name: values[start : start + 1024] for name, values in columns.items()}
        self.asked.append(batch)
        return self.answer(batch)


def by_size(batch):
    """The first class with probability `size`."""
    size = np.array(batch["size"])
    return {"scores": np.stack([size, 1 - size], axis=1)}


@pytest.fixture
def model():
    return FakeModel(LabelKind.MULTICLASS, ("1", "5"), by_size)


def test_missing_values_are_sent_as_the_model_wants_them(model):
    rows = pd.DataFrame({"text": [None, 7], "size": [0.25, 1], "code": [np.nan, 3.0]}, index=[10, 20])
    answers = model.predict(rows)
    assert model.asked == [{"text_1": ["", "7"], "size": [0.25, 1.0], "code": [-99, 3]}]
    assert answers.index.tolist() == [10, 20]
    assert answers["predicted"].tolist() == ["5", "1"]
    assert answers["probability"].tolist() == [0.75, 1.0]
    assert answers["p(1)"].tolist() == [0.25, 1.0]


def test_columns_that_are_not_there_count_as_missing_unless_they_are_required(model):
    model.predict(pd.DataFrame({"size": [0.5]}))
    assert model.asked == [{"text_1": [""], "size": [0.5], "code": [-99]}]
    with pytest.raises(NotFound, match="no column 'size'"):
        model.predict(pd.DataFrame({"text": ["a"]}))
    with pytest.raises(NotFound, match="'size' has no value in 1 rows"):
        model.predict(pd.DataFrame({"size": [0.5, None]}))


def test_no_rows_have_no_answers(model):
    assert model.predict(pd.DataFrame({"size": []})).empty


def test_many_rows_are_asked_in_batches(model):
    answers = model.predict(pd.DataFrame({"size": np.linspace(0, 1, 2500)}))
    assert [len(batch["size"]) for batch in model.asked] == [1024, 1024, 452]
    np.testing.assert_allclose(answers["p(1)"], np.linspace(0, 1, 2500))


def test_the_worst_answer_is_the_surest_wrong_one(model):
    rows = pd.DataFrame({"size": [0.9, 0.9, 0.6, 0.5], "stars": [1, 5, 5, None]})
    judged = model.judged(rows)
    assert judged.index.tolist() == [1, 2, 0, 3]
    assert judged["loss"].tolist()[:3] == pytest.approx([-math.log(0.1), -math.log(0.4), -math.log(0.9)])
    assert math.isnan(judged["loss"].iloc[3])
    assert judged["correct"].tolist()[:3] == [False, False, True]
    assert judged["truth"].tolist()[:3] == ["5", "5", "1"]
    assert judged["stars"].tolist()[:3] == [5, 5, 1]


def test_a_class_that_the_model_does_not_know_has_no_loss(model):
    assert model.judged(pd.DataFrame({"size": [0.9], "stars": [3]}))["loss"].isna().all()


def test_rows_without_the_truth_cannot_be_judged(model):
    with pytest.raises(NotFound, match="no column 'stars'"):
        model.judged(pd.DataFrame({"size": [0.9]}))


def test_a_regression_is_judged_by_its_distance():
    model = FakeModel(LabelKind.REGRESSION, (), lambda batch: {"prediction": np.array(batch["size"]) * 10})
    judged = model.judged(pd.DataFrame({"size": [1.0, 2.0], "stars": [10.5, 24.0]}))
    assert judged["loss"].tolist() == [4.0, 0.5]
    assert judged["error"].tolist() == [-4.0, -0.5]


def test_importance_is_of_what_the_model_goes_by(model):
    rng = np.random.default_rng(0)
    size = np.where(rng.random(200) < 0.5, 0.9, 0.1)
    rows = pd.DataFrame({"size": size, "code": 1, "text": "a", "stars": np.where(size > 0.5, 1, 5)})
    found = model.importance(rows, repeats=2).frame
    assert found.index[0] == "size"
    assert found.loc["code", "importance"] == 0
    # Half of the shuffled rows get the other value, with probability 0.1 in place of 0.9: ln(9) / 2.
    assert found.loc["size", "importance"] == pytest.approx(math.log(9) / 2, abs=0.2)


def test_words_are_shown_with_their_effect_and_inert():
    def by_words(batch):
        p = np.array([0.9 if "<b>good</b>" in text else 0.6 for text in batch["text_1"]])
        return {"scores": np.stack([p, 1 - p], axis=1)}

    model = FakeModel(LabelKind.MULTICLASS, ("1", "5"), by_words)
    shown = model.occlusion(pd.DataFrame({"text": ["so <b>good</b>"], "size": [1.0]}).iloc[0], "text")
    assert shown.frame["effect"].tolist() == pytest.approx([0.0, 0.3])
    assert "p(1) = 0.9" in shown.title
    assert "&lt;b&gt;good&lt;/b&gt;" in shown._repr_html_()
    assert "<b>" not in shown._repr_html_()
