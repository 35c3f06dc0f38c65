"""DistributionValidator on spans of the sample generator: each knob makes it name the right column, no knob none."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv, parquet

from components.distribution_validator.settings import DistributionSettings
from components.errors import GateRefused
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.sample_data.options import DriftOptions, ReviewsOptions
from pipeline.sample_data.reviews import generate_reviews

pytestmark = pytest.mark.integration

ROWS = 3000
BEAM_ARGS = [
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    "--sdk_container_image=x",
]

FEATURES = FeatureSpec(
    Label("star_rating", LabelKind.MULTICLASS, DType.INT64),
    (
        Feature("review_id", FeatureKind.IGNORED, DType.STRING),
        Feature("product_category", FeatureKind.CATEGORICAL, DType.STRING),
        Feature("helpful_votes", FeatureKind.NUMERIC, DType.INT64),
        Feature("vine", FeatureKind.CATEGORICAL, DType.STRING),
        Feature("review_headline", FeatureKind.TEXT, DType.STRING),
        Feature("review_body", FeatureKind.TEXT, DType.STRING),
        Feature("review_date", FeatureKind.DATE, DType.STRING),
    ),
)


def reviews(seed: int, drift: DriftOptions | None = None, rows: int = ROWS) -> pa.Table:
    options = ReviewsOptions(rows=rows, seed=seed, drift=drift or DriftOptions())
    return pa.Table.from_batches(list(generate_reviews(options)))


def examples(folder: Path, table: pa.Table, span: int | None) -> Any:
    """An Examples artifact with the rows in two splits."""
    import tensorflow as tf
    from tfx.types import standard_artifacts

    from components.arrow_example_gen.encode import encode_examples

    columns = {
        name: column.combine_chunks().cast(pa.binary()) if pa.types.is_string(column.type) else column.combine_chunks()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    records = encode_examples(columns)
    for split, part in (("train", records[::2]), ("eval", records[1::2])):
        (folder / f"Split-{split}").mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / f"Split-{split}/data-00000-of-00001.gz"), "GZIP") as writer:
            for record in part:
                writer.write(record)
    made = standard_artifacts.Examples()
    made.uri, made.split_names = str(folder), '["eval", "train"]'
    made.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    made.set_string_custom_property("file_format", "tfrecords_gzip")
    if span is not None:
        made.span = span
    return made


def validate(
    folder: Path,
    table: pa.Table,
    previous: Any = None,
    span: int | None = 1,
    settings: DistributionSettings | None = None,
    serving_path: Path | None = None,
) -> tuple[Any, dict[str, Any]]:
    """The summary's artifact and the decision, refused or not."""
    from components.distribution_validator.artifact import DistributionSummary
    from components.distribution_validator.executor import Executor
    from components.gate.artifact import GateResult

    outputs: dict[str, list[Any]] = {"summary": [DistributionSummary()], "result": [GateResult()]}
    for key, (artifact,) in outputs.items():
        artifact.uri = str(folder / key)
        (folder / key).mkdir(parents=True)
    inputs = {"examples": [examples(folder / "examples", table, span)], "previous": [previous] if previous else []}
    properties = {
        "settings": json.dumps((settings or DistributionSettings()).to_json()),
        "features": json.dumps(FEATURES.to_json()),
        "serving_path": None if serving_path is None else str(serving_path),
    }
    context = Executor.Context(beam_pipeline_args=BEAM_ARGS, tmp_dir=str(folder / "tmp"), unique_id="1")
    refused = None
    try:
        Executor(context).Do(inputs, outputs, properties)
    except GateRefused as error:
        refused = str(error)
    decision = json.loads((folder / "result/decision.json").read_text())
    assert decision["passed"] is (refused is None)
    assert outputs["result"][0].passed == int(decision["passed"])
    return outputs["summary"][0], decision


def failed(decision: dict[str, Any]) -> dict[str, str]:
    return {item["check"]: item["severity"] for item in decision["findings"] if item["passed"] is False}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The summary of span 1, which had nothing to be compared with."""
    summary, decision = validate(tmp_path_factory.mktemp("first"), reviews(1))
    assert decision["passed"]
    assert decision["findings"] == []
    assert "no earlier span than 1" in decision["remarks"][0]
    assert (summary.span, summary.rows) == (1, ROWS)
    return summary


def test_two_clean_spans_pass_without_a_warning(tmp_path: Path, first: Any) -> None:
    _, decision = validate(tmp_path, reviews(2), first, span=2)
    assert failed(decision) == {}
    assert decision["remarks"][0].startswith("No column drifted from span 1 to span 2.")
    by_check = {item["check"]: item["passed"] for item in decision["findings"]}
    assert by_check["drift(review_date)"] is None
    assert by_check["drift(product_category)"] is True
    assert "drift(review_id)" not in by_check


@pytest.mark.parametrize(("content", "words"), [(None, "is not there any more"), ("[]", "cannot be read")])
def test_a_lost_or_damaged_summary_of_the_span_before_refuses_and_says_how_to_go_on(
    tmp_path: Path, first: Any, content: str | None, words: str
) -> None:
    from components.distribution_validator.artifact import DistributionSummary

    lost = DistributionSummary()
    lost.uri, lost.span = str(tmp_path / "lost"), 1
    if content is not None:
        (tmp_path / "lost").mkdir()
        (tmp_path / "lost/summary.json").write_text(content)
    summary, decision = validate(tmp_path / "second", reviews(2), lost, span=2)
    assert decision["passed"] is False
    (told,) = decision["missing"]
    assert words in told
    assert "lost/summary.json: the summary of span 1" in told
    assert "penstock run --set data.span=1 --to DistributionValidator" in told
    assert Path(summary.uri, "summary.json").is_file()


@pytest.mark.parametrize(
    ("drift", "check", "words"),
    [
        (DriftOptions(category_mix=0.5), "drift(product_category)", "'Mobile_Apps' rose from"),
        (DriftOptions(vocabulary=0.2), "drift(review_body)", "of the words were never seen before"),
        (DriftOptions(label=0.5), "label_shift(star_rating)", "'5' fell from"),
    ],
)
def test_each_knob_makes_it_refuse_and_name_the_right_column(
    tmp_path: Path, first: Any, drift: DriftOptions, check: str, words: str
) -> None:
    _, decision = validate(tmp_path, reviews(3, drift), first, span=2)
    assert not decision["passed"]
    assert failed(decision)[check] == "error"
    assert words in decision["remarks"][0]
    refusing = next(item for item in decision["findings"] if item["check"] == check)
    assert refusing["advice"]
    assert refusing["rows"] > 0
    others = {"drift(product_category)", "drift(review_body)", "label_shift(star_rating)"} - {check}
    refused = {name for name, severity in failed(decision).items() if severity == "error"}
    assert not refused & others or check == "label_shift(star_rating)"


def test_logged_requests_like_the_training_data_pass_and_others_are_named(tmp_path: Path) -> None:
    served = reviews(5).drop_columns(["star_rating"])
    parquet.write_table(served, tmp_path / "requests.parquet")
    _, alike = validate(tmp_path / "alike", reviews(1), serving_path=tmp_path / "requests.parquet")
    assert failed(alike) == {}
    assert "skew(product_category)" in {item["check"] for item in alike["findings"]}
    assert not any("star_rating" in item["check"] for item in alike["findings"])
    # A client that sends votes as hundreds, and forgets the category.
    position = served.column_names.index("helpful_votes")
    served = served.set_column(position, "helpful_votes", pc.multiply(served["helpful_votes"], 100))
    csv.write_csv(served.drop_columns(["product_category"]), tmp_path / "requests.csv")
    _, skewed = validate(tmp_path / "skewed", reviews(1), serving_path=tmp_path / "requests.csv")
    assert failed(skewed) == {"skew(helpful_votes)": "error", "skew_missing(product_category)": "error"}


def test_logged_requests_that_are_not_there_are_missing_evidence(tmp_path: Path) -> None:
    _, decision = validate(tmp_path, reviews(1, rows=300), serving_path=tmp_path / "nowhere.csv")
    assert not decision["passed"]
    assert "distribution.serving_path" in decision["missing"][0]


def test_logged_requests_of_which_many_cannot_be_read_are_missing_evidence(tmp_path: Path) -> None:
    served = reviews(5, rows=300).drop_columns(["star_rating"])
    votes = pa.array(["many" if row % 10 == 0 else "1" for row in range(300)])
    position = served.column_names.index("helpful_votes")
    csv.write_csv(served.set_column(position, "helpful_votes", votes), tmp_path / "log.csv")
    _, decision = validate(tmp_path, reviews(1, rows=300), serving_path=tmp_path / "log.csv")
    assert not decision["passed"]
    assert "30 of 300 rows do not fit the types of the training data" in decision["missing"][0]


def test_tfdv_measures_the_same_distances() -> None:
    import tensorflow_data_validation as tfdv
    from tensorflow_metadata.proto.v0 import schema_pb2

    from components.distribution_validator.columns import ComparedColumn
    from components.distribution_validator.comparison import compare
    from components.distribution_validator.summary import TableSummary

    before = reviews(1, rows=1500)
    after = reviews(3, DriftOptions(category_mix=0.4), rows=1200)
    schema = schema_pb2.Schema()
    category = schema.feature.add(name="product_category", type=schema_pb2.BYTES)
    category.drift_comparator.infinity_norm.threshold = 0.0
    category.drift_comparator.jensen_shannon_divergence.threshold = 0.0
    frames = [table.select(["product_category"]).to_pandas() for table in (before, after)]
    earlier, later = (tfdv.generate_statistics_from_dataframe(frame, n_jobs=1) for frame in frames)
    anomalies = tfdv.validate_statistics(later, schema, previous_statistics=earlier)
    (told,) = anomalies.drift_skew_info
    theirs = {item.type: item.value for item in told.drift_measurements}
    columns = [ComparedColumn("product_category", "values")]
    sides = []
    for table in (before, after):
        summary = TableSummary.empty(columns)
        for batch in table.to_batches():
            summary.add(batch)
        sides.append(summary)
    (found,) = compare(*sides, columns, DistributionSettings())
    ours = {item.measure: item.value for item in found.measures}
    kinds = type(told.drift_measurements[0])
    assert ours["l_infinity"] == pytest.approx(theirs[kinds.L_INFTY])
    assert ours["jensen_shannon"] == pytest.approx(theirs[kinds.JENSEN_SHANNON_DIVERGENCE])


def test_words_are_split_as_the_model_splits_them() -> None:
    from components.distribution_validator.cells import split_words
    from models.tabular_text.preprocessing import split_words as model_words

    texts = [
        "Don't PANIC!  It's 4.5/5…",
        "",
        " — ",
        "naïve CAFÉ, Ünïcödé; “quotes”",
        "★★☆ great👍value",
        "日本語のテキスト",
        "สวัสดี hello",
        "tabs\tand\nlines",
        "under_score-and+plus",
        "ǅ ß ﬁ",
        *reviews(1, DriftOptions(vocabulary=0.5), rows=200)["review_body"].drop_null().to_pylist(),
    ]
    expected = model_words(texts)
    words, lengths = split_words(pa.array(texts))
    assert lengths.tolist() == expected.row_lengths().numpy().tolist()
    assert words.to_pylist() == [word.decode() for word in expected.flat_values.numpy()]
