"""Who approves, as it is configured."""

import json

import pytest

from components.model_approval.settings import ApprovalSettings, person


def test_the_settings_survive_json() -> None:
    settings = ApprovalSettings("conditional", {"accuracy": 0.01}, False, 2, ("ann", "bob"), 7.0, False)
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
        ({"approvers": 2, "allowed_approvers": ("Ann Lee", " ann  lee ")}, "names only 1"),
        ({"allowed_approvers": ("ann", " ")}, "one of the names is empty"),
        ({"expires_days": 0.0}, "expires_days is 0.0, expected more than 0"),
        ({"expires_days": float("nan")}, "expires_days is nan, expected more than 0"),
        ({"expires_days": 1e300}, "at most 36500"),
        ({"max_drop": {"accuracy": float("nan")}}, "max_drop of accuracy is nan, expected 0 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ApprovalSettings(**wrong)  # type: ignore[arg-type]


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"(?s)mode.*approvers.*expires_days"):
        ApprovalSettings(mode="maybe", approvers=0, expires_days=-1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_drop", {"accuracy": 0.1}), ("approvers", 2), ("allowed_approvers", ("ann",)), ("expires_days", 1.0)],
)
def test_a_safeguard_without_effect_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{key} is set, but mode is auto, which asks nobody"):
        ApprovalSettings("auto", **{key: value})  # type: ignore[arg-type]
    assert ApprovalSettings("required", **{key: value}).mode == "required"  # type: ignore[arg-type]


def test_conditions_that_never_ask_are_refused() -> None:
    with pytest.raises(ValueError, match="no rule would ever ask"):
        ApprovalSettings("conditional", ask_on_warnings=False, ask_on_flagged_slices=False)


def test_one_person_is_one_however_the_name_is_written() -> None:
    composed, apart = "Zo\u00eb", "zoe\u0308"
    assert person(f" {composed} ") == person(apart)
    assert person("ann") != person("anna")
    settings = ApprovalSettings("required", allowed_approvers=("Ann Lee",))
    assert settings.may_approve("ann  lee")
    assert not settings.may_approve("ann")
