"""BiasEvaluator's executor on the generator's rows, fair and unfair, with the best possible model's answers."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.bias_evaluator.settings import BiasChangeThreshold, BiasSettings, BiasThreshold, Facet
from models.tabular_text.features import DType, Label, LabelKind
from pipeline.sample_data.options import BiasOptions, ReviewsOptions

pytestmark = pytest.mark.integration

BEAM_ARGS = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--sdk_container_image=this-process"]

#: As in penstock.yaml.
SETTINGS = BiasSettings(
    facets=(Facet("product_category"),),
    positive_values=(4, 5),
    thresholds=(BiasThreshold("AD", -0.05, 0.05), BiasThreshold("RD", -0.05, 0.05)),
    change_thresholds=(
        BiasChangeThreshold("DPL", 0.05, severity="error"),
        BiasChangeThreshold("DPPL", 0.1),
        BiasChangeThreshold("AD", 0.05),
        BiasChangeThreshold("RD", 0.05),
    ),
)
STARS = Label("star_rating", LabelKind.MULTICLASS, DType.INT64)
CLASSES = ("1", "2", "3", "4", "5")


class Evaluator:
    """The executor in its own folder, and what it left there."""

    def __init__(self, folder):
        self.folder = folder

    def artifact(self, kind, name, **properties):
        made = kind()
        made.uri, made.id = str(self.folder / name), 1
        for key, value in properties.items():
            setattr(made, key, value)
        return made

    def write_split(self, split, columns):
        """Writes the rows and returns them as serialized tf.Examples."""
        from components.arrow_example_gen.encode import encode_examples
        from components.arrow_example_gen.source_files import open_bytes
        from components.arrow_example_gen.tfrecord import read_records
        from components.arrow_example_gen.writers import SplitWriter

        folder = self.folder / "examples" / f"Split-{split}"
        with SplitWriter(str(folder)) as writer:
            writer.write(encode_examples(columns))
        (path,) = folder.iterdir()
        with open_bytes(str(path)) as stream:
            return list(read_records(stream))

    def answer(self, records, scores):
        """Writes the model's answers to the evaluated rows, and its classes."""
        from components.evaluator.predictions import PREDICTIONS_SCHEMA, example_digest

        rows = {example_digest(record): row.tolist() for record, row in zip(records, scores, strict=True)}
        table = pa.table(
            {
                "example": pa.array(rows, pa.int64()),
                "slices": pa.array([[]] * len(rows), pa.list_(pa.string())),
                "label": pa.array([0.0] * len(rows)),
                "scores": pa.array(rows.values(), pa.list_(pa.float64())),
                "baseline_label": pa.nulls(len(rows), pa.float64()),
                "baseline_scores": pa.nulls(len(rows), pa.list_(pa.float64())),
            },
            schema=PREDICTIONS_SCHEMA,
        )
        (self.folder / "evaluation/predictions").mkdir(parents=True)
        pq.write_table(table, self.folder / "evaluation/predictions/rows.parquet")
        described = self.folder / "model/Format-Serving/assets.extra/penstock.json"
        described.parent.mkdir(parents=True)
        described.write_text(json.dumps({"classes": CLASSES}))

    def run(self, settings=SETTINGS, label=STARS, before=None):
        from tfx.types.channel_utils import as_channel
        from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation

        from components.bias_evaluator.artifact import BiasReport
        from components.bias_evaluator.component import BiasEvaluator
        from components.bias_evaluator.executor import Executor
        from components.gate.artifact import GateResult

        inputs = {
            "examples": [self.artifact(Examples, "examples", split_names='["train", "test"]')],
            "model": [self.artifact(Model, "model")],
            "evaluation": [self.artifact(ModelEvaluation, "evaluation")],
        }
        channels = {key: as_channel(value) for key, value in inputs.items()}
        node = BiasEvaluator(**channels, label=label, settings=settings, evaluated_split="test")
        assert node.id == "BiasEvaluator"
        if before is not None:
            inputs["baseline_bias"] = [before.outputs["bias"][0]]
        self.outputs = {"bias": [self.artifact(BiasReport, "bias")], "result": [self.artifact(GateResult, "result")]}
        context = Executor.Context(tmp_dir=str(self.folder / "tmp"), unique_id="1", beam_pipeline_args=BEAM_ARGS)
        Executor(context).Do(inputs, self.outputs, node.exec_properties)
        return self

    def document(self, key, name):
        return json.loads((self.folder / key / name).read_text(encoding="utf-8"))

    @property
    def report(self):
        return self.document("bias", "bias.json")

    @property
    def failed(self):
        findings = self.document("result", "decision.json")["findings"]
        return {item["check"]: item for item in findings if item["passed"] is False}

    @property
    def passed(self):
        return bool(self.outputs["result"][0].passed)


def reviews(folder, bias=None, rows=16_000, seed=3):
    """A run's artifacts on generated reviews, three quarters to train with, and the best possible answers."""
    from pipeline.sample_data.best_answers import star_probabilities
    from pipeline.sample_data.reviews import generate_reviews

    options = ReviewsOptions(rows=rows, seed=seed, bias=bias or BiasOptions())
    table = pa.Table.from_batches(generate_reviews(options)).combine_chunks()
    (batch,) = table.to_batches()
    scores = star_probabilities(batch, options)
    columns = {
        "review_id": table["review_id"].combine_chunks().cast(pa.binary()),
        "product_category": table["product_category"].combine_chunks().cast(pa.binary()),
        "star_rating": table["star_rating"].combine_chunks(),
    }
    cut = 3 * rows // 4
    evaluator = Evaluator(folder)
    evaluator.write_split("train", {name: column.slice(0, cut) for name, column in columns.items()})
    records = evaluator.write_split("test", {name: column.slice(cut) for name, column in columns.items()})
    evaluator.answer(records, scores[cut:])
    evaluator.rows = {
        "category": np.array(table["product_category"].to_pylist()),
        "good": np.array(table["star_rating"].to_pylist()) >= 4,
        "called_good": scores.argmax(axis=1) >= 3,
        "cut": cut,
    }
    return evaluator


@pytest.fixture(scope="module")
def fair(tmp_path_factory):
    return reviews(tmp_path_factory.mktemp("fair")).run()


def test_the_best_model_on_fair_rows_passes_and_every_number_is_that_of_the_rows(fair):
    assert fair.passed
    assert fair.failed == {}
    rows, cut = fair.rows, fair.rows["cut"]
    assert [facet["name"] for facet in fair.report["facets"]] == [
        f"product_category={name}" for name in ("Gift Card", "Digital_Video_Games", "Digital_Software", "Mobile_Apps")
    ]
    for facet in fair.report["facets"]:
        inside = rows["category"] == facet["name"].partition("=")[2]
        good, called = rows["good"], rows["called_good"]
        trained, tested = np.arange(len(good)) < cut, np.arange(len(good)) >= cut
        metrics = {name: item["value"] for name, item in facet["metrics"].items()}
        assert metrics["DPL"] == pytest.approx(good[trained & ~inside].mean() - good[trained & inside].mean())
        assert metrics["DI"] == pytest.approx(called[tested & inside].mean() / called[tested & ~inside].mean())
        assert metrics["RD"] == pytest.approx(
            called[tested & ~inside & good].mean() - called[tested & inside & good].mean()
        )
        assert facet["rows"]["pre_training"] == {"a": (trained & ~inside).sum(), "d": (trained & inside).sum()}
    assert fair.report["positive"] == "4 or 5"
    assert fair.outputs["bias"][0].facets == 4


def test_a_category_that_is_rated_lower_for_equal_text_is_refused_by_name(fair, tmp_path):
    unfair = reviews(tmp_path, BiasOptions("Digital_Software", 0.6)).run(before=fair)
    assert not unfair.passed
    refused = {check for check, item in unfair.failed.items() if item["refuses"]}
    assert "RD(product_category=Digital_Software)" in refused
    assert "change of DPL(product_category=Digital_Software)" in refused
    assert "change of DPPL(product_category=Digital_Software)" in refused
    assert {check.partition("=")[2] for check in refused} == {"Digital_Software)"}
    recall = unfair.failed["RD(product_category=Digital_Software)"]
    assert recall["details"]["interval"][0] > 0.1
    assert "of the positive rows, the model finds fewer in the facet" in recall["sentence"]
    assert unfair.outputs["bias"][0].failed == len(unfair.failed)


def test_a_fair_model_after_a_fair_one_passes(fair, tmp_path):
    again = reviews(tmp_path, seed=4).run(before=fair)
    assert again.passed
    assert again.failed == {}
    assert again.report["compared_with"] == fair.outputs["bias"][0].uri


def test_a_regression_is_measured_above_its_bound_and_ages_by_theirs(tmp_path):
    evaluator = Evaluator(tmp_path)
    rng = np.random.default_rng(5)
    age = rng.uniform(20, 70, 400).astype(np.float32)
    rent = rng.uniform(500, 1500, 400).astype(np.float32)
    columns = {"age": pa.array(age), "rent": pa.array(rent)}
    evaluator.write_split("train", columns)
    records = evaluator.write_split("test", columns)
    told = np.where(age > 40, rent - 400, rent)  # answers of a model that gives older people less
    evaluator.answer(records, told[:, None].astype(float))
    settings = BiasSettings(facets=(Facet("age", above=40.0),), positive_above=1000.0)
    evaluator.run(settings, Label("rent", LabelKind.REGRESSION, DType.FLOAT32))
    metrics = evaluator.report["facets"][0]["metrics"]
    older, high = age > 40, told > 1000
    assert metrics["DI"]["value"] == pytest.approx(high[older].mean() / high[~older].mean())
    assert not evaluator.passed
    assert "DI(age>40)" in evaluator.failed


def test_classes_that_the_model_does_not_know_stop_the_node_with_their_names(tmp_path):
    from components.errors import ComponentError

    evaluator = reviews(tmp_path, rows=200)
    settings = BiasSettings(facets=(Facet("product_category"),), positive_values=("good",))
    with pytest.raises(ComponentError, match=r"the model knows no class 'good'\. Its classes are 1, 2, 3, 4, 5"):
        evaluator.run(settings)


def test_too_few_rows_to_judge_anything_refuse(tmp_path):
    evaluator = reviews(tmp_path, rows=100).run()
    assert not evaluator.passed
    assert evaluator.document("result", "decision.json")["missing"][0].startswith("No bias could be measured")
