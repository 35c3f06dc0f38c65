"""People label rows of a real run: what is put before them, how they answer, and the span that comes of it."""

import csv
import json
import os
import pty
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from projects import Project, completed

from components.human_review.answers import ANSWERED, ASKED
from components.human_review.queue import QUEUE_FILE, Queue
from components.human_review.settings import ReviewSettings
from components.ledger.ledger import Ledger

pytestmark = pytest.mark.integration

RUN = "second"
LABEL = "star_rating"
COLUMN_OF_LABEL = 7


@pytest.fixture(scope="module")
def project(two_runs, tmp_path_factory) -> Project:
    """The two runs, to change at will."""
    folder = tmp_path_factory.mktemp("review") / "project"
    shutil.copytree(two_runs.config.parent, folder, symlinks=True)
    return Project(folder / two_runs.config.name, folder / two_runs.root.name)


def queue_of(project: Project) -> Queue:
    from pipeline.readers.run_view import RunView
    from pipeline.run_store import RunStore

    return RunView.open(RunStore(project.root), RUN).review.get()


def node_output(project: Project, folder: Path, *, path: Path | None = None, **settings) -> Queue:
    """What HumanReview makes of the artifacts of the run, called in this process."""
    from tfx.types import standard_artifacts

    from components.human_review.artifact import ReviewQueue
    from components.human_review.executor import Executor
    from pipeline.metadata import LineageStore, single
    from pipeline.run_store import RunStore

    outputs = LineageStore(RunStore(project.root).metadata_uri).outputs_of_run(RUN)
    examples = standard_artifacts.Examples()
    record = single(outputs, "examples")
    examples.uri, examples.split_names, examples.span = record.uri, '["train", "eval", "test"]', 2
    examples.set_string_custom_property("column_types", record.properties["column_types"])
    model, evaluation, queue = standard_artifacts.Model(), standard_artifacts.ModelEvaluation(), ReviewQueue()
    model.uri = single(outputs, "model", "Trainer").uri
    evaluation.uri = single(outputs, "evaluation", "Evaluator").uri
    queue.uri = str(folder / "queue")
    Executor().Do(
        {"examples": [examples], "model": [model], "evaluation": [evaluation]},
        {"queue": [queue]},
        {
            "settings": json.dumps(ReviewSettings(**settings).to_json()),
            "review_path": str(path or ""),
            "ledger": str(folder / "answers.jsonl"),
            "reading": json.dumps(queue_of(project).origin.reading),
            "label": json.dumps({"name": LABEL, "kind": "multiclass"}),
            "split": "test",
        },
    )
    found = Queue.from_json(json.loads((folder / "queue" / QUEUE_FILE).read_text()))
    assert (queue.rows, queue.below) == (len(found.questions), found.below)
    return found


def kept_answers(project: Project) -> np.ndarray:
    """The probabilities that the Evaluator kept, [rows, classes]."""
    import pyarrow.dataset

    folder = project.artifact(RUN, "Evaluator", "evaluation") / "predictions"
    return np.array(pyarrow.dataset.dataset(folder, format="parquet").to_table()["scores"].to_pylist())


def test_the_queue_holds_the_least_confident_evaluated_rows(project):
    queue, highest = queue_of(project), np.sort(kept_answers(project).max(axis=1))
    assert queue.looked_at == len(highest)
    assert queue.below == (highest < 0.9).sum()
    expected = highest[highest < 0.9][:100]
    assert [question.confidence for question in queue.questions] == pytest.approx(expected.tolist())
    assert len({question.row for question in queue.questions}) == len(queue.questions)
    assert {question.given for question in queue.questions} <= set("12345")


def test_a_low_threshold_leaves_nothing_to_ask(project, tmp_path):
    queue = node_output(project, tmp_path, threshold=0.01)
    assert (queue.below, queue.questions) == (0, ())
    assert queue.looked_at == len(kept_answers(project))


def test_what_people_answered_is_not_asked_again(project, tmp_path):
    first, second, third = node_output(project, tmp_path, max_rows=3).questions
    ledger = Ledger(tmp_path / "answers.jsonl")
    ledger.append(ASKED, {"run": RUN, "origin": queue_of(project).origin.to_json()})
    answer = {"row": second.row, "label": "1", "given": "2", "predicted": "3", "note": ""}
    ledger.append(ANSWERED, {"run": RUN, "by": "ann", "via": "terminal", "asked": 1, "answers": [answer]})
    queue = node_output(project, tmp_path, max_rows=3)
    assert [question.row for question in queue.questions][:2] == [first.row, third.row]
    assert second.row not in {question.row for question in queue.questions}
    assert queue.answered == 1


def test_a_file_without_labels_is_answered_by_the_model(project, tmp_path):
    import tensorflow as tf

    rows = (project.config.parent / "data" / "span-1" / "reviews.tsv").read_text().splitlines()
    cells = [line.split("\t") for line in rows[:41]]
    without = ["\t".join(row[:COLUMN_OF_LABEL] + row[COLUMN_OF_LABEL + 1 :]) for row in cells]
    assert cells[0][COLUMN_OF_LABEL] == LABEL
    broken = without[1].split("\t")
    broken[cells[0].index("helpful_votes") - 1] = "many"
    path = tmp_path / "more.tsv"
    path.write_text("\n".join([*without, "\t".join(broken)]) + "\n")
    queue = node_output(project, tmp_path, path=path, threshold=1.0, max_rows=50)
    assert (queue.looked_at, len(queue.questions)) == (40, 40)
    assert all(question.given is None for question in queue.questions)
    assert "1 rows could not be read" in queue.remarks[0]
    assert "'helpful_votes'" in queue.remarks[0]

    # The same rows by the other signature, one tensor a column.
    folder = project.artifact(RUN, "Trainer", "model") / "Format-Serving"
    inputs = json.loads((folder / "assets.extra" / "penstock.json").read_text())["inputs"]
    model = tf.saved_model.load(str(folder))
    for question in queue.questions[:5]:
        arguments = {
            item["argument"]: tf.constant([_raw(question.columns[name], item)], item["dtype"])
            for name, item in inputs.items()
        }
        scores = model.signatures["serving_raw"](**arguments)["scores"].numpy()[0]
        assert question.confidence == pytest.approx(scores.max(), abs=1e-4)


def _raw(value, item):
    missing = float("nan") if item["missing"] is None else item["missing"]
    return missing if value is None else value


def test_rows_are_labelled_in_the_terminal(project):
    """Through a real terminal: answers, a correction, a skip; then the input ends."""
    controller, terminal = pty.openpty()
    command = project.command("review", RUN, "--by", "bob")
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=project.config.parent)
    os.close(terminal)
    os.write(controller, b"1\nu\nn seen twice\n2\ns\nq\n")
    shown = _all_of(controller)
    assert process.wait(60) == 0, shown
    assert "1 answered, 1 skipped" in shown
    status = completed(project.penstock("review", "status", RUN), 0)
    (line,) = [line for line in status.splitlines() if "seen twice" in line]
    first = queue_of(project).questions[0]
    assert line.split()[:4] == [first.row, "2", first.given, first.predicted]
    nobody = subprocess.run(
        project.command("review", RUN), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert "review export" in completed(nobody, 2)


def _all_of(controller: int) -> str:
    shown = b""
    while True:
        try:
            read = os.read(controller, 4096)
        except OSError:  # the other end is closed
            read = b""
        if not read:
            os.close(controller)
            return shown.decode()
        shown += read


def test_answers_in_a_sheet_become_a_span_that_is_read(project):
    folder = project.config.parent
    completed(project.penstock("review", "export", "rows.csv", RUN), 0)
    sheet = folder / "rows.csv"
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    changed = {}
    for line in lines[:6]:
        line["label"] = str(int(line["given"]) % 5 + 1)
        changed[line["review_id"]] = line["label"]
    lines[6]["label"] = lines[6]["given"]
    lines[7]["label"] = "six"
    _write(sheet, lines)
    assert "rows.csv:9: label 'six' is no class" in completed(project.penstock("review", "import", "rows.csv", RUN), 2)
    lines[7]["label"] = ""
    _write(sheet, lines)
    assert "7 answers recorded" in completed(project.penstock("review", "import", "rows.csv", RUN, "--by", "ann"), 0)
    assert "7 were on record" in completed(project.penstock("review", "import", "rows.csv", RUN), 0)

    printed = completed(project.penstock("review", "publish"), 0)
    assert "before     4,000 rows" in printed
    assert "after      4,000 rows" in printed
    assert "Every answer was published before" in completed(project.penstock("review", "publish"), 0)
    old = (folder / "data" / "span-2" / "reviews.tsv").read_bytes().split(b"\n")
    new = (folder / "data" / "span-3" / "reviews.tsv").read_bytes().split(b"\n")
    assert len(new) == len(old)
    different = [(one.split(b"\t"), other.split(b"\t")) for one, other in zip(old, new, strict=True) if one != other]
    found = {other[2].decode(): other[COLUMN_OF_LABEL].decode() for _, other in different}
    assert {review: label for review, label in found.items() if review in changed} == changed
    assert len(found) <= len(changed) + 1  # and at most the one that was labelled in the terminal
    for one, other in different:
        assert [cell for i, cell in enumerate(one) if i != COLUMN_OF_LABEL] == [
            cell for i, cell in enumerate(other) if i != COLUMN_OF_LABEL
        ]

    completed(project.penstock("run", "--run-id", "third", "--only", "ArrowExampleGen"), 0)
    from pipeline.metadata import LineageStore, single
    from pipeline.run_store import RunStore

    examples = single(LineageStore(RunStore(project.root).metadata_uri).outputs_of_run("third"), "examples")
    assert int(examples.properties["span"]) == 3
    assert int(examples.properties["rows_in"]) == 4000


def _write(path: Path, lines: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
