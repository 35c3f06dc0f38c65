"""The report in a real browser: it asks for nothing, complains of nothing, fits its screen; hostile data is inert."""

import contextlib
import dataclasses
import datetime
import html
import json
import threading

import pytest
from browser import browser, chromium_or_skip, tab
from kubeflow_node import card_of
from playwright.sync_api import expect
from projects import completed
from run_folders import RunFolder
from whole_run import UPSTREAM, fail, whole_run

from pipeline.diff.compare import compare
from pipeline.readers.run_view import RunView
from pipeline.report.diff_page import diff_page
from pipeline.report.live import LivePage, LiveServer, serve
from pipeline.report.write import write_report
from pipeline.run_store import NodeRecord, RunStore

pytestmark = pytest.mark.integration

CHROMIUM = chromium_or_skip()
expect.set_options(timeout=60_000)  # a busy machine takes longer than the 5 s that they wait otherwise
PHONE = {"width": 380, "height": 800}
DESK = {"width": 1320, "height": 900}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onmouseover='alert(3)",
    "</title></svg></style></script><script>alert(4)</script>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "javascript:alert(5)",
    "https://evil.example/x.png",
    "user\u202egpj.exe",
    "שלום עולם",
    "👩‍🔬🧪",
    "nul\x00tab\tend",
    "long" * 25_000,
    "w o r d s " * 10_000,
)
CARDS = {
    "StatisticsGen": ("Statistics", "What it made"),
    "ValidationGate": ("Gates", "What it made"),
    "Trainer": ("Training", "Model", "What it made"),
    "Evaluator": ("Metrics", "Slices", "Confusion matrix", "What it made"),
}
"""Node → headings of its card."""

PROGRESS = {
    "event": "node_progress", "node_id": "Trainer", "done": 2, "total": 5, "unit": "epochs", "metrics": {"loss": 0.5},
    "message": HOSTILE[0],
}  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    with browser(CHROMIUM) as started:
        yield started


@pytest.fixture(scope="module")
def real(two_runs):
    """The report of the second real run."""
    told = completed(two_runs.penstock("report", "second"), 0)
    path = two_runs.root / "runs" / "second" / "report" / "index.html"
    assert told.splitlines()[-1].endswith("runs/second/report/index.html")
    return path.resolve().as_uri()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    run = whole_run(tmp_path_factory.mktemp("hostile"), HOSTILE)
    return write_report(run.store, "run-1").as_uri()


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    run = whole_run(tmp_path_factory.mktemp("failed"), HOSTILE)
    fail(run, "Trainer", "\n".join(HOSTILE))
    return write_report(run.store, "run-1").as_uri()


@pytest.fixture(scope="module")
def difference(two_runs, tmp_path_factory):
    """The page of what differs between the two real runs."""
    path = tmp_path_factory.mktemp("diff") / "diff.html"
    completed(two_runs.penstock("diff", "first", "second", "--html", str(path)), 0)
    return path.as_uri()


@pytest.fixture(scope="module")
def hostile_difference(tmp_path_factory):
    before, after = (
        whole_run(tmp_path_factory.mktemp(name), texts) for name, texts in (("a", HOSTILE), ("b", HOSTILE[::-1]))
    )
    found = compare(RunView.open(before.store, "run-1"), RunView.open(after.store, "run-1"))
    path = tmp_path_factory.mktemp("diff") / "diff.html"
    path.write_text(diff_page(found), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(params=["real", "hostile", "failed", "difference", "hostile_difference"])
def url(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits_its_screen(chromium, url, scheme, viewport):
    with tab(chromium, url, viewport=viewport, color_scheme=scheme) as opened:
        opened.page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        opened.page.mouse.move(200, 300)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert opened.complaints == []
        assert opened.requests == []


def test_colours_follow_the_readers_scheme_and_have_contrast(chromium, real):
    grounds = []
    for scheme in ("light", "dark"):
        with tab(chromium, real, viewport=DESK, color_scheme=scheme) as opened:
            grounds.append(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
            low = opened.page.evaluate(LOW_CONTRAST)
            assert low == [], f"{scheme}: {low[:5]}"
    assert grounds[0] != grounds[1]


def test_every_drawing_every_input_and_every_table_has_a_name(chromium, real):
    with tab(chromium, real, viewport=DESK) as opened:
        count = opened.page.evaluate("document.querySelectorAll('svg').length")
        assert count > 10
        nameless = "svg:not([role=img]), svg:not(:has(> title)), table:not(:has(> caption))"
        assert opened.page.locator(nameless).count() == 0
        assert (
            opened.page.evaluate("[...document.querySelectorAll('input')].filter((i) => !i.labels.length).length") == 0
        )
        assert opened.page.evaluate("document.querySelectorAll('main, nav, header').length") == 3
        ids = opened.page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(ids) == len(set(ids))
        links = opened.page.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.getAttribute('href').slice(1))"
        )
        assert set(links) <= set(ids)


def test_everything_can_be_read_without_script(chromium, real):
    with tab(chromium, real, viewport=DESK, java_script_enabled=False) as opened:
        text = opened.page.inner_text("body")
        assert "was trained, blessed and pushed" in text
        opened.page.click("details.feature >> nth=0")
        assert opened.page.inner_text("details.feature >> nth=0 >> .feature-body").strip()
        assert not opened.page.is_visible(".filter")


def test_it_prints(chromium, real, tmp_path):
    with tab(chromium, real, viewport=DESK, color_scheme="dark") as opened:
        printed = opened.page.pdf(format="A4", print_background=True)
    assert printed.startswith(b"%PDF")
    assert len(printed) > 50_000
    with tab(chromium, real, viewport={"width": 700, "height": 990}, color_scheme="dark") as opened:
        opened.page.emulate_media(media="print", color_scheme="dark")
        assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not opened.page.is_visible("nav.contents")


ABSENT = {
    "This pipeline has no BiasEvaluator",
    "This pipeline has no DistributionValidator",
    "The training rows are used as they are: balancing.method is none",
}
"""What the pipeline of `two_runs` leaves out."""


def test_the_real_run_is_told_in_full(chromium, real, two_runs):
    with tab(chromium, real, viewport=DESK) as opened:
        text = opened.page.inner_text("body")
        absent = opened.page.evaluate("[...document.querySelectorAll('.absence')].map((e) => e.textContent)")
        assert {sentence.rstrip(".") for sentence in absent} == ABSENT
        for node_id in two_runs.node_states():
            assert opened.page.is_visible(f"#node-{node_id}")
        version = two_runs.pushed_versions("reviews")[-1].name
        assert f"pushed/reviews/{version}" in text
        assert "4,000" in text
        href = opened.page.get_attribute("#node-Trainer a[href]", "href")
        opened.page.goto(real.replace("index.html", href))
        assert "Trainer" in opened.page.inner_text("body") or opened.page.inner_text("body").strip()


def test_what_differs_between_two_real_runs_is_told(chromium, difference):
    with tab(chromium, difference, viewport=DESK) as opened:
        assert "training.epochs" in opened.page.inner_text("#configuration")
        drifted = opened.page.locator("#statistics .feature-name").all_inner_texts()
        assert "product_category" in drifted  # the second run's data was made with another mix
        assert "accuracy" in opened.page.inner_text("#metrics")


def test_features_can_be_filtered_and_tables_sorted(chromium, real):
    with tab(chromium, real, viewport=DESK) as opened:
        opened.page.fill("#features-filter", "REVIEW_BODY")
        assert opened.page.locator("details.feature:visible").count() == 1
        heading = opened.page.locator("#run table th", has_text="wall").locator("button")
        heading.press("Enter")
        times = opened.page.eval_on_selector_all(
            "#run tbody tr td:nth-child(3)", "(cells) => cells.map((c) => Number(c.dataset.order))"
        )
        assert times == sorted(times)
        heading.press("Enter")
        times = opened.page.eval_on_selector_all(
            "#run tbody tr td:nth-child(3)", "(cells) => cells.map((c) => Number(c.dataset.order))"
        )
        assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("name", ["hostile", "failed", "hostile_difference"])
def test_hostile_texts_are_inert_and_visible(chromium, name, request):
    with tab(chromium, request.getfixturevalue(name), viewport=DESK) as opened:
        assert opened.page.locator("script").count() == 1
        assert opened.page.locator("img, iframe, object, embed, form, link[rel=stylesheet]").count() == 0
        opened.page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        text = opened.page.inner_text("body")
        for shown in (
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(2)>',
            "{{ 7 * 7 }}",
            "user[U+202E]gpj.exe",
            "שלום עולם",
            "👩‍🔬🧪",
            "nul␀tab",
            "… (100,000 characters)",
        ):
            assert shown in text
        assert opened.complaints == []
        assert opened.requests == []


@pytest.mark.parametrize("name", ["real", "hostile"])
def test_cards_for_kubeflows_ui_are_whole_in_its_box_without_script(chromium, tmp_path, name, request):
    if name == "real":
        store, run_id = RunStore(request.getfixturevalue("two_runs").root), "second"
    else:
        store, run_id = whole_run(tmp_path / "run", HOSTILE).store, "run-1"
    for node_id, said in CARDS.items():
        card = html.escape(card_of(store, run_id, node_id))
        page = tmp_path / f"{node_id}.html"
        page.write_text(
            f'<iframe sandbox="allow-scripts" style="width: 700px; height: 600px" srcdoc="{card}"></iframe>'
        )
        with tab(chromium, page.as_uri(), viewport=DESK, java_script_enabled=False) as opened:
            box = opened.page.frame_locator("iframe")
            expect(box.locator("h1")).to_have_text(node_id)
            for title in said:
                expect(box.get_by_role("heading", name=title, exact=True)).to_be_visible()
            assert box.locator("body").evaluate("body => body.ownerDocument.documentElement.scrollWidth") <= 700
            assert opened.complaints == []
            assert opened.requests == []


def test_a_live_page_follows_the_run_and_keeps_what_its_reader_opened(chromium, tmp_path):
    run = whole_run(tmp_path, ("no", "yes"))
    ended = run.record
    running = dataclasses.replace(ended, state="RUNNING", ended_at=None, nodes=ended.nodes[:3])
    place = "document.getElementById('statistics').getBoundingClientRect().top"
    with (
        run.store.lock("run-1", wait=False),
        following(run, running) as server,
        tab(chromium, server.address, offline=False, viewport=DESK) as opened,
    ):
        expect(opened.page.locator("#top .live")).to_have_text("live")
        expect(opened.page.locator("#top")).to_contain_text(f"3 of {len(UPSTREAM)} nodes done")
        opened.page.click("details.feature >> nth=0")
        opened.page.evaluate("document.getElementById('statistics').scrollIntoView()")
        before = opened.page.evaluate(place)
        run.store.events_path("run-1").write_text(json.dumps(PROGRESS) + "\n")
        expect(opened.page.locator("#now")).to_contain_text("2 of 5 epochs")
        run.store.write(running.with_node(NodeRecord("Transform", "RUNNING", started_at=_now())))
        expect(opened.page.locator("#run")).to_contain_text("running")
        assert opened.page.evaluate("document.querySelector('details.feature').open")
        assert abs(opened.page.evaluate(place) - before) < 2
        run.store.write(ended)
        expect(opened.page.locator("#top .live")).to_have_text("the run has ended")
        assert "The model was trained, blessed and pushed." in opened.page.inner_text("#top")
        assert opened.complaints == []
        assert {request.partition("?")[0] for request in opened.requests} == {f"{server.address}live.json"}


def test_a_page_whose_server_has_gone_says_so(chromium, tmp_path):
    run = RunFolder(tmp_path, state="RUNNING", node_ids=("A",))
    with run.store.lock("run-1", wait=False):
        server = LiveServer(LivePage(run.store, "run-1"), 0)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with tab(chromium, server.address, offline=False, viewport=DESK) as opened:
            server.shutdown()
            server.server_close()
            thread.join()
            told = "no longer renewed: the server has ended"
            expect(opened.page.locator("#top .live")).to_have_text(told, timeout=60_000)


@contextlib.contextmanager
def following(run, record):
    """A server that follows the run until its record says that it has ended."""
    run.store.write(record)
    server = LiveServer(LivePage(run.store, "run-1"), 0)
    thread = threading.Thread(target=serve, args=(server, lambda _: None), kwargs={"look_every_s": 0.05})
    thread.start()
    yield server
    thread.join(timeout=60)
    assert not thread.is_alive()


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat()


LOW_CONTRAST = """
() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
      if (colour[3] > 0) return null;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *:not(script):not(style)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || element.closest("svg") || element.closest(".pn-unseen")) continue;
    const under = ground(element);
    if (!under) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(under)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${element.outerHTML.slice(0, 60)} ${ratio.toFixed(2)}`);
  }
  return found;
}
"""
