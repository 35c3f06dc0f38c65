"""The notebooks, executed against real runs: their figures must be those of the files behind them."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from browser import browser, chromium_or_skip, tab
from notebook_runs import ROOT, execute, shown, streams
from run_folders import RunFolder

pytestmark = pytest.mark.integration

FOLDER = ROOT / "notebooks"
READ_EVERYTHING = """
from pipeline.workbench import open_project
project = open_project({root!r})
run = project.run("first")
parts = [project, run, run.artifacts, run.examples, run.statistics, run.schema, run.transform, run.tuning]
parts += [run.training, run.evaluation, run.serving, run.lineage, project.compare("first", "second")]
assert all(part._repr_html_() and len(part.frame) for part in parts)
print(run.artifacts.frame["uri"].iloc[0], len(run.examples.rows()))
"""
NAMES = ["01_explore_data", "02_inspect_run", "03_analyse_model", "04_compare_runs_and_lineage"]


@pytest.fixture(scope="module")
def executed(two_runs, tmp_path_factory):
    """Each notebook with its outputs on run `second`, compared with `first`; and what the root looked like before."""
    scratch = tmp_path_factory.mktemp("notebooks")
    config = two_runs.config.with_name("notebooks.yaml")
    config.write_text(two_runs.config.read_text().replace("name: reviews", f"name: reviews, root: {two_runs.root}"))
    runs = {"PENSTOCK_CONFIG": str(config), "PENSTOCK_RUN": "second", "PENSTOCK_BASE": "first"}
    before = listing(two_runs.root)
    notebooks = {name: execute(FOLDER / f"{name}.ipynb", scratch, **runs, PENSTOCK_SAMPLE="200") for name in NAMES}
    return notebooks, before


def listing(folder):
    """Every file below the folder with its size and when it was changed."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def rows_of_span(project, span):
    path = project.config.parent / "data" / f"span-{span}" / "reviews.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def line_of(text, start):
    """The words of the line that starts like this."""
    (line,) = [line for line in text.splitlines() if re.match(rf"\s*{re.escape(start)}(\s+[-\dTF]|$)", line)]
    return line.split()


def test_looking_writes_nothing(two_runs, executed):
    _, before = executed
    assert listing(two_runs.root) == before


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_there_and_nothing_else_is_printed(executed, name):
    notebook = executed[0][name]
    assert streams(notebook) == []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.data.get("text/html") or output.data["text/plain"]
            assert "not there" not in output.data["text/plain"].splitlines()[0], cell.id


def test_explored_ratings_are_those_of_the_file(two_runs, executed):
    stars = defaultdict(list)
    for row in rows_of_span(two_runs, 2):
        stars[row["product_category"]].append(int(row["star_rating"]))
    text = shown(executed[0]["01_explore_data"], "rating-by-category")
    for category, found in stars.items():
        words = line_of(text, f"{category} ({len(found):,})")
        assert float(words[-2]) == pytest.approx(sum(found) / len(found), abs=1e-4)


def test_explored_customers_are_those_of_the_file(two_runs, executed):
    customers = defaultdict(int)
    for row in rows_of_span(two_runs, 2):
        customers[row["customer_id"]] += 1
    text = shown(executed[0]["01_explore_data"], "customers")
    assert float(line_of(text, "customers")[-1]) == len(customers)
    assert float(line_of(text, "reviews of the most eager customer")[-1]) == max(customers.values())
    assert float(line_of(text, "customers in more than one split")[-1]) == 0, "the rows are split by customer"


def test_the_drift_that_was_made_is_found(two_runs, executed):
    shares = []
    for span in (1, 2):
        rows = rows_of_span(two_runs, span)
        categories = [row["product_category"] for row in rows]
        shares.append({name: categories.count(name) / len(rows) for name in set(categories)})
    moved = max(abs(shares[0].get(name, 0) - shares[1].get(name, 0)) for name in {**shares[0], **shares[1]})
    words = line_of(shown(executed[0]["01_explore_data"], "drift"), "product_category")
    assert words[1] == "True", "it moved by more than chance explains"
    assert float(words[2]) == pytest.approx(moved, abs=0.03), "the train split is seven in ten of these rows"
    assert line_of(shown(executed[0]["01_explore_data"], "drift"), "vine")[1] == "False"
    assert "product_category" in shown(executed[0]["01_explore_data"], "farthest").splitlines()[0]
    for column in ("product_category", "star_rating", "vine"):
        assert line_of(shown(executed[0]["01_explore_data"], "splits"), column)[1] == "False", "drawn by customer"


def test_the_inspected_run_is_the_one_asked_for(two_runs, executed):
    notebook = executed[0]["02_inspect_run"]
    record = json.loads((two_runs.root / "runs" / "second" / "run.json").read_text())
    text = shown(notebook, "run")
    for node in record["nodes"]:
        assert node["node_id"] in text
    terms = two_runs.artifact("second", "Transform", "transform_graph") / "transform_fn/assets/vocabulary_review_body"
    size = len(terms.read_bytes().splitlines())
    assert f"{size:,}" in shown(notebook, "transform", "text/html")
    history = json.loads((two_runs.artifact("second", "Trainer", "model_run") / "history.json").read_text())
    last = line_of(shown(notebook, "training"), str(len(history["epochs"])))
    assert float(last[-1]) == pytest.approx(history["epochs"][-1]["val_loss"], abs=1e-5)


def test_the_model_answers_here_as_it_did_in_the_run(two_runs, executed):
    blessing = two_runs.artifact("second", "Evaluator", "blessing")
    accuracy = json.loads((blessing / "decision.json").read_text())["metrics"]["accuracy"]
    text = shown(executed[0]["03_analyse_model"], "judged")
    assert float(line_of(text, "asked here")[-1]) == pytest.approx(accuracy, abs=1e-6)
    assert float(line_of(text, "Evaluator")[-1]) == pytest.approx(accuracy, abs=1e-6)


def test_the_model_goes_by_the_texts(executed):
    lines = shown(executed[0]["03_analyse_model"], "importance").splitlines()
    order = [line.split()[0] for line in lines[3:]]
    # The sample's ratings are made from words of both texts, more of them in the body.
    assert order[:2] == ["review_body", "review_headline"]


def test_the_worst_answers_are_wrong_and_surest_first(executed):
    notebook = executed[0]["03_analyse_model"]
    rows = [line.split() for line in shown(notebook, "worst").splitlines()[2:]]
    losses = [float(row[3]) for row in rows]
    assert len(rows) == 10
    assert losses == sorted(losses, reverse=True)
    assert all(row[0] != row[1] for row in rows)
    assert 'title="' in shown(notebook, "occlusion", "text/html")


def test_the_confusion_matrix_counts_every_row(two_runs, executed):
    blessing = two_runs.artifact("second", "Evaluator", "blessing")
    rows = json.loads((blessing / "decision.json").read_text())["metrics"]["example_count"]
    text = shown(executed[0]["03_analyse_model"], "confusion")
    numbers = [int(word) for line in text.splitlines()[3:] for word in line.split()[1:]]
    assert sum(numbers) == rows


def test_compared_runs_differ_in_what_was_changed(two_runs, executed):
    notebook = executed[0]["04_compare_runs_and_lineage"]
    values = []
    for run_id in ("first", "second"):
        blessing = two_runs.artifact(run_id, "Evaluator", "blessing")
        values.append(json.loads((blessing / "decision.json").read_text())["metrics"]["accuracy"])
    words = line_of(shown(notebook, "compare"), "accuracy")
    assert [float(word) for word in words[1:4]] == pytest.approx([*values, values[1] - values[0]], abs=1e-5)
    html = shown(notebook, "compare", "text/html")
    assert "training.epochs" in html
    assert "training.batch_size" not in html


def test_the_lineage_names_the_data_and_the_pushed_model(two_runs, executed):
    text = shown(executed[0]["04_compare_runs_and_lineage"], "lineage")
    assert "span-2/reviews.tsv" in text
    assert str(two_runs.pushed_versions("reviews")[-1]) in text
    assert "Trainer" in shown(executed[0]["04_compare_runs_and_lineage"], "lineage", "text/html")


@pytest.mark.parametrize("name", NAMES)
def test_a_failed_run_is_shown_with_its_reason(tmp_path, name):
    failed = RunFolder(tmp_path / "root", state="FAILED", node_ids=("ArrowExampleGen", "Trainer"))
    failed.add_node("ArrowExampleGen", "FAILED", "line 7 of customers.csv has 3 columns")
    failed.add_node("Trainer", "NOT_RUN", "ArrowExampleGen failed")
    notebook = execute(FOLDER / f"{name}.ipynb", tmp_path / "jupyter", PENSTOCK_CONFIG=str(tmp_path / "root"))
    texts = [output.data["text/plain"] for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("not there" in text for text in texts)
    reasons = {"01": "line 7 of customers.csv", "02": "line 7 of customers.csv", "03": "failed", "04": "only one run"}
    assert any(reasons[name[:2]] in text for text in texts)
    assert streams(notebook) == []


@pytest.mark.parametrize("name", NAMES)
def test_another_pipelines_run_is_shown_whole(rents, tmp_path, name):
    project, _ = rents
    run_id = project.latest()["run_id"]
    runs = {"PENSTOCK_CONFIG": str(project.root), "PENSTOCK_RUN": run_id, "PENSTOCK_BASE": run_id}
    notebook = execute(FOLDER / f"{name}.ipynb", tmp_path / "jupyter", **runs, PENSTOCK_SAMPLE="50")
    assert streams(notebook) == []
    if name == "01_explore_data":
        assert "they have no column product_category" in shown(notebook, "rating-by-category")
        assert "area_m2" in shown(notebook, "statistics")
    if name == "03_analyse_model":
        error = project.decision()["metrics"]["mean_absolute_error"]
        assert float(line_of(shown(notebook, "judged"), "asked here")[-1]) == pytest.approx(error, rel=1e-4)
        assert shown(notebook, "importance").splitlines()[3].split()[0] == "area_m2"


def test_a_copy_that_nobody_may_write_to_is_read(two_runs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(two_runs.root, copy)
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = listing(copy)
    code = READ_EVERYTHING.format(root=str(copy))
    command = [*_without_the_superusers_rights(), sys.executable, "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    uri, rows = done.stdout.split()
    assert Path(uri).is_relative_to(copy), "the copy is read, not the original"
    assert int(rows) == len(rows_of_span(two_runs, 1))
    assert listing(copy) == before


def _without_the_superusers_rights():
    """What to put before a command so that the modes of files bind it, whoever runs the tests."""
    return ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def page(executed, tmp_path_factory):
    """Notebook 03 as nbconvert's HTML page."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="lab")
    exporter.require_js_url = exporter.mathjax_url = ""
    body, _ = exporter.from_notebook_node(executed[0]["03_analyse_model"])
    path = tmp_path_factory.mktemp("page") / "analyse.html"
    path.write_text(body, encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_rendered_notebook_can_be_read_in_a_browser(page, scheme):
    path = chromium_or_skip()
    with browser(path) as started, tab(started, page.as_uri(), color_scheme=scheme) as opened:
        assert opened.requests == []
        assert opened.complaints == []
        title = opened.page.locator(".pn-cell .pn-title").first
        assert "Evaluation" in title.inner_text()
        colours = title.evaluate(
            "e => [getComputedStyle(e).color, getComputedStyle(e.closest('.pn-cell')).backgroundColor]"
        )
        text, ground = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        # The page is light whatever the machine prefers, and so is what stands in it.
        assert text < 200 < 700 < ground
        assert opened.page.locator(".pn-cell svg").count() > 5
        assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
