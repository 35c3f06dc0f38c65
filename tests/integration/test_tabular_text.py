"""From raw examples through Transform and Trainer to a served model, on small tables with every kind of column."""

import functools
import json
import math
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from models.tabular_text.errors import BadSettings, UntrainableData
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from models.tabular_text.layout import file_safe

pytestmark = [
    pytest.mark.integration,
    # Transform combines batches in which a column has no value at all by 0 / 0, and repairs the NaN afterwards.
    pytest.mark.filterwarnings(
        "ignore:invalid value encountered in divide:RuntimeWarning:tensorflow_transform.analyzers"
    ),
]

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
FEATURES = (
    Feature("shop", FeatureKind.CATEGORICAL, DType.STRING, required=True),
    Feature("age", FeatureKind.NUMERIC, DType.INT64),
    Feature("price €", FeatureKind.NUMERIC, DType.FLOAT32),
    Feature("never", FeatureKind.NUMERIC, DType.FLOAT32),
    Feature("code", FeatureKind.CATEGORICAL, DType.INT64),
    Feature("review body", FeatureKind.TEXT, DType.STRING),
    Feature("day", FeatureKind.DATE, DType.STRING),
    Feature("id", FeatureKind.IGNORED, DType.STRING),
)
BINARY = FeatureSpec(Label("liked", LabelKind.BINARY, DType.STRING), FEATURES, max_tokens=8)
STARS = FeatureSpec(Label("stars", LabelKind.MULTICLASS, DType.INT64), FEATURES, max_tokens=8)
PAID = FeatureSpec(Label("paid", LabelKind.REGRESSION, DType.FLOAT32), FEATURES[:3], max_tokens=8)
MODEL = {"embedding_dim": 8, "categorical_embedding_dim": 4, "hidden_units": [8], "attention_heads": 2}
TRAINING = {"epochs": 3, "batch_size": 32, "learning_rate": 0.02, "early_stopping_patience": 0}

HOSTILE: list[Row] = [
    {"shop": "north", "age": 30, "price €": 1.5, "code": 3, "review body": "good thing", "day": "2015-08-31"},
    {"shop": "north"},
    {"shop": ""},
    {"shop": "unseen", "code": -99, "age": 2**40, "price €": 3e38, "review body": "日本 ÄRGER 😀 \x00"},
    {"shop": "north", "price €": math.nan, "review body": "", "day": ""},
    {"shop": "north", "price €": -math.inf, "review body": " \n\t", "day": "2015-02-30"},
    {"shop": "nörth\t\"'", "review body": "word " * 50_000, "day": "yesterday", "age": -(2**62)},
    {"shop": b"\xff\xfe", "review body": b"bad \xff bad", "day": b"\xff"},
]  # fmt: skip


def make_rows(count: int, seed: int) -> list[Row]:
    """Rows whose text decides `liked` and, with the shop, `stars`; `paid` follows from the age; some values missing."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        mood, age = int(random.integers(3)), int(random.integers(20, 60))
        words = [["bad", "awful"], ["so", "fair"], ["good", "great"]][mood]
        text = [*random.choice(["the", "a", "thing", "was"], int(random.integers(1, 5))), random.choice(words)]
        row = {
            "shop": str(random.choice(["north", "south"])),
            "age": age,
            "price €": float(random.normal(100, 20)),
            "code": int(random.integers(3)),
            "review body": " ".join(random.permutation(text)),
            "day": f"2015-{random.integers(1, 13):02d}-{random.integers(1, 29):02d}",
            "liked": "yes" if mood == 2 else "no",
            "stars": (2, 9, 10)[mood],
            "paid": 10_000 + 100.0 * age,
        }
        dropped = random.choice(["age", "price €", "code", "day", "none"])
        rows.append({name: value for name, value in row.items() if name != dropped})
    return rows


def encode(row: Row, spec: FeatureSpec) -> bytes:
    """A serialized tf.Example with the row's columns."""
    example = tf.train.Example()
    for column in (*spec.features, spec.label):
        if column.name not in row:
            continue
        value, feature = row[column.name], example.features.feature[column.name]
        if column.dtype is DType.STRING:
            feature.bytes_list.value.append(value if isinstance(value, bytes) else value.encode())
        elif column.dtype is DType.INT64:
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return bytes(example.SerializeToString())


def raw_arguments(rows: list[Row], description: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """The arguments of `serving_raw` for the rows, made from the model's own description as a server would."""
    arguments = {}
    for name, column in description["inputs"].items():
        missing = math.nan if column["missing"] is None else column["missing"]
        arguments[column["argument"]] = tf.constant([row.get(name, missing) for row in rows], column["dtype"])
    return arguments


def transform(root: Path, spec: FeatureSpec, splits: Mapping[str, list[Row]]) -> None:
    """Writes the rows as raw examples, and Transform's graph and transformed examples from them."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
    from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

    from models.tabular_text.preprocessing import preprocessing_fn

    kinds = {DType.INT64: schema_pb2.INT, DType.FLOAT32: schema_pb2.FLOAT, DType.STRING: schema_pb2.BYTES}
    columns = (*spec.features, spec.label)
    schema = schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=column.name, type=kinds[column.dtype]) for column in columns]
    )
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(schema), str(root / "transform" / "metadata"))
    for name, rows in splits.items():
        with tf.io.TFRecordWriter(str(root / f"{name}.gz"), "GZIP") as writer:
            for row in rows:
                writer.write(encode(row, spec))
    fn = functools.partial(preprocessing_fn, custom_config={"features": spec.to_json()})
    with beam.Pipeline(runner=FnApiRunner()) as pipeline, tft_beam.Context(temp_dir=str(root / "temporary")):
        data = {}
        for name in splits:
            source = TFExampleRecord(str(root / f"{name}.gz"), schema=schema, telemetry_descriptors=[])
            data[name] = (pipeline | f"Read {name}" >> source.BeamSource(), source.TensorAdapterConfig())
        graph = data["train"] | tft_beam.AnalyzeDataset(fn)
        graph | tft_beam.WriteTransformFn(str(root / "transform"))
        for name, rows_and_config in data.items():
            out, _ = (rows_and_config, graph) | f"Transform {name}" >> tft_beam.TransformDataset(
                output_record_batches=True
            )
            encoded = out | f"Encode {name}" >> beam.FlatMap(
                lambda item: RecordBatchToExamplesEncoder().encode(item[0])
            )
            folder = root / "transformed" / name
            encoded | f"Write {name}" >> beam.io.WriteToTFRecord(str(folder / "data"), file_name_suffix=".gz")


class World:
    """A transformed data set to train on."""

    def __init__(self, root: Path, spec: FeatureSpec, train: list[Row], evaluation: list[Row]) -> None:
        self.root, self.spec = root, spec
        transform(root, spec, {"train": train, "eval": evaluation})

    def fn_args(self, folder: Path, **changes: Any) -> SimpleNamespace:
        """TFX's FnArgs, as far as `run_fn` and `tuner_fn` read them; `changes` go to `custom_config`."""
        config = {"features": self.spec.to_json(), "model": MODEL, "training": TRAINING, **changes}
        folder.mkdir(parents=True, exist_ok=True)
        return SimpleNamespace(
            train_files=[str(self.root / "transformed" / "train" / "*")],
            eval_files=[str(self.root / "transformed" / "eval" / "*")],
            transform_graph_path=str(self.root / "transform"),
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder),
            working_dir=str(folder),
            hyperparameters=None,
            custom_config=config,
        )


class Trained:
    """A model that `run_fn` wrote."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model"
        self.signatures = tf.saved_model.load(str(self.path)).signatures
        self.description = json.loads((self.path / "assets.extra" / "penstock.json").read_text())
        self.history = json.loads((folder / "history.json").read_text())["epochs"]

    def predict(self, rows: list[Row], spec: FeatureSpec) -> dict[str, np.ndarray]:
        """Both signatures' predictions; they must not differ in a single bit."""
        examples = tf.constant([encode(row, spec) for row in rows])
        parsed = self.signatures["serving_default"](**{self.description["examples_argument"]: examples})
        raw = self.signatures["serving_raw"](**raw_arguments(rows, self.description))
        assert set(parsed) == set(raw)
        for name, value in parsed.items():
            assert value.numpy().tobytes() == raw[name].numpy().tobytes() or value.dtype == tf.string
            np.testing.assert_array_equal(value.numpy(), raw[name].numpy())
        return {name: value.numpy() for name, value in parsed.items()}


def train(world: World, folder: Path, **changes: Any) -> Trained:
    from models.tabular_text.train import run_fn

    run_fn(world.fn_args(folder, **changes))
    return Trained(folder)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> World:
    hostile = [{**row, "liked": "no"} for row in HOSTILE]
    return World(
        tmp_path_factory.mktemp("binary"), BINARY, [*make_rows(600, 1), *hostile, {"shop": "north"}], make_rows(200, 2)
    )


@pytest.fixture(scope="module")
def stars(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("stars"), STARS, make_rows(600, 1), make_rows(200, 2))


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> World:
    rows = [*make_rows(600, 1), {"shop": "north", "paid": math.nan}]
    return World(tmp_path_factory.mktemp("paid"), PAID, rows, make_rows(200, 2))


@pytest.fixture(scope="module")
def liked(binary: World, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(binary, tmp_path_factory.mktemp("liked"))


def test_a_binary_model_learns_and_names_its_classes(liked: Trained) -> None:
    # A third of the rows is liked, so the majority class has accuracy 2/3; the words tell the answer exactly.
    assert liked.history[-1]["val_accuracy"] > 0.95
    rows = [{"shop": "north", "review body": "great thing"}, {"shop": "north", "review body": "awful thing"}]
    outputs = liked.predict(rows, BINARY)
    assert outputs["classes"].tolist() == [[b"no", b"yes"]] * 2
    assert outputs["predicted_class"].tolist() == [b"yes", b"no"]
    assert outputs["scores"].dtype == np.float32
    np.testing.assert_allclose(outputs["scores"].sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(outputs["scores"][:, 1], outputs["positive_score"])


def test_both_signatures_agree_bit_for_bit_on_hostile_rows(liked: Trained) -> None:
    together = liked.predict(HOSTILE, BINARY)
    assert np.isfinite(together["scores"]).all()
    for index, row in enumerate(HOSTILE):
        alone = liked.predict([row], BINARY)
        np.testing.assert_allclose(alone["scores"][0], together["scores"][index], rtol=1e-5)


def test_a_row_without_a_required_column_is_refused_by_name(liked: Trained) -> None:
    examples = tf.constant([encode({"shop": "north"}, BINARY), encode({"age": 3}, BINARY)])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"shop.*no value in rows\] \[1\]"):
        liked.signatures["serving_default"](examples=examples)


def test_optional_columns_have_defaults_in_the_signature_and_one_value_serves_all_rows(liked: Trained) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((liked.path / "saved_model.pb").read_bytes())
    signature = saved.meta_graphs[0].signature_def["serving_raw"]
    inputs = liked.description["inputs"]
    optional = {column["argument"] for column in inputs.values() if not column["required"]}
    assert set(signature.defaults) == optional
    assert set(signature.inputs) == optional | {"shop"}
    defaults = {name: tf.make_ndarray(value) for name, value in signature.defaults.items()}
    raw = liked.signatures["serving_raw"]
    spread = raw(shop=tf.constant(["north", "south"]), **{name: tf.constant(value) for name, value in defaults.items()})
    missing = liked.predict([{"shop": "north"}, {"shop": "south"}], BINARY)
    np.testing.assert_array_equal(spread["scores"].numpy(), missing["scores"])


def test_transformed_labels_are_class_indices_and_minus_one_where_unknown(liked: Trained) -> None:
    rows = [{"liked": "yes"}, {"liked": "no"}, {}, {"liked": "maybe"}, {"liked": ""}]
    examples = tf.constant([encode({"shop": "north", **row}, BINARY) for row in rows])
    columns = liked.signatures["transform_features"](examples=examples)
    assert columns["liked_xf"].numpy().tolist() == [[1], [0], [-1], [-1], [-1]]
    assert "review body_xf" in columns


AWKWARD = [
    *("class", "from", "in", "is", "self", "cls", "args", "kwargs", "values", "named", "name", "inputs", "None", "_x"),
    *("Age", "age", "AGE", "a_b", "A_B", "a b", file_safe("a b"), file_safe("class"), "", "y" * 300, "1st", "ä"),
    *("examples", "serialized_examples", "scores"),
]  # fmt: skip
#: The others are numbers, which cost Transform least.
AWKWARD_KINDS = {
    **dict.fromkeys(["Age", "age", "self", "examples", ""], FeatureKind.CATEGORICAL),
    **dict.fromkeys(["class", "y" * 300], FeatureKind.TEXT),
}


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> tuple[FeatureSpec, list[Row], Trained]:
    """A model on a table of column names that Python, TensorFlow or TFMA give a meaning to, and its rows."""
    features = tuple(
        Feature(name, AWKWARD_KINDS[name], DType.STRING, required=name in ("", "self"), cardinality=2)
        if name in AWKWARD_KINDS
        else Feature(name, FeatureKind.NUMERIC, DType.FLOAT32, required=name == "in")
        for name in AWKWARD
    )
    spec = FeatureSpec(Label("label", LabelKind.BINARY, DType.STRING), features, max_tokens=4)
    random = np.random.default_rng(5)
    rows: list[Row] = [{"label": str(random.choice(["no", "yes"]))} for _ in range(80)]
    for row in rows:
        for feature in features:
            number = feature.kind is FeatureKind.NUMERIC
            row[feature.name] = float(random.normal()) if number else str(random.choice(["one", "two"]))
    root = tmp_path_factory.mktemp("awkward")
    trained = train(World(root, spec, rows, rows), root / "run", training={**TRAINING, "epochs": 1})
    return spec, rows, trained


def test_columns_of_any_name_are_served(awkward: tuple[FeatureSpec, list[Row], Trained]) -> None:
    spec, rows, trained = awkward
    # Both signatures give the same bits only if every argument reaches its own column.
    assert trained.predict(rows, spec)["scores"].shape == (80, 2)
    arguments = {name: column["argument"] for name, column in trained.description["inputs"].items()}
    assert set(arguments) == set(AWKWARD)
    assert set(trained.signatures["serving_raw"].structured_input_signature[1]) == set(arguments.values())
    assert arguments["scores"] == "scores"
    raw = raw_arguments(rows, trained.description)
    answer = trained.signatures["serving_raw"](**raw)["scores"].numpy()
    for name in ("Age", "age", "AGE", "self", "", "examples"):
        numbers = raw[arguments[name]].dtype == tf.float32
        changed = {**raw, arguments[name]: tf.constant([9.0 if numbers else "one"] * 80)}
        assert not np.array_equal(trained.signatures["serving_raw"](**changed)["scores"].numpy(), answer), name


def test_columns_of_any_name_are_evaluated(awkward: tuple[FeatureSpec, list[Row], Trained], tmp_path: Path) -> None:
    from tfx.proto.orchestration import pipeline_pb2  # noqa: F401 - the evaluator's protos need it loaded
    from tfx.types import standard_artifacts
    from tfx.utils import json_utils, proto_utils

    from components.evaluator.demands import demands_of
    from components.evaluator.eval_config import build_eval_config
    from components.evaluator.executor import Executor
    from components.evaluator.settings import EvaluationSettings

    spec, rows, trained = awkward
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    outputs = {"evaluation": standard_artifacts.ModelEvaluation(), "blessing": standard_artifacts.ModelBlessing()}
    for name, artifact in {"examples": examples, "model": model, **outputs}.items():
        artifact.uri = str(tmp_path / name)
    examples.split_names = '["eval"]'
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    (tmp_path / "examples/Split-eval").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(tmp_path / "examples/Split-eval/data.gz"), "GZIP") as writer:
        for row in rows:
            writer.write(encode(row, spec))
    (tmp_path / "model").mkdir()
    (tmp_path / "model/Format-Serving").symlink_to(trained.path)
    settings = EvaluationSettings(min_examples_per_slice=10)
    properties = {
        "eval_config": proto_utils.proto_to_json(build_eval_config(spec, settings)),
        "demands": json.dumps(demands_of(spec, settings).to_json()),
        "example_splits": json_utils.dumps(["eval"]),
    }
    arguments = ["--runner=FnApiRunner", "--direct_running_mode=in_memory"]
    context = Executor.Context(beam_pipeline_args=arguments, tmp_dir=str(tmp_path / "tmp"), unique_id="1")
    Executor(context).Do(
        {"examples": [examples], "model": [model]}, {name: [item] for name, item in outputs.items()}, properties
    )
    decision = json.loads((tmp_path / "blessing/decision.json").read_text())
    right = [
        answer.decode() == row["label"]
        for answer, row in zip(trained.predict(rows, spec)["predicted_class"], rows, strict=True)
    ]
    assert decision["metrics"]["accuracy"] == pytest.approx(np.mean(right))
    sliced = {name for item in decision["slices"] for name in item["slice"]}
    assert sliced == {feature.name for feature in spec.of_kind(FeatureKind.CATEGORICAL)}


def test_the_model_loads_without_our_packages(liked: Trained) -> None:
    script = (
        "import sys, tensorflow as tf;"
        f"signatures = tf.saved_model.load({str(liked.path)!r}).signatures;"
        f"outputs = signatures['serving_default'](examples=tf.constant([{encode(HOSTILE[0], BINARY)!r}]));"
        "print([float(score).hex() for score in outputs['scores'][0]]);"
        "print([name for name in ('models', 'tensorflow_text', 'tensorflow_transform') if name in sys.modules])"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True, cwd="/", env=environment
    )
    scores, modules = done.stdout.strip().splitlines()[-2:]
    expected = liked.predict(HOSTILE[:1], BINARY)["scores"][0]
    assert scores == str([float(score).hex() for score in expected])
    assert modules == "[]"


def test_equal_seeds_give_equal_models_and_another_seed_another(binary: World, liked: Trained, tmp_path: Path) -> None:
    again = train(binary, tmp_path / "again")
    other = train(binary, tmp_path / "other", training={**TRAINING, "seed": 7})
    scores = liked.predict(HOSTILE, BINARY)["scores"]
    np.testing.assert_array_equal(again.predict(HOSTILE, BINARY)["scores"], scores)
    assert not np.array_equal(other.predict(HOSTILE, BINARY)["scores"], scores)


def test_a_killed_trainer_ends_with_the_same_model(binary: World, liked: Trained, tmp_path: Path) -> None:
    arguments = binary.fn_args(tmp_path / "killed")
    script = (
        "import json, sys, types; from models.tabular_text.train import run_fn;"
        "run_fn(types.SimpleNamespace(**json.loads(sys.argv[1])))"
    )
    command = [sys.executable, "-c", script, json.dumps(vars(arguments))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not Path(arguments.serving_model_dir).exists()
    resumed = train(binary, tmp_path / "killed")
    np.testing.assert_array_equal(resumed.predict(HOSTILE, BINARY)["scores"], liked.predict(HOSTILE, BINARY)["scores"])
    assert resumed.history[0]["seconds"] != liked.history[0]["seconds"]
    for metrics, expected in zip(resumed.history, liked.history, strict=True):
        assert metrics["val_loss"] == expected["val_loss"]


@pytest.mark.parametrize("tower", ["bag", "cnn", "transformer"])
def test_every_text_tower_learns_three_classes_in_natural_order(stars: World, tower: str, tmp_path: Path) -> None:
    # `auto` and `mirrored` must not need a GPU; class weights must not keep it from learning.
    training = {**TRAINING, "class_weights": "balanced", "strategy": "mirrored" if tower == "bag" else "auto"}
    trained = train(stars, tmp_path, model={**MODEL, "text_tower": tower}, training=training)
    assert trained.description["classes"] == ["2", "9", "10"]
    assert trained.history[-1]["val_accuracy"] > 0.9
    outputs = trained.predict(
        [{"shop": "north", "review body": f"{word} thing"} for word in ("bad", "fair", "good")], STARS
    )
    assert outputs["predicted_class"].tolist() == [b"2", b"9", b"10"]
    assert "positive_score" not in outputs


def test_regression_predicts_in_the_unit_of_the_label(paid: World, tmp_path: Path) -> None:
    training = {**TRAINING, "epochs": 12, "learning_rate": 0.05}
    trained = train(paid, tmp_path, model={**MODEL, "dropout": 0.0}, training=training)
    rows = [{"shop": "north", "age": 30}, {"shop": "north", "age": 50}]
    predictions = trained.predict(rows, PAID)["prediction"]
    assert predictions.shape == (2,)
    np.testing.assert_allclose(predictions, [13_000, 15_000], atol=400)
    columns = trained.signatures["transform_features"](examples=tf.constant([encode(row, PAID) for row in rows]))
    assert np.isnan(columns["paid_xf"].numpy()).all()
    with pytest.raises(BadSettings, match="class_weights"):
        train(paid, tmp_path / "weighted", training={**TRAINING, "class_weights": "balanced"})


def test_transformed_numbers_are_standardized_and_missing_ones_marked(binary: World) -> None:
    import tensorflow_transform as tft

    columns = tft.TFTransformOutput(str(binary.root / "transform")).transformed_feature_spec()
    files = [str(path) for path in (binary.root / "transformed" / "train").iterdir()]
    records = tf.data.TFRecordDataset(files, "GZIP").batch(10_000).get_single_element()
    parsed = tf.io.parse_example(records, columns)
    rows = [*make_rows(600, 1), *HOSTILE, {"shop": "north"}]
    ages = np.array([row.get("age", np.nan) for row in rows], np.float32).clip(-1e15, 1e15)
    scores = (ages - np.nanmean(ages, dtype=np.float64)) / np.nanstd(ages, dtype=np.float64)
    expected = np.where(np.isnan(scores), 0, scores).clip(-10, 10)
    np.testing.assert_allclose(np.sort(parsed["age_xf"].numpy()[:, 0]), np.sort(expected), atol=1e-4)
    assert parsed["age__missing_xf"].numpy().sum() == np.isnan(ages).sum()
    assert not parsed["never_xf"].numpy().any()
    assert parsed["never__missing_xf"].numpy().all()
    days = [row.get("day") for row in make_rows(600, 1)]
    months = [int(day[5:7]) for day in days if day] + [8]
    assert sorted(parsed["day__month_xf"].numpy()[:, 0].tolist()) == sorted(months + [0] * (len(rows) - len(months)))


def test_rows_without_a_label_are_left_out_and_a_split_of_them_is_refused(binary: World, tmp_path: Path) -> None:
    from models.tabular_text.train import read_task

    arguments = binary.fn_args(tmp_path)
    assert read_task(arguments).train.labels.size == 600 + len(HOSTILE)
    with pytest.raises(UntrainableData, match=r"'eval'.*no files match"):
        read_task(SimpleNamespace(**{**vars(arguments), "eval_files": [str(tmp_path / "nothing*")]}))


# keras-tuner's own lock asks the standard library under an old name.
@pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning")
def test_an_interrupted_search_goes_on_and_its_best_settings_feed_the_trainer(
    binary: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what third parties say while they are imported is not this test's matter
        from models.tabular_text import tuner
    from models.tabular_text.train import read_settings, train_model

    space = {"learning_rate": {"values": [0.02, 1e-6]}, "hidden_units": {"values": [[8], [4, 4]]}}
    search = {"max_trials": 3, "epochs": 1, "objective": "val_auc", "search_space": space}
    arguments = binary.fn_args(tmp_path, tuner=search)
    trials: list[Path] = []

    def interrupted_at(count: int) -> Callable[..., Any]:
        def train_or_stop(*args: Any) -> Any:
            trials.append(args[3])  # the folder
            if len(trials) == count:
                raise KeyboardInterrupt
            return train_model(*args)

        return train_or_stop

    monkeypatch.setattr(tuner, "train_model", interrupted_at(2))
    with pytest.raises(KeyboardInterrupt):
        tuner.tuner_fn(arguments).tuner.search()
    monkeypatch.setattr(tuner, "train_model", interrupted_at(0))
    result = tuner.tuner_fn(arguments)
    result.tuner.search(**result.fit_kwargs)
    assert len(trials) == 4
    assert trials[1] == trials[2]
    assert len(set(trials)) == 3
    best = result.tuner.get_best_hyperparameters()[0].get_config()
    scores = {trial.score for trial in result.tuner.oracle.get_best_trials(3)}
    assert result.tuner.oracle.get_best_trials(1)[0].score == max(scores)
    model, training = read_settings(arguments.custom_config, best)
    assert training.learning_rate == 0.02
    assert list(model.hidden_units) in space["hidden_units"]["values"]
