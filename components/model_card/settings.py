"""What people say about the model on its card. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Owner:
    """Who answers for the model.

    Attributes:
      name: a person or a team.
      contact: how to reach them, empty if that is known anyway.
    """

    name: str
    contact: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("an owner's name is empty; say who answers for the model.")


@dataclasses.dataclass(frozen=True)
class EthicalConsideration:
    """What the model may do to people, and what is done about it.

    Attributes:
      risk: what may go wrong, and for whom.
      mitigation: what is done about it; empty = nothing, which the card says.
    """

    risk: str
    mitigation: str = ""

    def __post_init__(self) -> None:
        if not self.risk.strip():
            raise ValueError("an ethical consideration's risk is empty; say what may go wrong, and for whom.")


@dataclasses.dataclass(frozen=True)
class CardSettings:
    """The part of the model card that only people can write; what is empty stands on the card as missing.

    Attributes:
      enabled: whether a card is written.
      overview: what the model does, in a few sentences.
      owners: who answers for it.
      licence: of the model, such as an SPDX identifier.
      intended_users: whom it is for.
      use_cases: what it may be used for.
      limitations: where it fails, and what it must not be used for.
      trade_offs: what was given up for what.
      ethical_considerations: risks to people, and what is done about each.
      references: papers, data sheets, addresses.
      citation: how to cite the model.
    """

    enabled: bool = True
    overview: str = ""
    owners: tuple[Owner, ...] = ()
    licence: str = ""
    intended_users: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    trade_offs: tuple[str, ...] = ()
    ethical_considerations: tuple[EthicalConsideration, ...] = ()
    references: tuple[str, ...] = ()
    citation: str = ""

    def __post_init__(self) -> None:
        problems = [
            f"{name} has an empty item; say something or remove it."
            for name in _LISTS
            if _has_blank(getattr(self, name))
        ]
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def missing(self) -> tuple[str, ...]:
        """The sections that nobody has written, in the order of the card."""
        return tuple(name for name in WRITTEN_BY_PEOPLE if not _is_written(getattr(self, name)))

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and booleans."""
        data = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "CardSettings":
        """The inverse of `to_json`."""
        owners = tuple(Owner(**item) for item in data["owners"])
        risks = tuple(EthicalConsideration(**item) for item in data["ethical_considerations"])
        lists = {name: tuple(data[name]) for name in _LISTS}
        return cls(**{**data, **lists, "owners": owners, "ethical_considerations": risks})


WRITTEN_BY_PEOPLE = tuple(field.name for field in dataclasses.fields(CardSettings) if field.name != "enabled")
"""The keys that hold a section of the card each."""

_LISTS = ("intended_users", "use_cases", "limitations", "trade_offs", "references")


def _has_blank(texts: Iterable[str]) -> bool:
    return any(not text.strip() for text in texts)


def _is_written(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value)
