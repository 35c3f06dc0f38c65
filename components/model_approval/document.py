"""What ModelApproval writes: `approval.json`. Plain data, read without TensorFlow."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

APPROVAL_FILE = "approval.json"
FORMAT = 1

DecidedBy = Literal["gates", "rules", "people"]


@dataclasses.dataclass(frozen=True)
class ApprovalDocument:
    """Whether the model may be pushed, who decided it, and on what.

    Attributes:
      approved: the answer.
      decided_by: `gates` refused it, `rules` approved it, or `people` decided.
      reasons: whole sentences.
      model_digest: of the bytes that this is about.
      evidence: SHA-256 of each document that the decision stands on, by name.
      decisions: people's entries of the record that count (number, at, kind, by, reason, hash).
      asked_because: why a person was asked, empty if none was.
      valid_until: after this time (ISO 8601, UTC) people's approvals no longer count; None = they always do.
    """

    approved: bool
    decided_by: DecidedBy
    reasons: tuple[str, ...]
    model_digest: str
    evidence: Mapping[str, str]
    decisions: tuple[Mapping[str, Any], ...] = ()
    asked_because: tuple[str, ...] = ()
    valid_until: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and booleans."""
        data = dataclasses.asdict(self)
        lists = {key: list(data[key]) for key in ("reasons", "decisions", "asked_because")}
        return {"format": FORMAT, **data, "evidence": dict(self.evidence), **lists}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ApprovalDocument":
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"an approval of format {data.get('format')!r}; this program reads {FORMAT}")
        rest = {key: value for key, value in data.items() if key != "format"}
        return cls(**{**rest, **{key: tuple(rest[key]) for key in ("reasons", "decisions", "asked_because")}})
