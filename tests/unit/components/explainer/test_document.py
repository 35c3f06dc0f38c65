"""The explanation survives its file, and another format is refused by number."""

import json

import numpy as np
import pytest

from components.explainer.attribution_file import read_attributions, write_attributions
from components.explainer.document import (
    Completeness,
    CrossCheck,
    Example,
    Explanation,
    Group,
    Importance,
    Part,
    Word,
    Words,
)

AGE = Importance("age €", 2.0, 1.5, 2.5, -0.5, 1.0)
FULL = Explanation(
    label="liked",
    kind="binary",
    classes=("no", "yes"),
    split="test",
    evaluated_rows=100,
    rows=50,
    method="integrated_gradients",
    explains="the logit",
    baseline="the mean",
    steps=32,
    completeness=Completeness(0.96, 50, 0.1, 0.05, 1.0, 0.95),
    features=(AGE,),
    cross_check=CrossCheck("permutation_shap", 20, 8, 640, True, (AGE,), None),
    classes_explained=(Group({"class": "yes"}, 30, (AGE,)),),
    slices=(Group({"shop": "a", "day": "b"}, 20, (AGE,)),),
    words=(Words("body", "yes", (Word("good", 1.0, 3),), ()),),
    examples=(
        Example("most wrong", -5, None, "yes", 0.9, "yes", 2.0, 1.0, (Part("body", "good", 1.0, (("good", 1.0),)),)),
    ),
    remarks=("a remark",),
)


def test_the_document_survives_its_file():
    text = json.dumps(FULL.to_json(), allow_nan=False)
    assert Explanation.from_json(json.loads(text)) == FULL
    assert json.loads(text)["completeness"]["is_kept"] is True


def test_another_format_is_refused_by_its_number():
    with pytest.raises(ValueError, match="format 2"):
        Explanation.from_json({**FULL.to_json(), "format": 2})


def test_attributions_keep_their_features_and_digits(tmp_path):
    values = np.array([[0.1, -2e-17], [3.0, 4.0], [5.0, 6.0]])
    path = tmp_path / "attributions.parquet"
    write_attributions(path, np.array([1, -2, 2**62]), ("b €", "a"), values)
    names, found = read_attributions(path)
    assert names == ("b €", "a")
    np.testing.assert_array_equal(found, values)
