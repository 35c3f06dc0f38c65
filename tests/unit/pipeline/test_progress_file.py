import json
import logging
import math

import numpy as np
import pytest

from pipeline.progress_file import LOGGER, ProgressHandler, ProgressLine, ProgressReader, progress_written_to

LOG = logging.getLogger(LOGGER)


def said(message="", **progress):
    LOG.info("%s", message, extra={"progress": progress})


def written(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_a_node_says_is_a_line_of_json(tmp_path):
    path = tmp_path / "progress" / "Trainer.1.jsonl"
    with progress_written_to(path):
        said("epoch 2/5", done=2, total=5, unit="epochs", metrics={"loss": 0.61})
    (line,) = written(path)
    assert line.pop("time").endswith("+00:00")
    assert line == {"message": "epoch 2/5", "done": 2, "total": 5, "unit": "epochs", "metrics": {"loss": 0.61}}


def test_afterwards_the_logger_is_as_it_was(tmp_path):
    before = LOG.level, LOG.propagate, list(LOG.handlers)
    with pytest.raises(ZeroDivisionError), progress_written_to(tmp_path / "p.jsonl"):
        _ = 1 / 0
    assert (LOG.level, LOG.propagate, list(LOG.handlers)) == before


def test_what_is_not_finite_is_null_in_the_file_and_nan_for_the_reader(tmp_path):
    path = tmp_path / "p.jsonl"
    with progress_written_to(path):
        said(done=math.nan, total=math.inf, metrics={"loss": math.nan, "up": math.inf, "ok": np.float32(0.5)})
    (line,) = written(path)
    assert (line["done"], line["total"], line["metrics"]) == (None, None, {"loss": None, "up": None, "ok": 0.5})
    (read,) = ProgressReader(path).read()
    assert math.isnan(read.metrics["loss"])
    assert read.metrics["ok"] == 0.5


@pytest.mark.parametrize("progress", [None, 7, "half", {"done": "many", "metrics": 3}, {"metrics": {"loss": "low"}}])
def test_what_has_the_wrong_type_is_left_out_and_the_message_stays(tmp_path, progress):
    with progress_written_to(tmp_path / "p.jsonl"):
        LOG.info("working", extra={"progress": progress})
        LOG.info("%d epochs", "no number")  # a defect of the node's, reported by logging itself
    (line,) = written(tmp_path / "p.jsonl")
    assert (line["message"], line["done"], line["metrics"]) == ("working", None, {})


def test_a_chatty_node_gets_a_burst_then_four_lines_a_second_and_always_the_last_word(tmp_path):
    now = 0.0
    handler = ProgressHandler(tmp_path / "p.jsonl", clock=lambda: now)
    for number in range(10_000):
        now = number / 1000  # ten seconds, a thousand a second
        record = LOG.makeRecord(LOGGER, logging.INFO, "f", 1, "step", (), None, extra={"progress": {"done": number}})
        handler.emit(record)
    handler.close()
    done = [line["done"] for line in written(tmp_path / "p.jsonl")]
    assert done[:40] == list(range(40))
    assert len(done) <= 40 + 4 * 10 + 1
    assert done[-1] == 9999
    assert done == sorted(done)


def test_long_messages_and_many_metrics_are_cut(tmp_path):
    with progress_written_to(tmp_path / "p.jsonl"):
        said("x" * 10**6, metrics={f"m{number}": 1.0 for number in range(1000)}, unit="u" * 10**6)
    assert (tmp_path / "p.jsonl").stat().st_size < 2000


def test_a_full_disk_is_said_once_and_fails_nothing(caplog):
    with progress_written_to_full_disk(), caplog.at_level(logging.WARNING):
        said("one", done=1)
        said("two", done=2)
    (record,) = caplog.records
    assert "/dev/full" in record.getMessage()
    assert "No space left on device" in record.getMessage()


def progress_written_to_full_disk():
    from pathlib import Path

    return progress_written_to(Path("/dev/full"))


def test_a_folder_that_cannot_be_made_fails_nothing(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with progress_written_to(tmp_path / "file" / "p.jsonl"), caplog.at_level(logging.WARNING):
        said("one", done=1)
    assert len(caplog.records) == 1


def test_without_a_file_milestones_go_to_the_log_and_moments_do_not(caplog):
    with caplog.at_level(logging.INFO), progress_written_to(None):
        LOG.info("epoch 1/5", extra={"progress": {}})
        LOG.debug("step 3/63", extra={"progress": {}})
    assert [record.getMessage() for record in caplog.records] == ["epoch 1/5"]


def test_with_a_file_the_nodes_log_is_not_buried(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG), progress_written_to(tmp_path / "p.jsonl"):
        LOG.debug("step 3/63", extra={"progress": {"done": 3}})
    assert caplog.records == []
    assert written(tmp_path / "p.jsonl")[0]["done"] == 3


def test_a_reader_gets_each_line_once_and_waits_for_the_rest_of_half_a_line(tmp_path):
    path = tmp_path / "p.jsonl"
    reader = ProgressReader(path)
    assert reader.read() == []
    lines = [ProgressLine(f"2026-01-0{day}T00:00:00+00:00", done=day).to_json() for day in (1, 2)]
    path.write_text(f"{lines[0]}\n{lines[1][:20]}")
    assert [line.done for line in reader.read()] == [1]
    path.write_text(f"{lines[0]}\n{lines[1]}\n")
    assert [line.done for line in reader.read()] == [2]
    assert reader.read() == []


def test_a_reader_passes_over_what_a_crash_left(tmp_path):
    good = ProgressLine("2026-01-01T00:00:00+00:00", "fine").to_json()
    (tmp_path / "p.jsonl").write_bytes(b"\x00\x00\xff\n[1]\n{}\n" + good.encode() + b"\n")
    assert [line.message for line in ProgressReader(tmp_path / "p.jsonl").read()] == ["fine"]
