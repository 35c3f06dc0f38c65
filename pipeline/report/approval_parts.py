"""The approval as HTML: the answer and who gave it, why a person was asked, every decision, the evidence's digests."""

from collections.abc import Mapping

from markupsafe import Markup

from components.ledger.ledger import Entry
from components.model_approval.document import ApprovalDocument
from pipeline.readers.approval import Approval
from pipeline.report.section import fold, note
from pipeline.report.table import Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped

_BY = {"gates": "refused by gates", "rules": "decided by the rules", "people": "decided by people"}


def approval_view(approval: Approval) -> Markup:
    """Everything that is known of the approval of a run's model."""
    document, request = approval.document, approval.request
    asked = document.asked_because if document else tuple(request.content["reasons"]) if request else ()
    evidence = document.evidence if document else request.content["evidence"] if request else {}
    digest = document.model_digest if document else request.content["model_digest"] if request else ""
    return join(
        [
            tag("p", *_answer(document)),
            _list("A person was asked because", asked),
            _decisions(approval.decisions),
            note(approval.problem) if approval.problem else "",
            _evidence(digest, evidence),
            note("As of when this page was written; now: penstock approvals."),
        ]
    )


def _answer(document: ApprovalDocument | None) -> list[object]:
    if document is None:
        return [tag("span", "⧗ awaiting approval", class_="pn-state pn-busy"), " A person must decide."]
    word, tone = ("✓ approved", "good") if document.approved else ("✕ not approved", "bad")
    until = f" Approvals expire on {document.valid_until}." if document.valid_until else ""
    reasons = clipped(" ".join(document.reasons), 2000)
    said = f" {_BY[document.decided_by]}. {reasons}{until}"
    return [tag("span", word, class_=f"pn-state pn-{tone}"), said]


def _list(title: str, sentences: tuple[str, ...]) -> Markup:
    if not sentences:
        return Markup("")
    items = [tag("li", clipped(sentence, 1000)) for sentence in sentences[:20]]
    more = note(f"… and {len(sentences) - 20} more.") if len(sentences) > 20 else ""
    return join([tag("p", f"{title}:"), tag("ul", *items), more])


def _decisions(entries: tuple[Entry, ...]) -> Markup:
    if not entries:
        return Markup("")
    columns = (
        Column("entry", numeric=True),
        Column("decision"),
        Column("who"),
        Column("when"),
        Column("why", wide=True),
        Column("report that was there to be seen", meaning="SHA-256 of the page as it was then"),
    )
    rows = [
        (
            entry.number,
            f"{entry.kind}, superseding" if entry.content.get("supersedes") else entry.kind,
            clipped(str(entry.content["by"]), 80),
            entry.at,
            clipped(str(entry.content["reason"]), 1000),
            (entry.content.get("report") or {}).get("sha256", "none")[:12],
        )
        for entry in entries
    ]
    return table(columns, rows, caption="Decisions on record", sortable=False)


def _evidence(digest: str, evidence: Mapping[str, str]) -> Markup:
    columns = (Column("document"), Column("SHA-256"))
    rows = [("the model's bytes", digest), *sorted(evidence.items())]
    return fold("What it stands on", table(columns, rows, caption="Digests of the evidence"), key="approval-evidence")
