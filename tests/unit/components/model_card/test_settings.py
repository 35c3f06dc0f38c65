"""What people write on a model card."""

import json

import pytest
from card_evidence import WRITTEN

from components.model_card.settings import WRITTEN_BY_PEOPLE, CardSettings, EthicalConsideration, Owner


def test_nothing_written_is_ten_sections_missing() -> None:
    assert CardSettings().missing == WRITTEN_BY_PEOPLE
    assert len(WRITTEN_BY_PEOPLE) == 10


def test_whatever_is_written_is_not_missing() -> None:
    assert WRITTEN.missing == ()
    assert CardSettings(licence="MIT", overview="  \n").missing[:3] == ("overview", "owners", "intended_users")


def test_it_travels_as_json() -> None:
    assert CardSettings.from_json(json.loads(json.dumps(WRITTEN.to_json()))) == WRITTEN


def test_empty_items_are_refused_all_at_once() -> None:
    with pytest.raises(ValueError, match="limitations has an empty item") as refused:
        CardSettings(limitations=("real", " "), references=("",))
    assert "references has an empty item" in str(refused.value)


@pytest.mark.parametrize("make", [lambda: Owner(" ", "mail"), lambda: EthicalConsideration("")])
def test_an_owner_or_a_risk_without_a_name_is_refused(make) -> None:
    with pytest.raises(ValueError, match="is empty; say"):
        make()
