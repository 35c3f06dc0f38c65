from whole_run import fail, whole_run

from components.evaluator.analysis import Interval
from pipeline.diff.compare import compare
from pipeline.diff.document import Difference, MetricChange, MetricPart, Part
from pipeline.readers.run_view import RunView
from pipeline.report.diff_page import diff_page, metrics_view, part_view


def compared(before, after):
    return compare(RunView.open(before.store, "run-1"), RunView.open(after.store, "run-1"))


def change(**fields):
    known = {
        "metric": "accuracy",
        "slice": "",
        "before": Interval(0.8),
        "after": Interval(0.7),
        "change": Interval(-0.1, -0.2, -0.05),
    }
    return MetricChange(**{**known, "is_better": False, "exceeds_noise": True, **fields})


def test_what_differs_is_shown_and_what_does_not_is_folded():
    part = Part("configuration", (Difference.of("epochs", 2, 4), Difference.of("seed", 1, 1)))
    markup = part_view(part, key="configuration")
    shown, folded = str(markup).split("<details")
    assert "epochs" in shown
    assert "seed" not in shown
    assert "1 row the same" in folded


def test_a_part_in_which_nothing_differs_says_so():
    assert "Nothing differs." in part_view(Part("schema", (Difference.of("a", 1, 1),)), key="schema")


def test_better_and_worse_are_said_only_beyond_noise():
    part = MetricPart((change(), change(exceeds_noise=False), change(exceeds_noise=None)), (), "paired", same_rows=True)
    markup = metrics_view(part)
    assert markup.count("✕ worse, beyond noise") == 1
    assert markup.count(">within noise<") == 1
    assert markup.count("worse; noise not known") == 1


def test_two_runs_have_a_page_that_names_both(tmp_path):
    text = diff_page(compared(whole_run(tmp_path / "a"), whole_run(tmp_path / "b", ("other",))))
    assert text.count("<section") == 8
    assert "<small>complete, 2026-01-02 03:04:05 UTC</small>" in text


def test_a_run_that_lacks_a_part_says_why(tmp_path):
    failed = whole_run(tmp_path / "b")
    fail(failed, "ArrowExampleGen", "the file is gone")
    for name in ("StatisticsGen", "Evaluator"):
        for path in (tmp_path / "b" / "artifacts" / name).rglob("*.*"):
            if path.is_file():
                path.unlink()
    assert "cannot be read" in diff_page(compared(whole_run(tmp_path / "a"), failed))
