"""What the counting runner says, against rows and stages that are counted elsewhere."""

import logging
import threading

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from components.beam_runner import CountingRunner, StageProgress, title_of

RUNNER = "--runner=components.beam_runner.CountingRunner"
IN_MEMORY = [RUNNER, "--direct_running_mode=in_memory", "--direct_num_workers=1"]


@pytest.fixture
def said(caplog):
    """What was said so far, oldest first."""
    caplog.set_level(logging.DEBUG, logger="penstock.progress")
    return lambda: [record.progress for record in caplog.records if record.name == "penstock.progress"]


def text_file(folder, name, lines):
    path = folder / name
    path.write_text("".join(f"{number}\n" for number in range(lines)))
    return str(path)


def test_the_last_word_is_the_rows_of_all_files_and_all_stages(tmp_path, said):
    paths = [text_file(tmp_path, "a.txt", 700), text_file(tmp_path, "b.txt", 300)]
    with beam.Pipeline(argv=IN_MEMORY) as pipeline:
        parts = [pipeline | f"Read{index}" >> beam.io.ReadFromText(path) for index, path in enumerate(paths)]
        doubled = parts | beam.Flatten() | beam.FlatMap(lambda line: [line, line])
        _ = doubled | beam.combiners.Count.Globally() | beam.io.WriteToText(str(tmp_path / "out"))
    assert (tmp_path / "out-00000-of-00001").read_text() == "2000\n"
    last = said()[-1]
    assert (last["done"], last["unit"]) == (1000, "elements")
    assert last["metrics"]["stages_done"] == last["metrics"]["stages"] > 1


def test_a_file_that_is_read_twice_counts_twice(tmp_path, said):
    path = text_file(tmp_path, "a.txt", 50)
    with beam.Pipeline(argv=IN_MEMORY) as pipeline:
        for name in ("First", "Second"):
            _ = pipeline | name >> beam.io.ReadFromText(path)
    assert said()[-1]["done"] == 100


def test_a_pipeline_that_reads_no_file_tells_stages_only(said):
    with beam.Pipeline(argv=IN_MEMORY) as pipeline:
        _ = pipeline | beam.Create(range(100)) | beam.Reshuffle() | beam.Map(str)
    assert "done" not in said()[-1]
    assert said()[-1]["metrics"]["stages_done"] == said()[-1]["metrics"]["stages"]


class Hold(beam.DoFn):
    """Stops at the 500th element until the test has looked."""

    reached, go_on = threading.Event(), threading.Event()

    def process(self, line):
        if line == "499":
            self.reached.set()
            assert self.go_on.wait(60)
        yield line


def test_elements_of_the_bundle_under_way_are_seen(tmp_path, said, monkeypatch):
    monkeypatch.setattr("components.beam_runner.LOOK_EVERY_S", 0.05)
    path = text_file(tmp_path, "a.txt", 1000)
    seen = []

    def look():
        assert Hold.reached.wait(60)
        for _ in range(200):
            threading.Event().wait(0.05)
            seen[:] = [said()[-1]] if said() else []
            if seen and seen[0].get("done"):
                break
        Hold.go_on.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    with beam.Pipeline(argv=IN_MEMORY) as pipeline:
        _ = pipeline | beam.io.ReadFromText(path) | beam.ParDo(Hold())
    watcher.join()
    assert 499 <= seen[0]["done"] <= 501  # the 500th is on its way
    assert said()[-1]["done"] == 1000


@pytest.mark.parametrize("mode", ["multi_threading"])
def test_with_other_workers_elements_are_counted_when_a_bundle_ends(tmp_path, said, mode):
    argv = [RUNNER, f"--direct_running_mode={mode}", "--direct_num_workers=2"]
    with beam.Pipeline(argv=argv) as pipeline:
        _ = pipeline | beam.io.ReadFromText(text_file(tmp_path, "a.txt", 200)) | beam.Map(len)
    assert said()[-1]["done"] == 200


def test_a_failure_is_the_pipelines_own_and_nothing_keeps_looking(said):
    with pytest.raises(RuntimeError, match="odd row"), beam.Pipeline(argv=IN_MEMORY) as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(raise_odd_row)
    assert not [thread for thread in threading.enumerate() if thread.name == "beam-progress"]
    assert not [line for line in said() if line["metrics"]["stages_done"] == line["metrics"]["stages"]]


def raise_odd_row(_):
    raise RuntimeError("odd row")


def test_it_runs_what_beams_own_runner_runs():
    """Every method of its own but these is FnApiRunner's."""
    assert issubclass(CountingRunner, FnApiRunner)
    assert {name for name in vars(CountingRunner) if not name.startswith("__")} == {"run_stages", "_execute_bundle"}
    assert isinstance(beam.Pipeline(options=PipelineOptions([RUNNER])).runner, CountingRunner)


def test_a_count_that_was_seen_does_not_go_back_when_the_worker_puts_its_counters_away(said):
    progress = StageProgress(2, look_every_s=0.01)
    progress.begin("read", "Read", frozenset({"rows"}), [])
    progress._seen = 40
    with progress:
        threading.Event().wait(0.1)
    assert {line["done"] for line in said()[:-1]} == {40}


class Transform:
    def __init__(self, unique_name):
        self.unique_name = unique_name


def test_a_stage_is_called_by_the_name_that_most_of_its_steps_share():
    names = ["Read/A", "Read/B", "ref_Applied/C/D", "ref_Applied/E", "ref_Applied/F", "Write/G", "Impulse"]
    assert title_of(map(Transform, names)) == "Read"
    assert title_of([]) == ""
