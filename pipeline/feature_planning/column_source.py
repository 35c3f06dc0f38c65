"""What feature planning asks of whatever knows the columns: a curated schema, or a profile of the data.

`schema_rules.py` and `profile_rules.py` answer; `planner.py` asks.
"""

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol

from models.tabular_text.features import DType, Feature, FeatureKind, Label, LabelKind
from pipeline.errors import ConfigError

POSSIBLE_KINDS: Mapping[DType, tuple[FeatureKind, ...]] = MappingProxyType(
    {
        DType.STRING: (FeatureKind.CATEGORICAL, FeatureKind.TEXT, FeatureKind.DATE, FeatureKind.IGNORED),
        DType.INT64: (FeatureKind.NUMERIC, FeatureKind.CATEGORICAL, FeatureKind.IGNORED),
        DType.FLOAT32: (FeatureKind.NUMERIC, FeatureKind.IGNORED),
    }
)
"""The ways in which a column of each type can enter the model."""

_MAX_NAMES_LISTED = 20


class PlanError(ConfigError):
    """The columns cannot be used as the configuration or the schema says; lists every problem found."""


class ColumnSource(Protocol):
    """What is known of the columns before anything runs."""

    @property
    def called(self) -> str:
        """How messages call it, such as `the schema`."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """Every column, the label too, used as the rules say; in the order of the source."""

    def objection(self, name: str, kind: FeatureKind) -> str | None:
        """Why column `name` cannot be used as `kind`, as the end of a sentence about it; None if it can."""

    def label(self, name: str, kind: LabelKind | None) -> Label:
        """The label in column `name`, of this kind if one is given.

        Raises:
          PlanError: if the column cannot be learned, or not as this kind.
        """

    def problems(self) -> list[str]:
        """What is wrong with the source itself."""

    def notes(self, label: str) -> list[str]:
        """What the user should know before running, one sentence each."""


def type_objection(dtype: DType, kind: FeatureKind) -> str | None:
    """Why a column of this type cannot be used as `kind`; None if it can.

    >>> type_objection(DType.FLOAT32, FeatureKind.TEXT)
    'holds float32, which can only be numeric or ignored'
    """
    possible = POSSIBLE_KINDS[dtype]
    if kind in possible:
        return None
    return f"holds {dtype}, which can only be {', '.join(possible[:-1])} or {possible[-1]}"


def nearest(seen: str, known: Collection[str]) -> str:
    """A sentence that leads from a name that does not exist to one that does; starts with a space.

    >>> nearest("star_ratting", ["star_rating", "review_body"])
    " Did you mean 'star_rating'?"
    """
    if not known:
        return ""
    near = difflib.get_close_matches(seen, known, n=1) or [name for name in known if name.lower() == seen.lower()]
    if near:
        return f" Did you mean '{near[0]}'?"
    names = list(known)[:_MAX_NAMES_LISTED]
    more = f" and {len(known) - len(names)} more" if len(known) > len(names) else ""
    return f" There are: {', '.join(names)}{more}."
