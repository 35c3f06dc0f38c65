"""From two explanations to a verdict. Pure."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from components.attribution_drift.ndcg import aligned, ndcg_interval
from components.attribution_drift.settings import AttributionDriftSettings
from components.explainer.document import Explanation
from components.gate.verdict import Finding, Verdict

Floats = npt.NDArray[np.float64]

GATE, SECTION = "AttributionDrift", "attribution_drift"

#: Features named in words.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Evidence:
    """One model's explanation.

    Attributes:
      explanation: the document.
      names: features of the columns.
      attributions: row by row, float64 [rows, features].
    """

    explanation: Explanation
    names: tuple[str, ...]
    attributions: Floats


@dataclasses.dataclass(frozen=True)
class Move:
    """A feature's part in the answers by either model.

    Attributes:
      feature: the column.
      rank_before: 1 = the most important to the earlier model; None if it had no such feature.
      rank: to the model at hand.
      share_before: of all importances, 0 to 1.
      share: the same for the model at hand.
    """

    feature: str
    rank_before: int | None
    rank: int | None
    share_before: float
    share: float

    def words(self) -> str:
        """The change of place and share."""
        return (
            f"{self.feature!r} {_place(self.rank_before)} → {_place(self.rank)} ({self.share_before:.0%} → "
            f"{self.share:.0%} of all attributions)"
        )


def verdict_of(
    now: Evidence | str | None, earlier: Evidence | str | None, settings: AttributionDriftSettings
) -> Verdict:
    """What the gate says, before waivers.

    Args:
      now: the model's own explanation, None if there is none; a string says why it cannot be read.
      earlier: the last approved model's; None for a first model; a string says why it cannot be read.
      settings: what is demanded.
    """
    if not isinstance(now, Evidence):
        told = f"{now or 'There is no explanation of the model.'} Run Explainer: penstock run --from Explainer."
        return Verdict(GATE, "the model", SECTION, (), (told,))
    findings = [_completeness(now.explanation)]
    remarks: list[str] = []
    if earlier is None:
        remarks.append(
            "There is no explanation of an earlier approved model to compare with: the ranking of features was not "
            "judged. Once this model is approved, its explanation is what the next is compared with."
        )
    elif isinstance(earlier, str):
        findings.append(_unreadable(earlier))
    elif (reason := _incomparable(now.explanation, earlier.explanation)) is not None:
        remarks.append(f"The last approved model's explanation is no baseline: {reason}")
    else:
        findings.append(_drift(now, earlier, settings))
        remarks += _differences(now.explanation, earlier.explanation)
    return Verdict(GATE, "the model", SECTION, tuple(findings), (), tuple(remarks))


def _unreadable(reason: str) -> Finding:
    return Finding(
        check="baseline",
        passed=False,
        severity="error",
        sentence=f"The last approved model's explanation, to compare with: {reason}",
        advice="Restore it from a copy; or waive this once: the next approved model's explanation takes its place.",
    )


def _completeness(explanation: Explanation) -> Finding:
    found = explanation.completeness
    return Finding(
        check="completeness",
        passed=found.is_kept,
        severity="error",
        sentence=found.sentence(),
        advice="" if found.is_kept else "Take more explanation.steps, or allow a larger explanation.tolerance.",
        measured=found.share,
        demanded=f"at least {found.demanded:g}",
        where=explanation.split,
        rows=found.rows,
    )


def _incomparable(now: Explanation, earlier: Explanation) -> str | None:
    """Why the two models do not answer the same question, None if they do."""
    if now.label != earlier.label:
        return f"it predicts {earlier.label!r}, this model {now.label!r}."
    if now.kind != earlier.kind:
        return f"its label is {earlier.kind}, this model's {now.kind}."
    return None


def _differences(now: Explanation, earlier: Explanation) -> Iterator[str]:
    """What is not the same in how both were explained; rankings can be compared all the same."""
    for name in ("method", "baseline", "split", "classes"):
        one, other = getattr(earlier, name), getattr(now, name)
        if name == "baseline" and now.rows != earlier.rows:
            continue
        if one != other:
            yield f"The last approved model was explained with {name} {one!r}, this one with {other!r}."
    if not earlier.completeness.is_kept:
        yield f"Of the last approved model's explanation: {earlier.completeness.sentence()}"


def _drift(now: Evidence, earlier: Evidence, settings: AttributionDriftSettings) -> Finding:
    names, before, after = aligned((earlier.names, earlier.attributions), (now.names, now.attributions))
    if len(names) < 2:
        return Finding("ndcg", None, "error", "A model of one feature has no ranking that could change.")
    value, low, high = ndcg_interval(before, after, settings.confidence, settings.seed)
    found = moves(names, (earlier.names, before), (now.names, after))
    refused, below = high < settings.min_ndcg, value < settings.min_ndcg
    interval = f"{settings.confidence:.0%} interval {low:.3f} to {high:.3f}"
    compared = (
        f"The ranking of {len(names)} features by mean |attribution| over {len(after):,} rows has NDCG {value:.3f} "
        f"({interval}) against the last approved model's over {len(before):,} rows; attribution_drift.min_ndcg is "
        f"{settings.min_ndcg:g}."
    )
    doubt = " The interval reaches the bound, so that the model is not refused." if below and not refused else ""
    moved = "; ".join(move.words() for move in found[:_NAMED] if move.rank != move.rank_before)
    return Finding(
        check="ndcg",
        passed=not below,
        severity="error" if refused or not below else "warning",
        sentence=f"{compared}{doubt}{f' What moved most: {moved}.' if moved else ''}",
        advice=(
            "Look at what changed in these features and in the rows trained on (penstock diff); if the change is "
            "meant, waive it once: the approved model's ranking is the next one's baseline."
            if below
            else ""
        ),
        measured=value,
        demanded=f"at least {settings.min_ndcg:g}",
        where=now.explanation.split,
        rows=len(after),
        details={"low": low, "high": high, "moves": [dataclasses.asdict(move) for move in found]},
    )


def moves(names: Sequence[str], earlier: tuple[Sequence[str], Floats], now: tuple[Sequence[str], Floats]) -> list[Move]:
    """Every feature's change, the largest change of share first.

    Args:
      names: of the columns.
      earlier: the features that the earlier model has, and its attributions, float64 [rows, names].
      now: the same of the model at hand.
    """
    (had, before), (has, after) = earlier, now
    ranks_before, shares_before = _ranks(before), _shares(before)
    ranks, shares = _ranks(after), _shares(after)
    found = [
        Move(
            feature=name,
            rank_before=int(ranks_before[at]) if name in had else None,
            rank=int(ranks[at]) if name in has else None,
            share_before=float(shares_before[at]),
            share=float(shares[at]),
        )
        for at, name in enumerate(names)
    ]
    return sorted(found, key=lambda move: (-abs(move.share - move.share_before), move.feature))


def _ranks(attributions: Floats) -> npt.NDArray[np.int64]:
    """The place of each feature, 1 = the most important; equal ones keep their order."""
    order = np.argsort(-np.abs(attributions).mean(axis=0), kind="stable")
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.arange(1, order.size + 1)
    return ranks


def _shares(attributions: Floats) -> Floats:
    sizes = np.abs(attributions).mean(axis=0)
    total = float(sizes.sum())
    return np.asarray(sizes / total if total > 0 else sizes, np.float64)


def _place(rank: int | None) -> str:
    return "absent" if rank is None else f"place {rank}"
