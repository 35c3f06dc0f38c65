"""Answers become a new span: every row is accounted for, and only what people corrected is different."""

import csv
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arrow_example_gen.judge import judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.sources import open_sources
from components.human_review.queue import Origin, Question, Queue
from components.human_review.row_ids import row_ids
from models.tabular_text.features import DType
from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.reviewing.publishing import Request, publish
from pipeline.reviewing.record import NewAnswer, ReviewRecord

TYPES = {"id": "string", "n": "float32", "text": "string", "y": "int64"}
ROWS = b'id,n,text,y\n007,1.10,"a,""b""",1\r\n008,,"two\nlines",2\n009,x,not a number,1\n\n010,NA,,3'


class Bench:
    """A pipeline's data, configuration and record of answers."""

    def __init__(self, folder, pattern="span-{SPAN}/rows.csv", form="csv"):
        self.folder, self.form = folder, form
        (folder / "p.yaml").write_text(
            f"pipeline: {{name: p}}\ndata: {{path: 'data/{pattern}'}}\nlabel: {{column: y}}\n"
        )
        self.config = load_config(folder / "p.yaml")
        self.record = ReviewRecord(self.config)

    def write(self, name, content):
        path = self.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def origin(self, span=1, path=None):
        reading = ReadOptions(label="y", on_bad_rows="quarantine").to_json()
        return Origin("y", ("1", "2", "3"), TYPES, reading, span, path and str(path))

    def ids(self, path):
        """The id of each readable row, by its `id` column: made apart from what finds rows."""
        types = {name: DType(dtype) for name, dtype in TYPES.items() if name != "y"}
        found = {}
        for source in open_sources([str(path)], ReadOptions()):
            for raw in source.batches():
                columns = judge(raw, types, ReadOptions()).columns
                names = [name.decode() for name in columns["id"].to_pylist()]
                found |= dict(zip(names, row_ids(columns, "y", TYPES), strict=True))
        return found

    def answer(self, origin, given, run="first"):
        """Puts answers on record: row's id → its class and the one that the data says."""
        questions = [Question(row, {}, "1", 0.5, (("1", 0.5),), old) for row, (_, old) in given.items()]
        queue = Queue(origin, 0.9, len(given), len(given), 0, tuple(questions))
        answers = [NewAnswer(question, given[question.row][0]) for question in questions]
        self.record.add(run, queue, answers, by="ann", via="terminal", replace=True)

    def publish(self, **request):
        return publish(self.config, self.record, Request(**request), "ann")


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    path = made.write("span-1/rows.csv", ROWS)
    ids = made.ids(path)
    made.answer(made.origin(), {ids["007"]: ("3", "1"), ids["010"]: ("3", "3")})
    return made


def test_only_the_corrected_cell_differs(bench):
    done = bench.publish()
    assert (bench.folder / "data" / "span-2" / "rows.csv").read_bytes() == ROWS.replace(b'b""",1', b'b""",3')
    assert (done.span, done.before, done.left_out, done.added, done.after) == (2, 4, 0, 0, 4)
    assert (done.corrected, done.confirmed, done.lost) == (1, 1, ())


def test_publishing_twice_publishes_once(bench):
    bench.publish()
    assert bench.publish() is None
    assert not (bench.folder / "data" / "span-3").exists()


def test_new_answers_go_into_the_next_span_beside_the_old_ones(bench):
    bench.publish()
    ids = bench.ids(bench.folder / "data" / "span-1" / "rows.csv")
    bench.answer(bench.origin(), {ids["008"]: ("1", "2")})
    done = bench.publish()
    expected = ROWS.replace(b'b""",1', b'b""",3').replace(b'lines",2', b'lines",1')
    assert (bench.folder / "data" / "span-3" / "rows.csv").read_bytes() == expected
    assert (done.span, done.corrected, done.confirmed) == (3, 1, 0)


def test_the_record_says_what_was_published(bench):
    bench.publish()
    entry = bench.record.ledger.entries()[-1]
    assert (entry.kind, entry.content["span"], entry.content["by"]) == ("published", 2, "ann")
    assert (entry.content["before"], entry.content["after"], entry.content["corrected"]) == (4, 4, 1)
    assert len(entry.content["rows"]) == 2


def test_answers_only_leaves_the_other_rows_out_and_counts_them(bench):
    done = bench.publish(answers_only=True, span=7)
    assert (bench.folder / "data" / "span-7" / "rows.csv").read_bytes() == (
        b'id,n,text,y\n007,1.10,"a,""b""",3\r\n010,NA,,3'
    )
    assert (done.before, done.left_out, done.added, done.after) == (4, 2, 0, 2)


def test_rows_that_were_labelled_are_added_once(bench):
    more = bench.write("more.csv", b'text,id,n\n"new\nrow",011,3.50\n' + b'"new\nrow",011,3.50\n')
    bench.answer(bench.origin(path=more), {bench.ids(more)["011"]: ("2", None)})
    done = bench.publish()
    written = (bench.folder / "data" / "span-2" / "rows.csv").read_bytes()
    assert written == ROWS.replace(b'b""",1', b'b""",3') + b'\n011,3.50,"new\nrow",2\n'
    assert (done.before, done.added, done.after) == (4, 1, 5)


def test_answers_to_an_earlier_span_are_not_lost(bench):
    bench.write("span-5/rows.csv", b"id,n,text,y\n100,1,x,1\n")
    done = bench.publish()
    assert (bench.folder / "data" / "span-6" / "rows.csv").read_bytes() == (
        b'id,n,text,y\n100,1,x,1\n007,1.10,"a,""b""",3\n010,NA,,3\n'
    )
    assert (done.before, done.added, done.after) == (1, 2, 3)


def test_a_row_that_a_span_held_is_not_brought_back_into_new_data(bench):
    bench.publish()
    new = bench.write("span-5/rows.csv", b"id,n,text,y\n100,1,x,1\n")
    bench.answer(bench.origin(span=5), {bench.ids(new)["100"]: ("2", "1")})
    done = bench.publish()
    assert (bench.folder / "data" / "span-6" / "rows.csv").read_bytes() == b"id,n,text,y\n100,1,x,2\n"
    assert (done.before, done.added, done.after) == (1, 0, 1)


def test_an_answer_whose_row_is_gone_is_told_and_stays_unpublished(bench):
    bench.answer(bench.origin(), {"r-gone": ("1", "2")})
    done = bench.publish()
    assert [answer.row for answer in done.lost] == ["r-gone"]
    assert [answer.row for answer in bench.record.answers().unpublished()] == ["r-gone"]
    with pytest.raises(ConfigError, match=r"r-gone .* is in no file any more"):
        bench.publish()


def test_equal_rows_get_one_answer(tmp_path):
    made = Bench(tmp_path)
    path = made.write("span-1/rows.csv", b"id,n,text,y\na,1,x,1\na,1.0,x,2\nb,1,x,1\n")
    made.answer(made.origin(), {made.ids(path)["a"]: ("3", "1")})
    done = made.publish()
    assert (tmp_path / "data/span-2/rows.csv").read_bytes() == b"id,n,text,y\na,1,x,3\na,1.0,x,3\nb,1,x,1\n"
    assert (done.corrected, done.after) == (2, 3)


def test_a_path_without_spans_is_told_and_a_file_can_be_written_instead(tmp_path):
    made = Bench(tmp_path, "rows.csv")
    ids = made.ids(made.write("rows.csv", ROWS))
    made.answer(made.origin(0), {ids["007"]: ("3", "1")})
    with pytest.raises(ConfigError, match=r"has no \{SPAN\}.*rows-\{SPAN\}\.csv"):
        made.publish()
    assert made.publish(output=tmp_path / "new.csv").span is None
    assert (tmp_path / "new.csv").read_bytes() == ROWS.replace(b'b""",1', b'b""",3')
    made.answer(made.origin(0), {ids["008"]: ("1", "2")})
    with pytest.raises(ConfigError, match="is there already"):
        made.publish(output=tmp_path / "new.csv")
    with pytest.raises(ConfigError, match="end the name alike"):
        made.publish(output=tmp_path / "new.parquet")
    made.publish(output=tmp_path / "newer.csv")  # holds the answers of the first file too: no span has them
    expected = ROWS.replace(b'b""",1', b'b""",3').replace(b'lines",2', b'lines",1')
    assert (tmp_path / "newer.csv").read_bytes() == expected


def test_several_files_compressed_ones_too_stay_several(tmp_path):
    made = Bench(tmp_path, "s{SPAN}-*.tsv.gz")
    one = made.write("s01-a.tsv.gz", gzip.compress(b'id\tn\ttext\ty\n007\t1\t"x\t1\n'))
    two = made.write("s01-b.tsv.gz", gzip.compress(b"id\tn\ttext\ty\n008\t1\t\t2\n"))
    made.answer(made.origin(), {made.ids(one)["007"]: ("2", "1"), made.ids(two)["008"]: ("3", "2")})
    done = made.publish()
    found = [gzip.decompress((tmp_path / "data" / f"s02-{name}.tsv.gz").read_bytes()) for name in "ab"]
    assert found == [b'id\tn\ttext\ty\n007\t1\t"x\t2\n', b"id\tn\ttext\ty\n008\t1\t\t3\n"]
    assert (done.before, done.corrected, done.after) == (2, 2, 2)


def test_parquet_stays_parquet(tmp_path):
    made = Bench(tmp_path, "{SPAN}.parquet")
    table = pa.table({"id": ["007", "008"], "n": [1.5, None], "text": ["", None], "y": [1, 2]})
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "1.parquet")
    more = made.write("more.csv", b"id,n,text\n009,0.1,new\n")
    ids = made.ids(tmp_path / "data" / "1.parquet")
    made.answer(made.origin(), {ids["007"]: ("3", "1")})
    made.answer(made.origin(path=more), {made.ids(more)["009"]: ("2", None)}, run="second")
    made.publish()
    found = pq.read_table(tmp_path / "data" / "2.parquet").to_pylist()
    added = {"id": "009", "n": 0.1, "text": "new", "y": 2}
    assert found == [{**table.to_pylist()[0], "y": 3}, table.to_pylist()[1], added]


def test_nothing_to_publish_is_no_mistake(tmp_path):
    made = Bench(tmp_path)
    assert made.publish() is None


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8), st.data())
def test_every_row_comes_through_with_equal_values(tmp_path_factory, rows, data):
    made = Bench(tmp_path_factory.mktemp("publish"))
    cells = [[f"row{i}", one, other, "1"] for i, (one, other) in enumerate(rows)]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["id", "text", "more", "y"], *cells])
    path = made.write("span-1/rows.csv", out.getvalue().encode())
    chosen = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    types = {"id": "string", "text": "string", "more": "string", "y": "int64"}
    origin = Origin("y", ("1", "2"), types, ReadOptions(label="y").to_json(), 1)
    (source,) = open_sources([str(path)], ReadOptions())
    ids = [
        row
        for raw in source.batches()
        for row in row_ids(judge(raw, {n: DType(t) for n, t in types.items()}, ReadOptions()).columns, "y", types)
    ]
    made.answer(origin, {ids[index]: ("2", "1") for index in chosen})
    done = made.publish()
    with (made.folder / "data" / "span-2" / "rows.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert found[1:] == [[*row[:3], "2" if i in chosen else "1"] for i, row in enumerate(cells)]
    assert (done.before, done.corrected, done.after) == (len(rows), len(chosen), len(rows))
