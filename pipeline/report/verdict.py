"""The head of the page: what came of the run in one sentence, why, the figures that count, and what to do next."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup

from pipeline.report.states import shown_state
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, moment, number, seconds, size
from pipeline.run_store import AWAITING_APPROVAL, SUCCEEDED, RunRecord
from pipeline.summary import RunSummary

_SENTENCE = 300
"""Characters of a failure's message in the head; the node's part has all of it."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome in one sentence, its tone (good, busy, bad, quiet), reasons, and what to do next.

    `steps` are pairs: what to type (empty if nothing), and what that does.
    """

    sentence: str
    tone: str
    reasons: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]


_VERBS = (
    ("penstock run --resume", "penstock resume"),
    ("penstock report", "penstock status"),
    ("penstock run", "penstock submit"),
)
"""Of runs here, and what does the same for runs on a platform."""


def verdict_of(summary: RunSummary, runner: str = "") -> Verdict:
    """The verdict on a run, whatever became of it; `runner` is the platform that it is on, empty for none."""
    verdict = _verdict_of(summary)
    if not runner:
        return verdict
    return dataclasses.replace(verdict, steps=tuple((_on(runner, step), what) for step, what in verdict.steps))


def _on(runner: str, step: str) -> str:
    """The command for a run on that platform."""
    for here, there in _VERBS:
        if step == here or step.startswith(f"{here} "):
            step = step.replace(here, there, 1).replace(" --live", " --wait")
            break
    return f"{step} --runner {runner}" if step else step


def _verdict_of(summary: RunSummary) -> Verdict:
    run = summary.run
    if run.state == "RUNNING":
        return _running(run)
    if run.state in {"FAILED", "INTERRUPTED"}:
        return _stopped(run)
    if run.state == AWAITING_APPROVAL:
        return _waiting(summary)
    return _completed(summary)


def head(summary: RunSummary, figures: Markup, verdict: Verdict, root: Path, *, is_live: bool = False) -> Markup:
    """The page's header; the model's place is told relative to the folder of the store at `root`."""
    run = summary.run
    mark = {"good": "✓", "bad": "✕", "busy": "▶"}.get(verdict.tone, "○")
    live = tag("span", "live", class_="pn-state pn-busy live", role="status") if is_live else None
    reasons = tag("ul", *(tag("li", clipped(reason, 1000)) for reason in verdict.reasons)) if verdict.reasons else None
    sentence = tag("p", tag("span", f"{mark} ", aria_hidden="true"), verdict.sentence, class_="sentence")
    place = tag("code", near_root(summary.pushed_to, root)) if summary.pushed_to else None
    model = tag("p", "Model: ", place) if place else None
    return join(
        [
            tag("p", f"Run {run.run_id} · {moment(run.started_at)}", live, class_="eyebrow"),
            tag("h1", run.pipeline_name),
            tag("div", sentence, reasons, model, class_=f"verdict pn-{verdict.tone}"),
            figures,
            "" if is_live else _next(verdict),
        ]
    )


def facts(summary: RunSummary, headline: tuple[str, str, str] | None) -> Markup:
    """The figures in the head; `headline` is a metric's name, value and remark."""
    items = [("Run", shown_state(summary.run.state).word, duration_text(summary.run))]
    items += [headline] if headline else []
    items += list(_data_facts(summary))
    items += list(_cost_facts(summary.run))
    cells = [tag("div", tag("dt", name), tag("dd", value, tag("small", remark))) for name, value, remark in items]
    return tag("dl", *cells, class_="facts")


def duration_text(run: RunRecord) -> str:
    """How long the run took, from its first to its last moment."""
    import datetime

    if not run.ended_at:
        return "not ended" if run.state == "RUNNING" else "end not recorded"
    begin, end = (datetime.datetime.fromisoformat(time) for time in (run.started_at, run.ended_at))
    return f"in {seconds((end - begin).total_seconds())}"


def near_root(path: str, root: Path) -> str:
    """The path from the folder that holds the store, so that a report tells nothing of the machine it was made on."""
    home = root.resolve().parent
    return str(Path(path).relative_to(home)) if Path(path).is_relative_to(home) else path


def _data_facts(summary: RunSummary) -> Iterator[tuple[str, str, str]]:
    if rows := summary.rows.get("rows_in"):
        aside = summary.rows.get("rows_quarantined", 0)
        yield "Rows read", f"{rows:,}", f"{aside:,} set aside" if aside else "none set aside"
    if summary.anomalies is not None:
        stopping = sum(bool(item.get("stops")) for item in summary.anomalies)
        yield (
            "Anomalies",
            number(len(summary.anomalies)),
            f"{stopping} that stop the run" if stopping else "none that stop it",
        )


def _cost_facts(run: RunRecord) -> Iterator[tuple[str, str, str]]:
    saved = sum(node.state in {"CACHED", "REUSED"} for node in run.nodes)
    done = sum(node.state in SUCCEEDED for node in run.nodes)
    yield (
        "Nodes done",
        f"{done} of {len(run.node_ids)}",
        f"{saved} from the cache or another run" if saved else "none from the cache",
    )
    yield "Cost", seconds(sum(node.cpu_s for node in run.nodes)), "of processor time"
    if run.nodes:
        largest = max(run.nodes, key=lambda node: node.peak_memory_bytes)
        yield "Peak memory", size(largest.peak_memory_bytes), f"in {largest.node_id}"


def _next(verdict: Verdict) -> Markup:
    lines = [
        tag("li", tag("code", command), f" {what}" if what else "") if command else tag("li", what)
        for command, what in verdict.steps
    ]
    return tag("ul", *lines, class_="next", aria_label="What to do next") if lines else Markup("")


def _running(run: RunRecord) -> Verdict:
    busy = [node.node_id for node in run.nodes if node.state == "RUNNING"]
    done = sum(node.state in SUCCEEDED for node in run.nodes)
    at_work = f"; {_listed(busy)} {'is' if len(busy) == 1 else 'are'} at work" if busy else ""
    sentence = f"The run is under way: {done} of {counted(len(run.node_ids), 'node')} done{at_work}."
    return Verdict(sentence, "busy", (), ((f"penstock report {run.run_id} --live", "shows it while it goes"),))


def _stopped(run: RunRecord) -> Verdict:
    failed = [node for node in run.nodes if node.state == "FAILED"]
    done = sum(node.state in SUCCEEDED for node in run.nodes)
    again = (f"penstock run --resume {run.run_id}", "continues it; what is done is not repeated")
    if not failed:
        sentence = f"The run was interrupted after {done} of {counted(len(run.node_ids), 'node')}; nothing was pushed."
        return Verdict(sentence, "bad", (), (again,))
    sentence = f"The run failed in {_listed([node.node_id for node in failed])}, so nothing was pushed."
    reasons = tuple(f"{node.node_id}: {clipped(node.failure or 'no message was left', _SENTENCE)}" for node in failed)
    logs = tuple((f"penstock logs {node.node_id} --run {run.run_id}", "prints its whole log") for node in failed)
    return Verdict(sentence, "bad", reasons, (*logs, again))


def _waiting(summary: RunSummary) -> Verdict:
    run_id = summary.run.run_id
    steps = (
        (f"penstock approve {run_id} --reason WHY", "pushes the model; nothing is computed again"),
        (f"penstock reject {run_id} --reason WHY", "ends the run without a push"),
    )
    sentence = "The model passed every gate and waits for a person's approval."
    return Verdict(sentence, "busy", (*summary.approval_reasons, *summary.reasons), steps)


def _completed(summary: RunSummary) -> Verdict:
    run = summary.run
    again = ("penstock run", "after changing what is named above; what is unchanged comes from the cache")
    if summary.pushed_to:
        steps = (
            (f"penstock lineage {Path(summary.pushed_to).name}", "shows what the model was made of"),
            *_promotion(summary),
            ("penstock run", "again: what is unchanged comes from the cache"),
        )
        return Verdict("The model was trained, blessed and pushed.", "good", summary.reasons, steps)
    if summary.blessed is False:
        return Verdict("The model was not blessed, so it was not pushed.", "bad", summary.reasons, (again,))
    if summary.servable is False:
        reasons = (*summary.serving_reasons, *summary.reasons)
        return Verdict("The model is good enough but cannot be served, so it was not pushed.", "bad", reasons, (again,))
    if summary.approved is False:
        sentence = "The model was not approved, so it was not pushed."
        return Verdict(sentence, "bad", summary.approval_reasons, (again,))
    if summary.blessed:
        return Verdict(
            "The model was trained and blessed; this run did not push it.", "good", summary.reasons, (again,)
        )
    left = [node_id for node_id in run.node_ids if (node := run.node(node_id)) is None or node.state == "NOT_RUN"]
    omitted = f" ({counted(len(left), 'node')} left out)" if left else ""
    sentence = f"What was asked for is done; no model was judged{omitted}."
    return Verdict(sentence, "quiet", (), (again,))


def _promotion(summary: RunSummary) -> list[tuple[str, str]]:
    """How the run's version goes on, if it is a candidate still."""
    found = summary.registered
    if found is None or found.stage != "candidate":
        return []
    return [(f"penstock promote {found.document.version} --to staging --reason WHY", "moves it on in the registry")]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
