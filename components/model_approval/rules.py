"""Whether a model may be approved at all, and whether a person must look at it. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.evaluator.metric_names import direction_of
from components.gate.verdict import Verdict
from components.model_approval.settings import ApprovalSettings


@dataclasses.dataclass(frozen=True)
class Blessing:
    """What a node that blesses models said.

    Attributes:
      gate: the node.
      blessed: its answer, None if there is none.
      reasons: in its words.
    """

    gate: str
    blessed: bool | None
    reasons: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Everything that is known of a model when it is to be approved.

    Attributes:
      model_digest: of its bytes.
      blessings: of the Evaluator and ServingCheck.
      verdicts: each gate's by node, None if the gate left none.
      changes: the Evaluator's analysis: of all rows (first) and of each slice the metrics' changes against the last
        blessed model with their intervals; None without such a model.
      digests: SHA-256 of each document that a person would look at, by name; they stand for the evidence.
      flagged: the slices of the analysis that are worse than all rows, beyond chance.
    """

    model_digest: str
    blessings: tuple[Blessing, ...]
    verdicts: Mapping[str, Verdict | None]
    changes: Sequence[Mapping[str, Any]] | None
    digests: Mapping[str, str]
    flagged: Sequence[Mapping[str, Any]] = ()


def refusals(evidence: Evidence) -> list[str]:
    """Why nobody may approve the model: each gate that refused it, and each whose answer is missing."""
    found = []
    for blessing in evidence.blessings:
        if blessing.blessed is None:
            found.append(f"There is no blessing of {blessing.gate}.")
        elif not blessing.blessed:
            found.append(f"{blessing.gate} did not bless the model: {' '.join(blessing.reasons)}".rstrip(": "))
    for node_id, verdict in evidence.verdicts.items():
        if verdict is None:
            found.append(f"{node_id} left no verdict.")
        elif not verdict.passed:
            found.append(verdict.refusal())
    return found


def reasons_to_ask(evidence: Evidence, settings: ApprovalSettings) -> list[str]:
    """Why a person must decide; empty if the rules approve the model."""
    if settings.mode == "auto":
        return []
    if settings.mode == "required":
        return ["every model needs a person's approval (approval.mode is required)"]
    return [
        *_drops(evidence, settings.max_drop),
        *(_flags(evidence) if settings.ask_on_flagged_slices else ()),
        *(_warnings(evidence) if settings.ask_on_warnings else ()),
    ]


def _drops(evidence: Evidence, max_drop: Mapping[str, float]) -> Iterator[str]:
    if not max_drop:
        return
    if evidence.changes is None:
        yield "there is no blessed model to compare with, so approval.max_drop could not be checked"
        return
    for position, item in enumerate(evidence.changes):
        where = _where(item)
        for metric, bound in max_drop.items():
            change = item["changes"].get(metric)
            if change is not None and change["value"] is not None:
                yield from _drop(metric, bound, change, where, is_slice=position > 0)
            elif position == 0:
                yield f"{metric} could not be compared with the last blessed model's"


def _drop(metric: str, bound: float, change: Mapping[str, Any], where: str, *, is_slice: bool) -> Iterator[str]:
    """A slice is small, so that its drop counts only where the interval of the change lies below zero."""
    sign = 1.0 if direction_of(metric) else -1.0
    drop = -sign * change["value"]
    ends = [end for end in (change.get("low"), change.get("high")) if end is not None]
    is_certain = bool(ends) and all(sign * end < 0 for end in ends)
    if drop > bound and (is_certain or not is_slice):
        yield (
            f"{metric} is {drop:.4g} worse than the last blessed model's on {where}; "
            f"approval.max_drop allows {bound:.4g}"
        )


def _flags(evidence: Evidence) -> Iterator[str]:
    for item in evidence.flagged:
        harm = item["harm"]
        yield f"{_where(item)} ({item['rows']:,} rows) is {harm['deficit']:.4g} worse in {harm['metric']} than all rows"


def _where(item: Mapping[str, Any]) -> str:
    return " and ".join(f"{column} = {value}" for column, value in item["slice"].items()) or "all rows"


def _warnings(evidence: Evidence) -> Iterator[str]:
    for node_id, verdict in evidence.verdicts.items():
        for finding in verdict.warnings if verdict else ():
            yield f"{node_id} warns: {finding.check}: {finding.sentence}"
        for finding in verdict.waived if verdict else ():
            reason = finding.waiver.reason if finding.waiver else ""
            yield f"{node_id}: {finding.check} is waived ({reason})"
