"""Files are cut into shares that say together exactly what the whole says, whoever reads them."""

import gzip
import io
import logging
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen import beam_workers, writers
from components.arrow_example_gen.beam_workers import BeamWorkers, ShareLost, leave_result, workers_for
from components.arrow_example_gen.delimited import CSV, TSV, DelimitedFile
from components.arrow_example_gen.encode import encode_examples
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.parquet_rows import ParquetRows
from components.arrow_example_gen.shares import IN_THIS_PROCESS, Share, shares_of
from components.arrow_example_gen.tfrecord import TFRecordFile, frame
from components.errors import BadData
from models.tabular_text.features import DType

HOSTILE_LINES = (
    st.lists(
        st.sampled_from(['1,"a\nb"', "2,x", '3,5" wide', '4,"""\r\n"', "5", "", "6,\xff", '7,"ü,"', "8,\r9,y"]),
        min_size=1,
    )
    .map(lambda lines: "a,b\n0,zero\n" + "\n".join(lines))
    .flatmap(lambda text: st.sampled_from([text, "\n" * 9 + text]))
)


def everything(sources):
    """Rows with their numbers and raw text, and the bad ones, in order."""
    good, bad = [], []
    for source in sources:
        for batch in source.batches():
            rows = pa.table(dict(batch.columns)).to_pylist()
            good += [(row, batch.locate(index)) for index, row in enumerate(rows)]
            bad += batch.bad
    return good, bad


@settings(max_examples=40, deadline=None)
@given(text=HOSTILE_LINES, mark=st.sampled_from([b"", b"\xef\xbb\xbf"]), part_bytes=st.integers(1, 40))
@pytest.mark.parametrize("dialect", [CSV, TSV])
def test_a_table_cut_at_records_says_what_the_whole_says(tmp_path_factory, dialect, text, mark, part_bytes):
    path = tmp_path_factory.mktemp("cut") / "a"
    path.write_bytes(mark + text.replace(",", dialect.delimiter).encode("latin1"))
    file = DelimitedFile(str(path), dialect, block_bytes=7)
    parts = file.parts(part_bytes)
    assert everything(part for part, _ in parts) == everything([file])
    assert sum(size for _, size in parts) == path.stat().st_size
    assert all(size >= part_bytes for _, size in parts[:-1])


def test_a_line_break_within_quotes_is_no_place_to_cut(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + '1,"x\ny\nz"\n' * 100)
    parts = DelimitedFile(str(tmp_path / "a.csv"), CSV, block_bytes=16).parts(50)
    rows = [row for part, _ in parts for row in everything([part])[0]]
    assert len(parts) > 10
    assert [row["b"] for row, _ in rows] == ["x\ny\nz"] * 100
    assert [line for _, (line, _) in rows] == [2 + 3 * i for i in range(100)]


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.integers(0, 9), min_size=1), group=st.integers(1, 5), part_bytes=st.integers(1, 400))
def test_parquet_is_cut_at_row_groups(tmp_path_factory, values, group, part_bytes):
    path = str(tmp_path_factory.mktemp("cut") / "a.parquet")
    pq.write_table(pa.table({"a": values}), path, row_group_size=group)
    parts = ParquetRows(path).parts(part_bytes)
    assert everything(part for part, _ in parts) == everything([ParquetRows(path)])
    if part_bytes == 1:
        assert len(parts) == -(-len(values) // group)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.integers(0, 9), min_size=1), bad=st.integers(0, 9), part_bytes=st.integers(1, 200))
def test_records_are_cut_between_two(tmp_path_factory, values, bad, part_bytes):
    path = tmp_path_factory.mktemp("cut") / "a.tfrecord"
    records = encode_examples({"a": pa.array(values)})
    path.write_bytes(frame([*records[:bad], b"\xff\xffgarbage", *records[bad:]]))
    parts = TFRecordFile(str(path)).parts(part_bytes)
    assert everything(part for part, _ in parts) == everything([TFRecordFile(str(path))])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.tfrecord"])
def test_what_is_zipped_is_not_cut(tmp_path, name):
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": range(100)}), sink, row_group_size=10)
    content = {
        "a.csv": b"a\n" + b"1\n" * 100,
        "a.parquet": sink.getvalue(),
        "a.tfrecord": frame(encode_examples({"a": pa.array(range(100))})),
    }[name]
    readers = {"a.parquet": ParquetRows, "a.tfrecord": TFRecordFile}
    reader = readers.get(name, lambda path: DelimitedFile(path, CSV, block_bytes=20))
    for zipped in (False, True):
        (tmp_path / name).write_bytes(gzip.compress(content) if zipped else content)
        assert (len(reader(str(tmp_path / name)).parts(1)) == 1) == zipped


def test_small_files_share_a_share(tmp_path):
    files = []
    for number, size in enumerate((40, 40, 40, 150, 10)):
        (tmp_path / f"{number}.csv").write_text("a\n" + "1\n" * (size // 2 - 1))
        files.append(DelimitedFile(str(tmp_path / f"{number}.csv"), CSV))
    found = [[source.path[-5] for source in share.sources] for share in shares_of(files, 100)]
    assert found == [["0", "1"], ["2"], ["3"], ["3", "4"]]


TABLES = {
    "types that only the end settles": ("n,m,t\n" + "".join(f"{n},2,3\n" for n in range(30)) + "1,2.5,x\n", {}),
    "bad rows far apart": (
        "n,t\n" + "".join(f'{n},"a\nb"\n' for n in range(40)) + "x,b\n" + "3\n" + "y,e\n",
        {"n": DType.INT64},
    ),
}  # every row another, so that both splits have some


@pytest.mark.parametrize("table", TABLES)
def test_what_is_written_does_not_depend_on_the_cuts(new_bench, table):
    content, types = TABLES[table]
    options = ReadOptions(column_types=types, on_bad_rows="quarantine", max_bad_fraction=0.9)
    found = []
    for share_bytes in (1 << 20, 30):
        bench = new_bench()
        bench.write("a.csv", content)
        workers = Elsewhere(str(bench.folder / "out"), backwards_and_again)
        report = bench.run(options=options, splits={"train": 2, "eval": 1}, workers=workers, share_bytes=share_bytes)
        quarantined = [(row["line"], row["column"], row["reason"], row["raw"]) for row in bench.quarantined()]
        found.append((report, bench.rows("train"), bench.rows("eval"), sorted(quarantined)))
        shards = list((bench.folder / "out" / "Split-train").iterdir())
        assert (len(shards) > 3) == (share_bytes == 30), "a share has shards of its own"
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("n,t\n" + "1,a\n" * 20 + "x,b\n" * 20, ReadOptions(column_types={"n": DType.INT64})),
        ("n,y\n" + "1,5\n" * 40, ReadOptions(label="y")),
        ("n,y\n" + "1,5\n" * 20 + "1,NA\n" + "1,6\n" * 20, ReadOptions(label="y")),
        ("n,y\n" + "1,5\n" * 40 + '"1,5\n', ReadOptions()),
        ("n,y\n" + "1,5\n" * 20 + "1,5,6\n" + "1,5\n" * 20, ReadOptions()),
    ],
)
def test_why_data_is_refused_does_not_depend_on_the_cuts(bench, content, options):
    bench.write("a.csv", content)
    said = []
    for share_bytes in (1 << 20, 30):
        for workers in (IN_THIS_PROCESS, Elsewhere(str(bench.folder / "out"), backwards_and_again)):
            with pytest.raises(BadData) as caught:
                bench.run(options=options, workers=workers, share_bytes=share_bytes)
            said.append(str(caught.value))
    assert len(set(said)) == 1


def test_files_of_a_worker_that_was_stopped_are_no_shards(bench):
    bench.write("a.csv", "a\nx\n1\n")
    for left in ("Split-all/.unfinished-00000-dead-00000", "quarantine/.unfinished-00000-dead.jsonl"):
        (bench.folder / "out" / left).parent.mkdir(parents=True)
        (bench.folder / "out" / left).write_bytes(b"half a row")
    bench.run(options=ReadOptions(column_types={"a": DType.INT64}, on_bad_rows="quarantine", max_bad_fraction=0.9))
    assert bench.rows() == [{"a": [1]}]
    assert [row["raw"] for row in bench.quarantined()] == ["x"]
    names = sorted(path.name for path in (bench.folder / "out").rglob("*") if path.is_file())
    assert names == ["data_tfrecord-00000-of-00001.gz", writers.QUARANTINE_FILE]


@pytest.mark.parametrize(
    ("args", "here"),
    [
        ([], True),
        (["--runner=FnApiRunner"], True),
        (["--runner=components.beam_runner.CountingRunner", "--direct_running_mode=in_memory"], True),
        (["--runner=FnApiRunner", "--direct_running_mode=multi_processing"], False),
        (["--runner=FlinkRunner"], False),
        (["--runner=components.portable_runners.SparkRunner"], False),
        (["--runner=components.dataflow_runner.DataflowRunner"], True),
        (["--runner=PortableRunner", "--job_endpoint=localhost:8099"], False),
    ],
)
def test_beam_reads_where_its_runner_has_workers_that_see_our_folders(args, here):
    workers = workers_for(args, lambda: None, "/nowhere")
    assert (workers is IN_THIS_PROCESS) == here


class Lines:
    """Work that counts the rows of a share; of some it refuses the data."""

    def __call__(self, share, _tell):
        self.rows = sum(batch.rows for source in share.sources for batch in source.batches())
        if share.number in (1, 2):
            raise BadData(f"share {share.number}")
        return self


def test_a_process_alone_settles_types_with_all_shares_at_once(tmp_path):
    """It looks at a column no more once that has shown text: a fresh look for each share costs a fifth of the pass."""
    found = IN_THIS_PROCESS.to_survey(three_shares(tmp_path))
    assert [(share.number, len(share.sources)) for share in found] == [(0, 3)]
    assert len(BeamWorkers(lambda: None, str(tmp_path)).to_survey(three_shares(tmp_path))) == 3


def three_shares(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    return [Share(number, (DelimitedFile(str(tmp_path / "a.csv"), CSV),)) for number in range(3)]


class Elsewhere(BeamWorkers):
    """Workers in this process that are handed the shares as Beam hands them: pickled, in any order, some twice."""

    def __init__(self, folder, order):
        super().__init__(lambda: None, folder)
        self._order = order

    def _run(self, work, shares, folder):
        for number in self._order(len(shares)):
            leave_result(*pickle.loads(pickle.dumps((shares[number], work, folder))))


def backwards_and_again(number):
    return [*reversed(range(number)), 0]


def test_the_first_reason_in_the_order_of_the_rows_is_told(tmp_path):
    with pytest.raises(BadData, match="share 1"):
        list(Elsewhere(str(tmp_path / "out"), backwards_and_again).each(Lines(), three_shares(tmp_path), print))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_share_that_is_lost_is_an_error_and_one_done_twice_is_none(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger=beam_workers.__name__)
    told = []
    with pytest.raises(ShareLost, match="Share 3 of 3 of the input"):
        list(
            Elsewhere(str(tmp_path), lambda number: range(number - 1)).each(
                Lines(), three_shares(tmp_path), told.append
            )
        )
    found = Elsewhere(str(tmp_path), lambda _: (0, 0)).each(Lines(), three_shares(tmp_path)[:1] * 2, told.append)
    assert [result.rows for result in found] == told == [2, 2]
    assert caplog.messages == ["2 shares of the input were read by 1 workers"]


def test_rows_written_elsewhere_are_those_written_here(bench):
    bench.write("a.csv", "a\n" + "".join(f"{number}\n" for number in range(50)))
    out = bench.folder / "out"
    found = []
    for workers in (IN_THIS_PROCESS, Elsewhere(str(out), backwards_and_again)):
        bench.run(splits={"train": 2, "eval": 1}, workers=workers, share_bytes=30)
        found.append({str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert found[0] == found[1]
    assert len(found[0]) > 6
