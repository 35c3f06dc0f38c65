"""The card of a node: one HTML page that needs no script, because Kubeflow's UI shows it in a box that may run none."""

import dataclasses
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from pipeline.kubeflow_task.node_view import inputs_of
from pipeline.metadata import ArtifactRecord
from pipeline.readers.run_view import RunView
from pipeline.report.page import render_page
from pipeline.report.run_page import page_sections
from pipeline.report.section import Section
from pipeline.report.states import badge, shown_state
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, seconds, size
from pipeline.run_store import AWAITING_APPROVAL, NodeRecord

MOST_BYTES = 2**20
"""Of a section: the UI loads the whole page before it shows the task. What is longer, the run's report has."""

_OF_THE_RUN = frozenset({"run", "artifacts", "environment", "configuration"})
"""Sections of a run's report that say nothing of a single node."""

_APPROVAL = ("approval", "ModelApproval")
"""A section that is there for every node once a person was asked, and the node that it is about."""

_SHOWN_DIGITS = 12

_COLUMNS = (Column("key"), Column("type"), Column("place", wide=True), Column("digest"))


@dataclasses.dataclass(frozen=True)
class RunLink:
    """The run that a node belongs to; `report_url` is where its report is to be read, None if it is on no server."""

    pipeline_name: str
    run_id: str
    report_url: str | None = None

    @property
    def command(self) -> str:
        """What shows the report on any machine with the configuration."""
        return f"penstock report {self.run_id} --runner kubeflow"


def card_page(node: NodeRecord, run: RunLink, sections: Sequence[Section]) -> str:
    """The card as HTML."""
    return render_page(
        title=f"{node.node_id} · {run.run_id}",
        top=_top(node, run),
        sections=sections,
        foot="Written by Penstock when the node ended. This page asks for nothing over a network.",
        scripts=(),
    )


def card_sections(view: RunView, node: NodeRecord) -> list[Section]:
    """What the run's report shows of what the node made, where that is, and what the node read."""
    made = [(artifact.key, artifact) for artifact in view.artifacts]
    read = inputs_of(view)
    return [
        *_evidence(view, node),
        Section("outputs", "What it made", "This node", _artifacts(made, "Outputs"), "It made nothing."),
        Section("inputs", "What it read", "This node", _artifacts(read, "Inputs"), "It read nothing."),
    ]


def unread_section(problem: str) -> Section:
    """In place of all sections, if they could not be made."""
    return Section("outputs", "What it made", "This node", None, f"It could not be read for this card: {problem}")


def links_text(run: RunLink) -> str:
    """The way to the run's report as Markdown: links in the UI's box for HTML lead nowhere, those in Markdown do."""
    command = f"On any machine with the pipeline's configuration: `{run.command}`"
    return f"[The run's report]({run.report_url})\n\n{command}\n" if run.report_url else f"{command}\n"


def _evidence(view: RunView, node: NodeRecord) -> Iterator[Section]:
    for section in page_sections(view):
        if section.body is None or section.section_id in _OF_THE_RUN:
            continue
        if section.section_id == _APPROVAL[0] and node.node_id != _APPROVAL[1]:
            continue
        if len(section.body) > MOST_BYTES:
            why = f"{size(len(section.body))} is more than a card holds. The run's report shows it."
            section = dataclasses.replace(section, body=None, absence=why)
        yield section


def _artifacts(found: Sequence[tuple[str, ArtifactRecord]], caption: str) -> Markup | None:
    rows = [(key, artifact.type_name, tag("code", artifact.uri), _digest(artifact)) for key, artifact in found]
    return table(_COLUMNS, rows, caption=caption, sortable=False) if rows else None


def _digest(artifact: ArtifactRecord) -> Cell:
    known = artifact.fingerprint
    if known is None:
        return Cell("—")
    short = f"{known[:_SHOWN_DIGITS]}…" if len(known) > _SHOWN_DIGITS else known
    return Cell(tag("code", short, title=known))


def _top(node: NodeRecord, run: RunLink) -> Markup:
    state = shown_state(node.state)
    reason = tag("pre", node.failure, class_="log") if node.failure else None
    sentence = tag("p", badge(node.state), f" {state.meaning}" if state.meaning else None, class_="sentence")
    return join(
        [
            tag("p", f"{run.pipeline_name} · run {run.run_id}", class_="eyebrow"),
            tag("h1", clipped(node.node_id)),
            tag("div", sentence, reason, class_=f"verdict pn-{state.tone}"),
            _costs(node),
            _steps(node, run),
        ]
    )


def _costs(node: NodeRecord) -> Markup:
    facts = (
        ("Took", seconds(node.wall_s), "from start to end"),
        ("Cost", seconds(node.cpu_s), "of processor time"),
        ("Peak memory", size(node.peak_memory_bytes), "child processes left out"),
        ("Execution", "—" if node.execution_id is None else str(node.execution_id), "in the lineage store"),
    )
    cells = [tag("div", tag("dt", name), tag("dd", value, tag("small", remark))) for name, value, remark in facts]
    return tag("dl", *cells, class_="facts")


def _steps(node: NodeRecord, run: RunLink) -> Markup:
    steps = [tag("li", tag("code", run.command), " shows the whole run")]
    if run.report_url:
        link = tag("a", run.report_url, href=run.report_url, rel="noreferrer")
        steps.insert(0, tag("li", "The run's report: ", link))
    if node.state == AWAITING_APPROVAL:
        command = f"penstock approve {run.run_id} --reason WHY --runner kubeflow"
        steps.insert(0, tag("li", tag("code", command), " has the model pushed; penstock reject ends the run without"))
    return tag("ul", *steps, class_="next", aria_label="What to do next")
