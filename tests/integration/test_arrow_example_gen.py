"""ArrowExampleGen through TFX's compiler and portable launcher, read back by stock StatisticsGen and tfxio."""

import importlib.util
import json
import os
import pathlib
import sys

import pytest

from components.arrow_example_gen.options import ReadOptions
from components.errors import BadData
from models.tabular_text.features import DType
from pipeline.planning import split_input_path

pytestmark = pytest.mark.integration

BEAM_ARGS = ["--runner=DirectRunner", "--direct_running_mode=in_memory"]
ROWS = 400
ROOT = pathlib.Path(__file__).parents[2]


def run_pipeline(
    tmp_path: pathlib.Path, pattern: str, read: ReadOptions, *, enable_cache: bool = True, input_base: str | None = None
):
    """Runs ArrowExampleGen and StatisticsGen; the store's connection, to look at what came out."""
    from tfx.components import StatisticsGen
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    from components.arrow_example_gen.component import ArrowExampleGen

    connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
    generator = ArrowExampleGen(
        input_base=input_base or str(tmp_path / "data"),
        pattern=pattern,
        read=read,
        splits={"train": 8, "eval": 2},
        split_by="customer",
    )
    statistics = StatisticsGen(examples=generator.outputs["examples"])
    LocalDagRunner().run(
        Pipeline(
            pipeline_name="reading",
            pipeline_root=str(tmp_path / "root"),
            components=[generator, statistics],
            metadata_connection_config=connection,
            enable_cache=enable_cache,
            beam_pipeline_args=BEAM_ARGS,
        )
    )
    return connection


def artifacts_of(connection, type_name: str):
    from tfx.orchestration import metadata

    with metadata.Metadata(connection) as handle:
        return handle.store.get_artifacts_by_type(type_name)


def write_reviews(folder: pathlib.Path, name: str, bad_row: str = "") -> None:
    """400 reviews by 50 customers, every tenth without a text."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{i % 50}\t{i % 5 + 1}\t{'' if i % 10 == 0 else f'text {i}'}\t{i / 4}" for i in range(ROWS)]
    lines = ["customer\tstars\ttext\tprice", *rows, *([bad_row] if bad_row else [])]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_stock_components_read_what_it_wrote(tmp_path):
    write_reviews(tmp_path / "data", "day-20240103.tsv", bad_row="too\tfew")
    write_reviews(tmp_path / "data", "day-20240102.tsv")
    read = ReadOptions(label="stars", on_bad_rows="quarantine", column_types={"price": DType.FLOAT32})

    connection = run_pipeline(tmp_path, "day-{YYYY}{MM}{DD}.tsv", read)

    (examples,) = artifacts_of(connection, "Examples")
    properties = examples.custom_properties
    assert properties["span"].int_value == 19725  # days from 1970-01-01 to 2024-01-03
    assert properties["payload_format"].string_value == "FORMAT_TF_EXAMPLE"
    assert properties["file_format"].string_value == "tfrecords_gzip"
    assert (properties["rows_in"].int_value, properties["rows_quarantined"].int_value) == (ROWS + 1, 1)
    assert properties["rows_train"].int_value + properties["rows_eval"].int_value == ROWS
    assert json.loads(properties["column_types"].string_value)["text"] == "string"
    (quarantined,) = (pathlib.Path(examples.uri) / "quarantine" / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(quarantined)["line"] == ROWS + 2

    (statistics,) = artifacts_of(connection, "ExampleStatistics")
    counts = check_statistics(statistics.uri)
    assert counts["train"] == properties["rows_train"].int_value
    assert counts["eval"] == properties["rows_eval"].int_value
    check_tfxio(examples.uri, properties["rows_train"].int_value)


def check_statistics(uri: str) -> dict[str, int]:
    """Rows per split as StatisticsGen counted them; all 40 missing texts must be counted as missing."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    counts, missing = {}, 0
    for split in ("train", "eval"):
        data = pathlib.Path(uri, f"Split-{split}", "FeatureStats.pb").read_bytes()
        (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets
        counts[split] = dataset.num_examples
        for feature in dataset.features:
            if feature.path.step[0] == "text":
                missing += feature.string_stats.common_stats.num_missing
    assert missing == ROWS // 10
    return counts


def check_tfxio(uri: str, rows: int) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.testing.util import assert_that, equal_to
    from tfx_bsl.tfxio import tf_example_record

    source = tf_example_record.TFExampleRecord(
        os.path.join(uri, "Split-train", "*"), telemetry_descriptors=["tests"]
    ).BeamSource()
    with beam.Pipeline(options=PipelineOptions(BEAM_ARGS)) as pipeline:
        total = pipeline | source | beam.Map(lambda batch: batch.num_rows) | beam.CombineGlobally(sum)
        assert_that(total, equal_to([rows]))


def test_same_files_are_not_read_twice(tmp_path):
    write_reviews(tmp_path / "data", "reviews.tsv")
    read = ReadOptions(label="stars")

    run_pipeline(tmp_path, "reviews.tsv", read)
    connection = run_pipeline(tmp_path, "reviews.tsv", read)
    assert len(artifacts_of(connection, "Examples")) == 1

    connection = run_pipeline(tmp_path, "reviews.tsv", ReadOptions(label="stars", column_types={"price": DType.STRING}))
    assert len(artifacts_of(connection, "Examples")) == 2, "other options, other examples"


def test_brackets_in_folders_are_no_pattern(tmp_path):
    """Not for us, and not for TFX's own search for the span and for what has changed."""
    home = tmp_path / "my [old] data"
    write_reviews(tmp_path / "my o data" / "data" / "1", "reviews.tsv")
    for span in (1, 2):
        write_reviews(home / "data" / str(span), "reviews.tsv")
    base, pattern = split_input_path(str(home / "data" / "{SPAN}" / "*.tsv"))
    assert base == str(home / "data")

    run_pipeline(tmp_path, pattern, ReadOptions(label="stars"), input_base=base)
    write_reviews(home / "data" / "2", "more.tsv")
    connection = run_pipeline(tmp_path, pattern, ReadOptions(label="stars"), input_base=base)

    first, second = sorted(artifacts_of(connection, "Examples"), key=lambda artifact: artifact.id)
    assert [item.custom_properties["span"].int_value for item in (first, second)] == [2, 2]
    assert [item.custom_properties["rows_in"].int_value for item in (first, second)] == [ROWS, 2 * ROWS]


def test_statistics_see_a_column_that_is_gone_and_one_of_another_type(tmp_path):
    from tensorflow_metadata.proto.v0 import statistics_pb2

    write_reviews(tmp_path / "data", "reviews.tsv")
    expected = {"stars": DType.INT64, "text": DType.INT64, "price": DType.FLOAT32, "gone": DType.STRING}
    connection = run_pipeline(tmp_path, "reviews.tsv", ReadOptions(label="stars", expected_types=expected))
    (statistics,) = artifacts_of(connection, "ExampleStatistics")
    data = pathlib.Path(statistics.uri, "Split-train", "FeatureStats.pb").read_bytes()
    (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets
    kinds = statistics_pb2.FeatureNameStatistics
    types = {feature.path.step[0]: feature.type for feature in dataset.features}
    assert types == {"customer": kinds.INT, "stars": kinds.INT, "text": kinds.STRING, "price": kinds.FLOAT}


def test_refused_data_leaves_no_artifact(tmp_path):
    write_reviews(tmp_path / "data", "reviews.tsv", bad_row="too\tfew")
    with pytest.raises(BadData, match=rf"reviews\.tsv, line {ROWS + 2}: expected 4 fields, saw 2"):
        run_pipeline(tmp_path, "*.tsv", ReadOptions(label="stars"))


def test_a_planned_type_travels_to_the_node_with_its_origin(tmp_path):
    write_reviews(tmp_path / "data", "reviews.tsv")
    planned = ReadOptions(label="stars", expected_types={"price": DType.INT64}, planned_rows=1_500)
    with pytest.raises(BadData, match=r"line 3, column 'price': .* saw '0\.25' .*planned from the first 1,500 rows"):
        run_pipeline(tmp_path, "reviews.tsv", planned)


def test_a_pattern_without_files_is_named(tmp_path):
    write_reviews(tmp_path / "data", "reviews.tsv")
    with pytest.raises(BadData, match=r"Looked for 'review\.tsv' .* It holds 'reviews\.tsv'"):
        run_pipeline(tmp_path, "review.tsv", ReadOptions(label="stars"))


PATTERNS = [
    "plain.csv",
    "span-{SPAN}/*",
    "span-{SPAN}/v{VERSION}/*.csv",
    "w-{SPAN:3}.csv",
    "x-{SPAN:3}-v{VERSION:2}.csv",
    "day-{YYYY}{MM}{DD}.csv",
    "{YYYY}/{MM}/{DD}/*.csv",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("fixed", [False, True])
def test_patterns_mean_what_they_mean_to_tfx(tmp_path, pattern, fixed):
    """`penstock plan` resolves patterns without TFX; both must look at the same files."""
    from tfx.components.example_gen.input_processor import FileBasedInputProcessor
    from tfx.proto import example_gen_pb2, range_config_pb2

    from components.arrow_example_gen.source_files import list_files, resolve_input

    names = ["plain.csv", "span-2/a.csv", "span-10/a.csv", "span-10/b.csv", "span-2/v3/a.csv", "span-9/v1/a.csv"]
    names += ["span-9/v10/a.csv", "span-9/v2/a.csv", "w-002.csv", "w-010.csv", "x-010-v02.csv", "x-002-v11.csv"]
    names += ["x-010-v01.csv", "day-19700103.csv", "day-19691231.csv"]
    names += ["1970/01/02/a.csv", "1970/01/03/a.csv", "1970/01/03/b.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    fixed_span = 2 if fixed and "{" in pattern else None
    static = range_config_pb2.StaticRange(start_span_number=2, end_span_number=2)
    split = example_gen_pb2.Input.Split(name="all", pattern=pattern)
    processor = FileBasedInputProcessor(
        str(tmp_path), [split], range_config_pb2.RangeConfig(static_range=static) if fixed_span else None
    )
    span, version = processor.resolve_span_and_version()
    filled = processor.get_pattern_for_span_version(pattern, span, version)

    ours = resolve_input(str(tmp_path), pattern, fixed_span)
    assert (ours.span, ours.version, ours.pattern) == (span, version, filled)
    assert ours.files == list_files(str(tmp_path), filled)


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_of_example_gen", ROOT / "benchmarks" / "example_gen.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_finds_the_same_examples_as_the_stock_component(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["example_gen.py", "--rows", "300"])
    benchmark.main()
    assert "equal as multisets" in capsys.readouterr().out


@pytest.mark.parametrize(("stock_s", "verdict"), [(10.0, "yes"), (9.9, "no")])
def test_the_benchmark_fails_on_other_examples_and_not_on_time(benchmark, monkeypatch, capsys, stock_s, verdict):
    figures = dict.fromkeys(("work_cpu_s", "total_s", "total_cpu_s", "peak_mb"), 1.0)
    times = {"arrow": 1.0, "stock": stock_s}
    monkeypatch.setattr(benchmark, "measure", lambda kind, _folder: {**figures, "work_s": times[kind]})
    monkeypatch.setattr(sys, "argv", ["example_gen.py", "--rows", "3"])
    monkeypatch.setattr(benchmark, "decoded", lambda _uri: 0)
    benchmark.main()
    assert f"at least 10 times as fast: {verdict}" in capsys.readouterr().out
    monkeypatch.setattr(benchmark, "decoded", lambda uri: uri)
    with pytest.raises(SystemExit, match="differ as multisets") as caught:
        benchmark.main()
    assert caught.value.code not in (0, None)
