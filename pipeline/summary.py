"""What came out of a run, in a few lines: rows, anomalies, metrics, blessing and why, where the model is, what next."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.bias_evaluator.document import BIAS_FILE
from components.explainer.document import EXPLANATION_FILE
from components.gate.verdict import Verdict
from components.model_card.document import PAGE_FILE
from pipeline.errors import NotFound
from pipeline.metadata import ArtifactRecord, single
from pipeline.readers.elsewhere import Lineage
from pipeline.readers.gates import GATE_RESULT, read_verdict
from pipeline.readers.registry import Registered, read_registered
from pipeline.run_store import AWAITING_APPROVAL, RunRecord

FolderOf = Callable[[ArtifactRecord], Path]


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """The outcome of a run; what its nodes did not get to is None or empty.

    Attributes:
      rows: rows read, by split, in all and quarantined.
      anomalies: decisions of the validation gate on each anomaly.
      verdicts: what each gate decided.
      metrics: the Evaluator's metrics on the whole split.
      blessed: the Evaluator's verdict.
      reasons: why, one sentence each; with the reasons of the serving check if that refused.
      approved: whether the rules or people approved the model; None if it did not get that far.
      approval_reasons: in their words, or what is waited for.
      review: rows that wait for people, rows below the threshold of confidence, and the threshold; None without them.
      bias: what BiasEvaluator found, in words; empty without it.
      explained: what answers come from most, in words; empty without an explanation.
      card: the model card's page, and how many of its sections nobody has written.
      pushed_to: the pushed model's folder.
      endpoint: where the model was deployed, in words; empty if it was not.
      registered: as which version it was registered, and where that stands now; None if it did not get that far.
    """

    run: RunRecord
    rows: Mapping[str, int]
    anomalies: tuple[Mapping[str, Any], ...] | None
    verdicts: tuple[Verdict, ...]
    metrics: Mapping[str, float | None]
    blessed: bool | None
    reasons: tuple[str, ...]
    servable: bool | None
    serving_reasons: tuple[str, ...]
    approved: bool | None
    approval_reasons: tuple[str, ...]
    review: tuple[int, int, float] | None
    pushed_to: str | None
    card: tuple[str, int] | None = None
    registered: Registered | None = None
    bias: str = ""
    explained: str = ""
    endpoint: str = ""

    @property
    def is_pushed(self) -> bool:
        """True if the run put a model where servers find it."""
        return self.pushed_to is not None


def _here(artifact: ArtifactRecord) -> Path:
    return Path(artifact.uri)


def summarise(run: RunRecord, lineage: Lineage, folder_of: FolderOf = _here) -> RunSummary:
    """The summary of a run, from what its nodes published.

    Args:
      run: the run.
      lineage: where its artifacts are known.
      folder_of: gives an artifact's folder on this machine; raises NotFound where there is none.
    """
    artifacts = lineage.outputs_of_run(run.run_id, run.pipeline_name)
    decision = _json_beside(folder_of, single(artifacts, "blessing", "Evaluator"), "decision.json")
    serving = _json_beside(folder_of, single(artifacts, "blessing", "ServingCheck"), "report.json")
    gate = _json_beside(folder_of, single(artifacts, "result", "ValidationGate"), "decision.json")
    verdicts = [_verdict_of(folder_of, artifact) for artifact in artifacts if artifact.type_name == GATE_RESULT]
    approval = _json_beside(folder_of, single(artifacts, "approval", "ModelApproval"), "approval.json")
    is_decided = approval.get("decided_by") != "gates"  # whose reasons stand on their own lines
    waiting = next((node for node in run.nodes if node.state == AWAITING_APPROVAL), None)
    pushed = single(artifacts, "pushed_model")
    examples = single(artifacts, "examples")
    queue = single(artifacts, "queue", "HumanReview")
    return RunSummary(
        run=run,
        rows={k: int(v) for k, v in (examples.properties if examples else {}).items() if k.startswith("rows_")},
        anomalies=tuple(item["details"] for item in gate["findings"]) if gate else None,
        verdicts=tuple(verdict for verdict in verdicts if verdict is not None),
        metrics=decision.get("metrics", {}),
        blessed=decision.get("blessed"),
        reasons=tuple(decision.get("reasons", ())),
        servable=serving.get("blessed"),
        serving_reasons=tuple(serving.get("reasons", ())),
        approved=approval.get("approved") if is_decided else None,
        approval_reasons=(waiting.failure,) if waiting else tuple(approval.get("reasons", ()) if is_decided else ()),
        review=_review_of(queue) if queue else None,
        pushed_to=str(pushed.properties["pushed_destination"]) if pushed and pushed.properties.get("pushed") else None,
        card=_card(single(artifacts, "card", "ModelCard")),
        explained=_explained_text(
            _json_beside(folder_of, single(artifacts, "explanation", "Explainer"), EXPLANATION_FILE)
        ),
        bias=_bias_text(_json_beside(folder_of, single(artifacts, "bias", "BiasEvaluator"), BIAS_FILE)),
        endpoint=_endpoint_text(single(artifacts, "endpoint", "EndpointPusher")),
        registered=_registered(folder_of, single(artifacts, "model_version", "ModelRegistry")),
    )


def summary_lines(summary: RunSummary) -> list[tuple[str, str]]:
    """Name and text of each line of the summary."""
    lines = [("run", f"{summary.run.run_id}  {state_text(summary.run.state)}")]
    if summary.rows:
        lines.append(("rows", _rows_text(summary.rows)))
    if summary.anomalies is not None:
        lines.append(("anomalies", _anomalies_text(summary.anomalies)))
    if summary.verdicts:
        lines += _gate_lines(summary.verdicts)
        lines += _drift_lines(summary.verdicts)
    if summary.explained:
        lines.append(("explained", summary.explained))
    if summary.bias:
        lines.append(("bias", summary.bias))
    if summary.metrics:
        lines.append(("metrics", "  ".join(_metric_text(name, value) for name, value in summary.metrics.items())))
    if summary.blessed is not None:
        lines += _verdict("blessed", summary.blessed, summary.reasons)
    if summary.servable is not None:
        lines += _verdict("servable", summary.servable, summary.serving_reasons)
    if summary.review is not None:
        lines.append(("review", _review_text(*summary.review)))
    if summary.approved is not None:
        lines += _verdict("approved", summary.approved, summary.approval_reasons)
    elif summary.approval_reasons:
        lines.append(("approved", f"waiting: {summary.approval_reasons[0]}"))
    if summary.blessed is not None:
        lines.append(("model", summary.pushed_to or "not pushed"))
    if summary.card is not None:
        lines.append(("card", _card_text(*summary.card)))
    if summary.registered and summary.is_pushed:
        lines.append(("registry", summary.registered.sentence))
    if summary.endpoint:
        lines.append(("endpoint", summary.endpoint))
    return lines


def state_text(state: str) -> str:
    """A state as people read it: `awaiting approval`."""
    return state.lower().replace("_", " ")


def node_rows(run: RunRecord, outputs: list[ArtifactRecord]) -> list[tuple[str, ...]]:
    """The run's nodes as a table of text with a header: state, times, and where each output is."""
    rows: list[tuple[str, ...]] = [("node", "state", "wall s", "cpu s", "output", "where")]
    for node_id in run.node_ids:
        node = run.node(node_id)
        cells = (state_text(node.state), f"{node.wall_s:.1f}", f"{node.cpu_s:.1f}") if node else ("not run", "", "")
        made = [(artifact.key, artifact.uri) for artifact in outputs if artifact.node_id == node_id] or [("", "")]
        rows.append((node_id, *cells, *made[0]))
        rows += [("", "", "", "", *output) for output in made[1:]]
    return rows


def _gate_lines(verdicts: tuple[Verdict, ...]) -> list[tuple[str, str]]:
    """One line on all gates, then one for each that refuses or warns."""
    passed = sum(verdict.passed for verdict in verdicts)
    waived = sum(len(verdict.waived) for verdict in verdicts)
    tail = f"; {waived} {'finding' if waived == 1 else 'findings'} waived" if waived else ""
    texts = [f"{passed} of {len(verdicts)} passed{tail}"]
    for verdict in verdicts:
        told = [*verdict.missing, *(f"{item.check}: {item.sentence}" for item in verdict.refusing)]
        told = told or [f"{item.check}: {item.sentence}" for item in verdict.warnings]
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        if told:
            texts.append(f"{verdict.gate} {'warns' if verdict.passed else 'refuses'}: {told[0]}{more}")
    return [("gates", texts[0]), *(("", text) for text in texts[1:])]


def _drift_lines(verdicts: tuple[Verdict, ...]) -> list[tuple[str, str]]:
    """Which columns moved most, if there was anything to compare with."""
    verdict = next((item for item in verdicts if item.gate == "DistributionValidator"), None)
    if verdict is None or not verdict.findings or not verdict.remarks:
        return []
    return [("drift", verdict.remarks[0])]


def _verdict_of(folder_of: FolderOf, artifact: ArtifactRecord) -> Verdict | None:
    """The gate's verdict, None if it cannot be read any more."""
    try:
        return read_verdict(folder_of(artifact))
    except NotFound:
        return None


def _review_of(queue: ArtifactRecord) -> tuple[int, int, float]:
    found = queue.properties
    return int(found["rows"]), int(found["below"]), float(found["threshold"])


def _review_text(waiting: int, below: int, threshold: float) -> str:
    """`37 predictions below 0.9: penstock review`."""
    if not waiting:
        return (
            f"none of {below:,} predictions below {threshold:g} waits for people" if below else "no unsure prediction"
        )
    least = f", the {waiting:,} least confident wait for people" if waiting < below else ""
    return f"{below:,} predictions below {threshold:g}{least}: penstock review"


def _explained_text(document: Mapping[str, Any]) -> str:
    """`by review_body 48%, review_headline 40%, product_title 7%`, and whether attributions fail to sum up."""
    if not document:
        return ""
    most = ", ".join(f"{item['feature']} {item['share']:.0%}" for item in document["features"][:3])
    return f"by {most}{'' if document['completeness']['is_kept'] else '; the attributions do not sum up'}"


def _bias_text(document: Mapping[str, Any]) -> str:
    """`4 facets, 8 metrics judged: 1 beyond its bounds (RD of product_category=Gift Card is 0.152)`."""
    if not document:
        return ""
    judged = [
        (item["status"], f"{name} of {facet['name']} is {_number(item['value'])}")
        for facet in document["facets"]
        for name, item in facet["metrics"].items()
        if item["status"]
    ]
    beyond = [words for status, words in judged if status in ("failed", "warned")]
    open_ = sum(status == "not decided" for status, _ in judged)
    told = f"{len(beyond)} beyond bounds ({beyond[0]})" if beyond else "none beyond bounds"
    count = len(document["facets"])
    facets = f"{count} {'facet' if count == 1 else 'facets'}"
    return f"{facets}, {len(judged)} metrics judged: {told}{f', {open_} not decided' if open_ else ''}"


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3g}"


def _card(artifact: ArtifactRecord | None) -> tuple[str, int] | None:
    if artifact is None:
        return None
    return f"{artifact.uri}/{PAGE_FILE}", int(artifact.properties.get("missing_sections", 0))


def _card_text(page: str, missing: int) -> str:
    told = f"{missing} {'section' if missing == 1 else 'sections'} missing" if missing else "every section is written"
    return f"{page}, {told}"


def _endpoint_text(artifact: ArtifactRecord | None) -> str:
    """`reviews, variant live, configuration reviews-0123-ab`, or why the model was not deployed."""
    if artifact is None:
        return ""
    said = artifact.properties
    if not said.get("deployed"):
        return f"not deployed: {said.get('reason', '')}"
    return f"{said['endpoint']}, variant {said['variant']}, configuration {said['endpoint_config']}"


def _registered(folder_of: FolderOf, artifact: ArtifactRecord | None) -> Registered | None:
    """The version, None if its document cannot be read any more."""
    try:
        return read_registered(folder_of(artifact)) if artifact else None
    except NotFound:
        return None


def _metric_text(name: str, value: float | None) -> str:
    return f"{name} not measurable" if value is None else f"{name} {value:,.4g}"


def _rows_text(rows: Mapping[str, int]) -> str:
    splits = [f"{name.removeprefix('rows_')} {count:,}" for name, count in sorted(rows.items()) if name not in _TOTALS]
    quarantined = rows.get("rows_quarantined", 0)
    tail = f", {quarantined:,} quarantined" if quarantined else ""
    return f"{rows.get('rows_in', 0):,} in ({', '.join(splits)}{tail})"


_TOTALS = ("rows_in", "rows_out", "rows_quarantined")


def _anomalies_text(anomalies: tuple[Mapping[str, Any], ...]) -> str:
    if not anomalies:
        return "none"
    named = ", ".join(sorted({f"{item['feature']} ({item['severity']})" for item in anomalies}))
    return f"{len(anomalies)}: {named}"


def _verdict(name: str, positive: bool, reasons: tuple[str, ...]) -> list[tuple[str, str]]:
    first = f"{'yes' if positive else 'no'}{': ' + reasons[0] if reasons else ''}"
    return [(name, first), *(("", reason) for reason in reasons[1:])]


def _json_beside(folder_of: FolderOf, artifact: ArtifactRecord | None, name: str) -> dict[str, Any]:
    """The JSON document in the artifact's folder, empty if the node did not get to write it."""
    try:
        path = folder_of(artifact) / name if artifact else None
    except NotFound:
        return {}
    if path is None or not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
