"""When the last blessed model cannot be compared with."""

from pathlib import Path
from typing import Any

import pytest

from components.evaluator.baseline import incomparable


def description(label: str = "y", kind: str = "binary", **dtypes: str) -> dict[str, Any]:
    columns = dtypes or {"x": "float32", "c": "string"}
    return {
        "features": {
            "label": {"name": label, "kind": kind, "dtype": "int64"},
            "features": [{"name": name, "dtype": dtype} for name, dtype in columns.items()],
        },
        "inputs": {name: {"required": name == "x"} for name in columns},
    }


@pytest.mark.parametrize(
    ("candidate", "baseline"),
    [
        (description(), description()),
        (description(x="float32"), description(x="float32", optional="string")),
        (description(x="float32", new="string"), description(x="float32")),
        (None, description()),
        (description(), None),
    ],
)
def test_models_of_the_same_label_and_columns_are_compared(candidate: Any, baseline: Any) -> None:
    assert incomparable(candidate, baseline) is None


def test_a_model_that_would_be_fed_a_column_instead_of_the_rows_is_not_compared_with() -> None:
    candidate = description(x="float32", examples="string")
    assert "it calls its serialized rows 'examples', which is now a column" in str(
        incomparable(candidate, description(x="float32"))
    )
    safe = {**description(x="float32"), "examples_argument": "serialized_examples"}
    assert incomparable(candidate, safe) is None


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        (description(label="z"), "it predicts 'z' (binary, int64), not 'y' (binary, int64)"),
        (description(kind="multiclass"), "it predicts 'y' (multiclass, int64)"),
        (description(x="string", c="string"), "it reads 'x' as string, not float32"),
    ],
)
def test_a_model_of_another_label_or_type_is_not_compared_and_the_reason_is_told(baseline: Any, words: str) -> None:
    reason = incomparable(description(), baseline)
    assert reason is not None
    assert words in reason


def test_a_model_that_needs_a_column_which_is_gone_is_not_compared() -> None:
    assert incomparable(description(c="string"), description()) == "it needs 'x'"


def test_a_blessed_model_that_is_gone_stops_the_node_with_its_place_and_a_way_on(tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    from components.errors import ComponentError
    from components.evaluator.executor import Executor

    baseline = standard_artifacts.Model()
    baseline.uri = str(tmp_path / "gone")
    with pytest.raises(ComponentError, match=r"gone: the last blessed model.*not there any more.*pipeline\.root"):
        Executor().Do({"model": [standard_artifacts.Model()], "baseline_model": [baseline]}, {}, {})
