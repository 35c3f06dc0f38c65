import re

import pytest
from synthetic_store import SyntheticStore

from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.scope import scope
from pipeline.lineage.story import tell
from pipeline.lineage.target import find_target
from pipeline.lineage_page import drawing_of, page_of, write_page
from pipeline.metadata import LineageStore

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\u202e\x00😀' + "x" * 100_000


@pytest.fixture
def store(tmp_path):
    return SyntheticStore(tmp_path / "root")


def told(store, word):
    graph = LineageGraph.read(LineageStore(store.runs.metadata_uri))
    return tell(find_target(word, graph, store.runs, "reviews"), graph, store.runs), graph


def boxes_of(drawing):
    return set(re.findall(r'href="#((?:artifact|execution)-\d+)"', drawing))


def test_every_artifact_and_execution_is_a_box_that_leads_to_its_row(store):
    store.add_run("run-1")
    story, graph = told(store, "run-1")
    page = page_of(story, graph, downstream=False)
    names = boxes_of(page)
    assert len(names) == 10 + 7
    assert all(f'id="{name}"' in page for name in names)


def test_who_took_from_the_cache_stands_aside_for_who_made_it(store):
    first = store.add_run("run-1")
    examples = ("ArrowExampleGen", "examples")
    second = store.add_run("run-2", cached={examples: first.artifacts[examples]})
    story, graph = told(store, "run-2")
    names = boxes_of(drawing_of(scope(story, graph, downstream=False), graph))
    assert f"execution-{first.executions['ArrowExampleGen']}" in names
    assert f"execution-{second.executions['ArrowExampleGen']}" not in names


def test_a_large_lineage_is_drawn_without_artifacts_and_a_huge_one_is_told_in_tables(store):
    first = store.add_run("run-0")
    shared = {key: first.artifacts[key] for key in [("ArrowExampleGen", "examples"), ("ImportSchemaGen", "schema")]}
    for number in range(1, 30):
        store.add_run(f"run-{number}", cached=shared)
    story, graph = told(store, str(first.artifacts["ArrowExampleGen", "examples"]))
    assert drawing_of(scope(story, graph, downstream=True), graph) is not None
    names = boxes_of(drawing_of(scope(story, graph, downstream=True), graph))
    assert not [name for name in names if name.startswith("artifact")]
    for number in range(30, 45):
        store.add_run(f"run-{number}", cached=shared)
    story, graph = told(store, str(first.artifacts["ArrowExampleGen", "examples"]))
    assert drawing_of(scope(story, graph, downstream=True), graph) is None
    assert "too many to draw" in page_of(story, graph, downstream=True)


def test_nothing_in_the_store_becomes_markup_or_asks_for_anything(store, tmp_path):
    names = {"pushed_destination": HOSTILE, "pushed_version": HOSTILE, "fingerprint": HOSTILE}
    made = store.add_run("run-1", properties={("Pusher", "pushed_model"): names})
    store.add_reader("Approver", made.artifacts["Trainer", "model"], "approval", {"by": HOSTILE})
    story, graph = told(store, "run-1")
    write_page(tmp_path / "deep" / "page.html", story, graph, downstream=False)
    page = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "default-src &#39;none&#39;" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:,)', page)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["page.html"]
