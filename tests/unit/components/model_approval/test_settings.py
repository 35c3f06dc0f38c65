"""Who approves, as it is configured."""

import json

import pytest

from components.model_approval.settings import ApprovalSettings


def test_the_settings_survive_json() -> None:
    settings = ApprovalSettings("conditional", {"accuracy": 0.01}, False, 2, ("ann", "bob"), 7.0)
    assert ApprovalSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "maybe"}, "mode 'maybe' is not one of auto, conditional, required"),
        ({"max_drop": {"acuracy": 0.1}}, "'acuracy' is not a metric"),
        ({"max_drop": {"accuracy": -0.1}}, "max_drop of accuracy is -0.1, expected 0 or more"),
        ({"max_drop": {"example_count": 1}}, "neither way is better by itself"),
        ({"approvers": 0}, "approvers is 0, expected 1 or more"),
        ({"approvers": 2, "allowed_approvers": ("ann", "ann")}, "names only 1"),
        ({"expires_days": 0.0}, "expires_days is 0.0, expected more than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ApprovalSettings(**wrong)  # type: ignore[arg-type]


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"(?s)mode.*approvers.*expires_days"):
        ApprovalSettings(mode="maybe", approvers=0, expires_days=-1)  # type: ignore[arg-type]
