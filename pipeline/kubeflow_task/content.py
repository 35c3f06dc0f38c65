"""What goes into which output of a task, whatever became of the node."""

import json
import sys

from pipeline.ir import pipeline_name
from pipeline.kubeflow_task.arguments import Task
from pipeline.kubeflow_task.card import RunLink, card_page, card_sections, links_text, unread_section
from pipeline.kubeflow_task.classification import classification_of
from pipeline.kubeflow_task.node_view import view_of
from pipeline.kubeflow_task.numbers import numbers_of
from pipeline.kubeflow_task.outputs import CARD, CLASSIFICATION, LINKS, METRICS, Shown
from pipeline.launch.arguments import read_ir
from pipeline.launch.node_report import record_of
from pipeline.launch.outcome import NodeOutcome
from pipeline.launch.request import LaunchRequest


def content_of(task: Task, request: LaunchRequest, outcome: NodeOutcome) -> dict[str, Shown]:
    """All outputs. Where the node cannot be read again, a card that says so: the UI fails over one that is missing."""
    run = RunLink(pipeline_name(read_ir(request.ir_path)), request.run_id, task.report_of(request.run_id))
    node, links = record_of(outcome), Shown(links_text(run))
    try:
        view = view_of(request, outcome)
        numbers, classification = numbers_of(view, node), classification_of(view)
        page = card_page(node, run, card_sections(view, node))
    except Exception as error:  # noqa: BLE001 - the node is done: what cannot be shown of it is said on its card
        said = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"{outcome.node_id}: its card says little, because of this: {said}\n")
        return {CARD: Shown(card_page(node, run, [unread_section(said)])), LINKS: links}
    return {
        CARD: Shown(page),
        LINKS: links,
        METRICS: Shown(json.dumps(numbers, indent=1), numbers),
        CLASSIFICATION: Shown(json.dumps(classification, indent=1), classification),
    }
