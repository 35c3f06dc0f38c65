"""The cache through the launcher: what is a hit, what is a miss and why, and what a killed node leaves behind."""

import datetime
import json
import os
import re
import time
from pathlib import Path

import pytest
from tiny_cached_compile import compile_cached, executions

from pipeline.cache_policy import CachePolicy, NodePolicy
from pipeline.caching.explain_next import NextRun, explain_next_run
from pipeline.launch import LaunchRequest, run_node
from pipeline.runners.warm import ProcessDied, WarmProcess

pytestmark = pytest.mark.integration

NODES = ("MakeNumber", "Apply", "Count")
RAN, HIT = "COMPLETE", "CACHED"

CODE = """
def apply(number, rows, model_run, settings):
    (rows / "rows.txt").write_text(str(number))
    (model_run / "log.txt").write_text("done")
"""


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


class Runs:
    """Runs of one pipeline in one store, each node in a process of its own."""

    def __init__(self, warm, folder):
        self._warm, self.folder, self.log = warm, folder, folder / "nodes.log"
        self.code = folder / "user" / "applied.py"
        self.code.parent.mkdir()
        self.code.write_text(CODE)
        self.uri = f"sqlite:///{folder / 'metadata.sqlite'}"
        self.run_number = 0
        self.options = {}
        self.caching = CachePolicy()
        self._compiled = {}

    def new_run(self):
        self.run_number += 1

    def request(self, **parameters):
        ir = self.folder / "ir.json"
        options = {"module_file": str(self.code), **self.options}
        if (known := json.dumps(options)) not in self._compiled:
            arguments = self.folder / "artifacts", options
            self._compiled[known] = self._warm.call(compile_cached, *arguments, log_path=self.log)
        ir.write_text(self._compiled[known])
        texts = {name: str(value) for name, value in parameters.items()}
        return LaunchRequest(str(ir), NODES, f"run-{self.run_number}", self.uri, texts, caching=self.caching)

    def node(self, node_id, request):
        return self._warm.call(run_node, request, node_id, log_path=self.log)

    def states(self, nodes=NODES, **parameters):
        """What became of each node in a new run."""
        self.new_run()
        request = self.request(**parameters)
        outcomes = [self.node(node_id, request) for node_id in nodes]
        assert not [outcome.failure for outcome in outcomes if outcome.failure], self.log.read_text()[-3000:]
        return [outcome.state for outcome in outcomes]

    def explain(self, **parameters):
        """What the cache would do in the next run, by node."""
        request = self.request(**parameters)
        now = datetime.datetime.now(datetime.UTC)
        next_run = NextRun(Path(request.ir_path).read_text(), self.uri, self.caching, now, request.parameters)
        index = self.folder / "fingerprints.json"
        found = self._warm.call(explain_next_run, next_run, index, log_path=self.log)
        return {explanation.node_id: explanation for explanation in found}

    def executions(self):
        return self._warm.call(executions, self.uri, log_path=self.log)

    def artifact(self, pattern):
        """The newest file of that pattern below the artifacts."""
        return max(
            (self.folder / "artifacts").glob(pattern), key=lambda path: int(re.findall(r"/(\d+)(?=/|$)", str(path))[-1])
        )


@pytest.fixture
def runs(warm, tmp_path):
    return Runs(warm, tmp_path)


@pytest.fixture
def ran(runs):
    """After a first run."""
    assert runs.states() == [RAN, RAN, RAN]
    return runs


def test_a_second_run_takes_everything_and_leaves_no_folder_behind(ran):
    files = {path for path in (ran.folder / "artifacts").rglob("*") if path.is_file()}
    assert ran.states() == [HIT, HIT, HIT]
    assert {path for path in (ran.folder / "artifacts").rglob("*") if path.is_file()} == files
    folders = [path.name for path in (ran.folder / "artifacts").glob("*/.system/*/*")]
    assert not [name for name in folders if name in ("4", "5", "6")]
    assert not list((ran.folder / "artifacts").glob("*/.system/stateful_working_dir/*"))


def test_an_execution_keeps_its_key_and_parts_in_the_store(ran):
    ran.states()
    applied = sorted((e for e in ran.executions() if e["type"].endswith("Apply")), key=lambda e: e["id"])
    first, hit = [execution["properties"] for execution in applied]
    assert first["cache_key"] == hit["cache_key"]
    parts = json.loads(first["cache_parts"])
    assert parts["parameters"]["settings.x"] == 1
    assert set(parts["code"]) >= {"applied.py", "tiny_cached.py"}
    assert hit["cached_from"] == 2


def test_a_comment_in_the_code_is_no_miss_and_an_edit_is(ran):
    ran.code.write_text(CODE.replace("(str(number))", "( str(number) )  # as text"))
    assert ran.states() == [HIT, HIT, HIT]
    ran.code.write_text(CODE.replace("str(number)", "2 * str(number)"))
    assert ran.states() == [HIT, RAN, RAN]
    ran.code.write_text(CODE)
    assert ran.states() == [HIT, HIT, HIT]


def test_code_that_makes_the_same_bytes_lets_the_nodes_behind_it_hit(ran):
    ran.code.write_text(CODE.replace("str(number)", "'%d' % number"))
    assert ran.states() == [HIT, RAN, HIT]


def test_an_edit_of_a_module_that_the_code_loads_is_a_miss(ran):
    beside = ran.code.with_name("beside_the_applied.py")
    beside.write_text("TIMES = 1\n")
    ran.code.write_text(
        f"import sys\nsys.path.insert(0, {str(ran.code.parent)!r})\n"
        + CODE.replace(
            "str(number)", "__import__('importlib').import_module('beside_the_applied').TIMES * str(number)"
        ).replace("def apply", "def never():\n    import beside_the_applied\n\ndef apply")
    )
    assert ran.states() == [HIT, RAN, HIT]
    beside.write_text("TIMES = 2\n")
    assert ran.states() == [HIT, RAN, RAN]


def test_a_parameter_is_a_miss_where_it_is_read_and_behind(ran):
    assert ran.states(value=22) == [RAN, RAN, RAN]
    assert ran.states() == [HIT, HIT, HIT]
    ran.options = {"settings": {"x": 2}}
    assert ran.states() == [HIT, RAN, HIT]


def test_deleted_bytes_are_made_again(ran):
    ran.artifact("Apply/rows/*/rows.txt").unlink()
    assert ran.states() == [HIT, RAN, HIT]
    assert ran.states() == [HIT, HIT, HIT]


def test_a_flipped_byte_is_made_again(ran):
    path = ran.artifact("Apply/rows/*/rows.txt")
    before = path.stat()
    path.write_text("31")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ran.states() == [HIT, RAN, HIT]
    assert ran.artifact("Apply/rows/*/rows.txt").read_text() == "21"


def test_an_older_answer_is_taken_when_the_newest_is_damaged(ran):
    ran.caching = CachePolicy({"Apply": NodePolicy(cache=False)})
    assert ran.states() == [HIT, RAN, HIT]
    ran.caching = CachePolicy()
    ran.artifact("Apply/rows/*/rows.txt").unlink()
    assert ran.states() == [HIT, HIT, HIT]
    newest = max((e for e in ran.executions() if e["type"].endswith("Apply")), key=lambda execution: execution["id"])
    assert newest["properties"]["cached_from"] == 2


def test_a_touch_of_everything_is_no_miss(ran):
    for path in [*(ran.folder / "artifacts").rglob("*"), ran.code]:
        os.utime(path)
    assert ran.states() == [HIT, HIT, HIT]


def test_a_node_that_is_switched_off_runs_every_time(ran):
    ran.caching = CachePolicy({"Apply": NodePolicy(cache=False)})
    assert ran.states() == [HIT, RAN, HIT]
    ran.caching = CachePolicy()
    ran.options = {"enable_cache": False}
    assert ran.states() == [RAN, RAN, RAN]


def test_an_answer_is_taken_only_while_it_lives(ran):
    ran.caching = CachePolicy({"Apply": NodePolicy(cache_ttl_hours=1)})
    assert ran.states() == [HIT, HIT, HIT]
    ran.caching = CachePolicy({"Apply": NodePolicy(cache_ttl_hours=1e-9)})
    assert ran.states() == [HIT, RAN, HIT]


def test_a_lost_or_damaged_index_changes_nothing(ran):
    index = ran.folder / "fingerprints.json"
    index.write_bytes(b"\x00 garbage")
    assert ran.states() == [HIT, HIT, HIT]
    index.unlink()
    assert ran.states() == [HIT, HIT, HIT]


def _edit_code(runs):
    runs.code.write_text(CODE.replace("str(number)", "2 * str(number)"))


def _set_parameter(runs):
    runs.options = {"settings": {"x": 2}}


def _expire(runs):
    runs.caching = CachePolicy({"Apply": NodePolicy(cache_ttl_hours=1e-9)})


def _switch_off(runs):
    runs.caching = CachePolicy({"Apply": NodePolicy(cache=False)})


def _delete(runs):
    runs.artifact("Apply/rows/*/rows.txt").unlink()
    runs.artifact("Apply/rows/*").rmdir()


EXPLAINED = {
    "applied.py changed": _edit_code,
    "settings.x: 1 → 2": _set_parameter,
    "rows/2 was deleted": _delete,
    "older than 1e-09 h (cache_ttl_hours)": _expire,
    "switched off by nodes.Apply.cache: false": _switch_off,
}


@pytest.mark.parametrize(("words", "change"), EXPLAINED.items(), ids=EXPLAINED)
def test_what_the_next_run_will_do_is_told_with_the_reason_and_nothing_is_written(ran, words, change):
    assert [explanation.verdict for explanation in ran.explain().values()] == ["hit"] * 3
    change(ran)
    store = (ran.folder / "metadata.sqlite").read_bytes()
    files = set((ran.folder / "artifacts").rglob("*"))
    told = ran.explain()
    assert (ran.folder / "metadata.sqlite").read_bytes() == store
    assert set((ran.folder / "artifacts").rglob("*")) == files
    assert {node_id: explanation.verdict for node_id, explanation in told.items()} == {
        "MakeNumber": "hit",
        "Apply": "miss",
        "Count": "miss",
    }
    assert words in "; ".join(told["Apply"].reasons)
    assert len(told["Apply"].reasons) == 1
    assert told["Count"].reasons == ("depends on Apply, which will run",)
    assert ran.states()[:2] == [HIT, RAN]


def test_before_the_first_run_everything_is_a_miss(runs):
    told = runs.explain()
    assert {explanation.verdict for explanation in told.values()} == {"miss"}
    assert not (runs.folder / "metadata.sqlite").exists()


def test_data_and_runtime_parameters_are_told_too(example_gen):
    runs, path = example_gen
    path.write_text(path.read_text().replace("98,0", "97,0"))
    assert runs.explain()["ArrowExampleGen"].reasons == ("data file 'rows.csv' changed",)


def test_a_runtime_parameter_is_told_by_name(ran):
    assert ran.explain(value=22)["MakeNumber"].reasons == ("value: 21 → 22",)


KILLED_ONCE = """
import os, signal
from pathlib import Path

def apply(number, rows, model_run, settings):
    found = sorted(path.name for path in rows.rglob("*")), sorted(path.name for path in model_run.rglob("*"))
    with Path(settings["found"]).open("a") as file:
        file.write(f"{found}\\n")
    (model_run / "checkpoint").write_text("1")
    (rows / "half").mkdir()
    (rows / "half" / "rows.txt").write_text("hal")
    if Path(settings["found"]).read_text().count("\\n") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    (rows / "rows.txt").write_text(str(number))
"""


def test_a_killed_node_starts_with_clean_outputs_and_its_checkpoints(runs):
    found = runs.folder / "found"
    runs.code.write_text(KILLED_ONCE)
    runs.options = {"settings": {"found": str(found)}}
    runs.new_run()
    request = runs.request()
    assert runs.node("MakeNumber", request).state == RAN
    with pytest.raises(ProcessDied):
        runs.node("Apply", request)
    (rows,) = (runs.folder / "artifacts/Apply/rows").iterdir()
    assert (rows / "half/rows.txt").exists()
    outcome = runs.node("Apply", request)
    assert (outcome.state, outcome.execution_id) == (RAN, 2)
    assert found.read_text().splitlines() == ["([], [])", "([], ['checkpoint'])"]
    assert [path.name for path in (runs.folder / "artifacts/Apply/rows").iterdir()] == ["2"]
    assert [e["state"] for e in runs.executions()] == ["COMPLETE", "COMPLETE"]


def test_what_failed_and_was_mended_within_its_run_is_no_answer_to_what_failed(runs):
    # Of another length: a file of the same second and length is to Python what it has compiled already.
    broken = CODE.replace("str(number)", "number.no_such_text")
    runs.code.write_text(broken)
    runs.new_run()
    request = runs.request()
    assert [runs.node(node_id, request).state for node_id in ("MakeNumber", "Apply")] == [RAN, "FAILED"]
    runs.code.write_text(CODE)
    outcome = runs.node("Apply", request)
    assert (outcome.state, outcome.execution_id) == (RAN, 2)
    runs.code.write_text(broken)
    runs.new_run()
    request = runs.request()
    assert [runs.node(node_id, request).state for node_id in ("MakeNumber", "Apply")] == [HIT, "FAILED"]


def test_what_an_older_store_left_is_not_mixed_in(runs):
    for key in ("rows", "model_run"):
        leftover = runs.folder / "artifacts" / "Apply" / key / "2" / "old.txt"
        leftover.parent.mkdir(parents=True)
        leftover.write_text("of another store")
    assert runs.states() == [RAN, RAN, RAN]
    assert not list((runs.folder / "artifacts").rglob("old.txt"))


def test_a_killed_node_that_finds_an_answer_leaves_nothing_half_written(ran):
    original = ran.code.read_text()
    ran.code.write_text(
        "import os, signal\n\ndef apply(number, rows, model_run, settings):\n"
        "    (rows / 'half.txt').write_text('h')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ran.new_run()
    request = ran.request()
    assert ran.node("MakeNumber", request).state == HIT
    with pytest.raises(ProcessDied):
        ran.node("Apply", request)
    assert list((ran.folder / "artifacts").rglob("half.txt"))
    ran.code.write_text(original)
    assert ran.node("Apply", request).state == HIT
    assert not list((ran.folder / "artifacts").rglob("half.txt"))


def test_code_edited_while_the_node_runs_is_not_remembered_as_what_ran(runs):
    runs.code.write_text(
        "from pathlib import Path\n" + CODE + "    Path(__file__).write_text(Path(settings['next']).read_text())\n"
    )
    following = runs.folder / "next.py"
    following.write_text(runs.code.read_text().replace("str(number)", "'edited'"))
    runs.options = {"settings": {"next": str(following)}}
    assert runs.states() == [RAN, RAN, RAN]
    following.write_text(following.read_text() + "\n")
    assert runs.states() == [HIT, RAN, RAN]
    first = next(e["properties"] for e in runs.executions() if e["type"].endswith("Apply"))
    assert "cache_key" not in first
    assert first["not_reusable"].startswith("applied.py changed while this process ran")


@pytest.fixture
def example_gen(runs):
    data = runs.folder / "data"
    data.mkdir()
    rows = "".join(f"{number},{number % 2}\n" for number in range(100))
    (data / "rows.csv").write_text(f"x,label\n{rows}")
    runs.options = {"data": str(data)}
    assert runs.states(["ArrowExampleGen"]) == [RAN]
    return runs, data / "rows.csv"


def test_a_touched_or_copied_data_file_is_no_miss(example_gen):
    runs, path = example_gen
    os.utime(path, (1, 1))
    assert runs.states(["ArrowExampleGen"]) == [HIT]
    path.write_bytes(path.read_bytes())
    assert runs.states(["ArrowExampleGen"]) == [HIT]


def test_an_edit_of_equal_size_and_time_is_a_miss(example_gen):
    runs, path = example_gen
    before = path.stat()
    path.write_text(path.read_text().replace("98,0", "97,0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert runs.states(["ArrowExampleGen"]) == [RAN]


def test_equal_rows_make_equal_bytes(example_gen):
    runs, _ = example_gen
    runs.caching = CachePolicy({"ArrowExampleGen": NodePolicy(cache=False)})
    time.sleep(1.1)  # gzip headers may hold the second
    assert runs.states(["ArrowExampleGen"]) == [RAN]
    folders = sorted((runs.folder / "artifacts/ArrowExampleGen/examples").iterdir())
    contents = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in folders
    ]
    assert len(folders) == 2
    assert contents[0] == contents[1] != {}


def test_eight_processes_publish_at_once_without_an_error(runs, warm):
    runs.options = {"makers": 8}
    runs.new_run()
    request = runs.request()
    for _ in range(2):
        calls = [
            warm.start(run_node, request, f"Make{number}", log_path=runs.folder / f"{number}.log")
            for number in range(8)
        ]
        outcomes = [call.result() for call in calls]
        assert [outcome.state for outcome in outcomes] == [RAN] * 8
    assert len(runs.executions()) == 8
    logs = "".join((runs.folder / f"{number}.log").read_text() for number in range(8))
    assert "locked" not in logs
    assert "retry" not in logs
    assert Path(runs.folder / "metadata.lock").exists()
