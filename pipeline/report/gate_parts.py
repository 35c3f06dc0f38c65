"""What the gates decided, as HTML: each gate's verdict, what failed and what to do, and the waivers in force."""

from collections.abc import Mapping

from markupsafe import Markup

from components.gate.verdict import Finding, Verdict
from pipeline.readers.run_view import Reading
from pipeline.report.section import fold, part
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted

_SENTENCE = 1000


def gates_view(gates: Mapping[str, Reading[Verdict]]) -> Markup:
    """All gates of a run, by node."""
    columns = (
        Column("gate"),
        Column("verdict"),
        Column("checks", numeric=True),
        Column("failed", numeric=True),
        Column("warnings", numeric=True),
        Column("waived", numeric=True),
        Column("remarks", wide=True),
    )
    known = [(node_id, reading.value) for node_id, reading in gates.items() if reading.value is not None]
    unread = [tag("p", reading.reason) for reading in gates.values() if reading.value is None]
    rows = [_gate_row(node_id, verdict) for node_id, verdict in known]
    return join(
        [
            table(columns, rows, caption="Gates of this run", sortable=False),
            *unread,
            *(_failures(node_id, verdict) for node_id, verdict in known),
            _waivers([verdict for _, verdict in known]),
        ]
    )


def verdict_view(verdict: Verdict) -> Markup:
    """One gate's verdict with every check that it made."""
    columns = (
        Column("check"),
        Column("result"),
        Column("where"),
        Column("rows", numeric=True),
        Column("demanded"),
        Column("what was measured", wide=True),
    )
    rows = [
        (
            clipped(finding.check, 120),
            _result(finding),
            clipped(finding.where, 60),
            None if finding.rows is None else f"{finding.rows:,}",
            finding.demanded,
            clipped(finding.sentence, _SENTENCE),
        )
        for finding in verdict.findings
    ]
    said = tag("p", _badge(verdict), f" {verdict_sentence(verdict)}")
    missing = [tag("p", f"Evidence missing: {sentence}") for sentence in verdict.missing]
    remarks = [tag("p", clipped(sentence, _SENTENCE), class_="note") for sentence in verdict.remarks]
    checks = table(columns, rows, caption=f"Checks of {verdict.gate}") if rows else ""
    return join([said, *missing, *remarks, checks])


def verdict_sentence(verdict: Verdict) -> str:
    """How many checks there were and what came of them."""
    if not verdict.findings:
        return "There was nothing to check." if verdict.passed else "The evidence is not complete."
    told = [
        (len(verdict.refusing), "that refuse"),
        (len(verdict.warnings), "that warn"),
        (len(verdict.waived), "waived"),
        (sum(finding.passed is None for finding in verdict.findings), "not decided"),
    ]
    failed = ", ".join(f"{count} {what}" for count, what in told if count)
    return f"{counted(len(verdict.findings), 'check')}: {failed or 'all passed'}."


def _gate_row(node_id: str, verdict: Verdict) -> tuple[object, ...]:
    return (
        node_id,
        _badge(verdict),
        len(verdict.findings),
        len(verdict.refusing),
        len(verdict.warnings),
        len(verdict.waived),
        " ".join(clipped(sentence, 200) for sentence in (*verdict.missing, *verdict.remarks)[:3]),
    )


def _badge(verdict: Verdict) -> Markup:
    word, tone = ("✓ passed", "good") if verdict.passed else ("✕ refused", "bad")
    if verdict.passed and verdict.warnings:
        word, tone = "! passed with warnings", "busy"
    return tag("span", word, class_=f"pn-state pn-{tone}")


def _result(finding: Finding) -> Cell:
    if finding.passed:
        return Cell("✓ passed", order=3)
    if finding.passed is None:
        return Cell("not decided", order=2)
    if finding.waiver is not None:
        return Cell(f"waived until {finding.waiver.expires}", order=1)
    return Cell("✕ refuses", order=0, tone="bad") if finding.refuses else Cell("! warns", order=1, tone="busy")


def _failures(node_id: str, verdict: Verdict) -> Markup:
    failed = [finding for finding in verdict.findings if finding.passed is False]
    if not failed:
        return Markup("")
    items = [tag("li", _failure(finding)) for finding in failed[:20]]
    more = tag("p", f"… and {len(failed) - 20} more", class_="note") if len(failed) > 20 else ""
    shown = join([tag("ul", *items), more])
    if verdict.refusing:
        return part(f"{node_id} refuses", shown)
    return fold(f"{node_id}: {counted(len(failed), 'failed check')} that did not refuse", shown, key=f"gate-{node_id}")


def _failure(finding: Finding) -> Markup:
    advice = f" {finding.advice}" if finding.advice and finding.waiver is None else ""
    late = f" Its waiver expired on {finding.expired.expires}: {finding.expired.reason}" if finding.expired else ""
    return join([tag("code", clipped(finding.check, 200)), f": {clipped(finding.sentence, _SENTENCE)}{advice}{late}"])


def _waivers(verdicts: list[Verdict]) -> Markup:
    rows = [
        (verdict.gate, clipped(finding.check, 120), str(finding.waiver.expires), clipped(finding.waiver.reason, 300))
        for verdict in verdicts
        for finding in verdict.waived
        if finding.waiver is not None
    ]
    if not rows:
        return Markup("")
    columns = (Column("gate"), Column("check"), Column("until"), Column("reason", wide=True))
    return part("Waivers in force", table(columns, rows, caption="Waivers in force"))
