"""Explainer and AttributionDrift on models that were trained, exported and loaded, where the reasons are known."""

import dataclasses
import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from pyarrow import parquet

from components.errors import ComponentError
from components.evaluator.predictions import PREDICTIONS_FOLDER, PREDICTIONS_SCHEMA, example_digest, slice_json
from components.explainer.document import Explanation
from components.explainer.settings import ExplanationSettings
from components.gate.verdict import Verdict
from components.gate.waiver import Waiver
from models.tabular_text.features import FeatureSpec, LabelKind
from tests.integration.test_tabular_text import (
    BINARY,
    MODEL,
    PAID,
    TRAINING,
    Row,
    Trained,
    World,
    encode,
    make_rows,
    train,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings(
        "ignore:invalid value encountered in divide:RuntimeWarning:tensorflow_transform.analyzers"
    ),
]

SETTINGS = ExplanationSettings(rows=150, shap_rows=10, examples=4)
TEXT, AGE = "review body", "age"


def by_age(rows: list[Row]) -> list[Row]:
    """The same rows, liked by who is above forty whatever they wrote; without an age by nobody."""
    return [{**row, "liked": "yes" if row.get(AGE, 0) >= 40 else "no"} for row in rows]


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """A trained model with the rows it was evaluated on, laid out as the nodes before Explainer leave them."""

    spec: FeatureSpec
    trained: Trained
    rows: list[Row]
    folder: Path

    def explain(self, name: str, settings: ExplanationSettings = SETTINGS) -> Path:
        """The folder of the explanation that the executor wrote."""
        from tfx.types import standard_artifacts
        from tfx.utils import json_utils

        from components.explainer.artifact import ModelExplanation
        from components.explainer.executor import Executor

        examples = standard_artifacts.Examples()
        examples.uri, examples.split_names = str(self.folder / "examples"), json.dumps(["test"])
        evaluation, model = standard_artifacts.ModelEvaluation(), standard_artifacts.Model()
        evaluation.uri, model.uri = str(self.folder / "evaluation"), str(self.folder / "model")
        explanation = ModelExplanation()
        explanation.uri = str(self.folder / name)
        Executor().Do(
            {"examples": [examples], "evaluation": [evaluation], "model": [model]},
            {"explanation": [explanation]},
            {"settings": json.dumps(settings.to_json()), "example_splits": json_utils.dumps(["test"])},
        )
        assert explanation.rows == min(settings.rows, len(self.rows)) or settings.method == "permutation_shap"
        return Path(explanation.uri)


def evaluated(spec: FeatureSpec, trained: Trained, rows: list[Row], folder: Path) -> Evaluated:
    """Writes the rows, and the model's answers to them."""
    records = [encode(row, spec) for row in rows]
    (folder / "examples" / "Split-test").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "examples" / "Split-test" / "data.gz"), "GZIP") as writer:
        for record in records:
            writer.write(record)
    shutil.copytree(trained.path, folder / "model" / "Format-Serving")
    answers = trained.predict(rows, spec)
    if spec.label.kind is LabelKind.REGRESSION:
        scores, labels = answers["prediction"][:, np.newaxis], [row["paid"] for row in rows]
    else:
        scores, labels = answers["scores"], [("no", "yes").index(row["liked"]) for row in rows]
    table = pa.table(
        {
            "example": [example_digest(record) for record in records],
            "slices": [[slice_json((("shop", row["shop"]),))] for row in rows],
            "label": np.asarray(labels, float),
            "scores": scores.astype(float).tolist(),
            "baseline_label": pa.nulls(len(rows), pa.float64()),
            "baseline_scores": pa.nulls(len(rows), pa.list_(pa.float64())),
        },
        schema=PREDICTIONS_SCHEMA,
    )
    (folder / "evaluation" / PREDICTIONS_FOLDER).mkdir(parents=True)
    parquet.write_table(table, folder / "evaluation" / PREDICTIONS_FOLDER / "part.parquet")
    return Evaluated(spec, trained, rows, folder)


def read(folder: Path) -> Explanation:
    return Explanation.from_json(json.loads((folder / "explanation.json").read_text()))


@pytest.fixture(scope="module")
def words_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("words"), BINARY, make_rows(600, 1), make_rows(200, 2))


@pytest.fixture(scope="module")
def words(words_world: World, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A model of rows that are liked by their words."""
    root = tmp_path_factory.mktemp("words_model")
    return evaluated(BINARY, train(words_world, root / "run"), make_rows(200, 3), root)


@pytest.fixture(scope="module")
def ages(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """A model of rows that are liked by their age."""
    root = tmp_path_factory.mktemp("ages")
    world = World(root, BINARY, by_age(make_rows(600, 1)), by_age(make_rows(200, 2)))
    training = {**TRAINING, "epochs": 8}
    return evaluated(BINARY, train(world, root / "run", training=training), by_age(make_rows(200, 3)), root / "rows")


@pytest.fixture(scope="module")
def explained_words(words: Evaluated) -> Path:
    return words.explain("explanation")


def test_the_column_that_decides_comes_first_and_sums_are_complete(explained_words: Path) -> None:
    found = read(explained_words)
    assert found.features[0].feature == TEXT
    assert found.features[0].share > 0.5
    assert found.features[0].low > found.features[1].high
    assert found.completeness.is_kept, found.completeness.sentence()
    assert next(item for item in found.features if item.feature == "never").importance == 0.0


def test_both_methods_agree_on_what_decides(explained_words: Path) -> None:
    check = read(explained_words).cross_check
    assert check is not None
    assert check.features[0].feature == TEXT
    assert check.rows == 10


def test_the_words_that_decide_are_named(explained_words: Path) -> None:
    (found,) = read(explained_words).words
    assert found.explained == "yes"
    assert {word.word for word in found.raising[:2]} == {"good", "great"}
    assert {"bad", "awful", "so", "fair"} & {word.word for word in found.lowering[:2]}


def test_slices_and_rows_are_shown(words: Evaluated, explained_words: Path) -> None:
    found = read(explained_words)
    assert {group.name for group in found.slices} == {"shop = north", "shop = south"}
    assert sum(group.rows for group in found.slices) == found.rows == 150
    assert len(found.examples) == 4
    example = found.examples[0]
    assert sum(part.attribution for part in example.parts) == pytest.approx(
        example.output - example.baseline_output, abs=0.05 * max(1.0, abs(example.output - example.baseline_output))
    )
    text = next(part for part in example.parts if part.feature == TEXT)
    assert [word for word, _ in text.words] == str(text.value).split()
    assert sum(weight for _, weight in text.words) == pytest.approx(text.attribution, abs=1e-4)


def test_what_is_explained_is_what_the_server_answers(words: Evaluated, explained_words: Path) -> None:
    table = parquet.read_table(explained_words / "attributions.parquet")
    assert table.num_rows == 150
    rows = {example_digest(encode(row, BINARY)): row for row in words.rows}
    for example in read(explained_words).examples:
        score = words.trained.predict([rows[example.example]], BINARY)["positive_score"][0]
        assert example.output == pytest.approx(np.log(score / (1 - score)), abs=0.05)


@pytest.mark.parametrize("tower", ["cnn", "transformer"])
def test_every_tower_is_explained_completely(words_world: World, words: Evaluated, tower: str, tmp_path: Path) -> None:
    trained = train(words_world, tmp_path / "run", model={**MODEL, "text_tower": tower})
    settings = dataclasses.replace(SETTINGS, method="integrated_gradients")
    found = read(evaluated(BINARY, trained, words.rows, tmp_path / "rows").explain("explanation", settings))
    assert found.features[0].feature == TEXT
    assert found.completeness.is_kept, found.completeness.sentence()
    assert found.cross_check is None


def test_a_row_without_values_can_be_the_baseline(words: Evaluated) -> None:
    settings = dataclasses.replace(SETTINGS, method="integrated_gradients", baseline="missing")
    found = read(words.explain("missing", settings))
    assert found.features[0].feature == TEXT
    assert found.completeness.is_kept


def test_the_served_answers_alone_explain_too(words: Evaluated) -> None:
    found = read(words.explain("shap", dataclasses.replace(SETTINGS, method="permutation_shap", shap_rows=25)))
    assert (found.method, found.rows, found.words) == ("permutation_shap", 25, ())
    assert found.features[0].feature == TEXT
    assert found.completeness.share == 1.0
    assert found.completeness.largest_gap < 1e-6


def test_a_predicted_number_is_explained_in_its_unit(tmp_path: Path) -> None:
    world = World(tmp_path, PAID, make_rows(600, 1), make_rows(200, 2))
    rows = [row for row in make_rows(200, 3) if AGE in row]
    trained = train(world, tmp_path / "run", training={**TRAINING, "epochs": 8})
    found = read(evaluated(PAID, trained, rows, tmp_path / "rows").explain("explanation"))
    assert (found.kind, found.classes) == ("regression", ())
    assert found.features[0].feature == AGE
    assert found.completeness.is_kept
    assert found.cross_check is not None
    assert found.cross_check.is_exact
    # A year is worth a hundred, and ages are spread evenly over forty years: the mean distance from their mean is ten.
    assert found.features[0].importance == pytest.approx(1000, rel=0.4)


def drift(explanation: Path | None, baseline: Path | None, **settings: Any) -> Verdict:
    """The verdict that the executor wrote."""
    from tfx.types import standard_artifacts

    from components.attribution_drift.executor import Executor
    from components.attribution_drift.settings import AttributionDriftSettings
    from components.explainer.artifact import ModelExplanation
    from components.gate.artifact import GateResult
    from components.gate.document import read_verdict

    def artifacts(folder: Path | None) -> list[Any]:
        if folder is None:
            return []
        artifact = ModelExplanation()
        artifact.uri = str(folder)
        return [artifact]

    result = GateResult()
    result.uri = str((explanation or baseline or Path()).parent / "result")
    Executor().Do(
        {"explanation": artifacts(explanation), "model": [standard_artifacts.Model()], "baseline": artifacts(baseline)},
        {"result": [result]},
        {"settings": json.dumps(AttributionDriftSettings(**settings).to_json())},
    )
    verdict = read_verdict(result)
    assert verdict is not None
    assert verdict.gate == "AttributionDrift"
    assert result.passed == int(verdict.passed)
    return verdict


def test_a_model_that_answers_for_other_reasons_is_refused_and_the_reason_named(
    ages: Evaluated, explained_words: Path
) -> None:
    now = ages.explain("explanation")
    assert read(now).features[0].feature == AGE
    verdict = drift(now, explained_words)
    assert not verdict.passed
    (finding,) = verdict.refusing
    assert finding.check == "ndcg"
    assert f"'{AGE}' place" in finding.sentence
    assert f"'{TEXT}' place 1 →" in finding.sentence
    waiver = Waiver("ndcg", "likes follow the age now", datetime.date(2999, 1, 1))
    assert drift(now, explained_words, waivers=(waiver,)).passed


def test_a_model_trained_again_from_another_seed_passes(
    words_world: World, words: Evaluated, explained_words: Path, tmp_path: Path
) -> None:
    trained = train(words_world, tmp_path / "run", training={**TRAINING, "seed": 7})
    now = evaluated(BINARY, trained, make_rows(200, 4), tmp_path / "rows").explain("explanation")
    verdict = drift(now, explained_words)
    assert verdict.passed, verdict.refusal()
    assert any(finding.check == "ndcg" and finding.passed for finding in verdict.findings)


def test_the_first_model_passes_and_one_without_explanation_does_not(explained_words: Path, tmp_path: Path) -> None:
    assert drift(explained_words, None).passed
    assert not drift(None, explained_words).passed
    (tmp_path / "empty").mkdir()
    assert not drift(tmp_path / "empty", None).passed


def test_a_damaged_baseline_is_no_free_pass(explained_words: Path, tmp_path: Path) -> None:
    shutil.copytree(explained_words, tmp_path / "explanation")
    (tmp_path / "explanation" / "attributions.parquet").write_bytes(b"PAR1")
    verdict = drift(explained_words, tmp_path / "explanation")
    assert [finding.check for finding in verdict.refusing] == ["baseline"]


def test_a_model_that_cannot_explain_itself_says_what_to_do(words: Evaluated, tmp_path: Path) -> None:
    from components.explainer.served import ServedModel

    tf.saved_model.save(tf.Module(), str(tmp_path))
    (tmp_path / "assets.extra").mkdir()
    shutil.copy(words.trained.path / "assets.extra" / "penstock.json", tmp_path / "assets.extra")
    with pytest.raises(ComponentError, match=r"no signature 'explain'.*--from Trainer"):
        ServedModel(str(tmp_path))
