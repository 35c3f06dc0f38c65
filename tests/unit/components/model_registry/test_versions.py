"""Which change of stages may follow, and what a record amounts to; nothing is read or moved."""

import pytest

from components.ledger.ledger import Entry
from components.model_registry.versions import (
    PROMOTED,
    REGISTERED,
    ROLLED_BACK,
    ChangeRefused,
    change_words,
    plan_promotion,
    plan_rollback,
    read_history,
)


class Record:
    """Entries as the registry writes them, without a file."""

    def __init__(self, *versions: str) -> None:
        self.entries: list[Entry] = []
        for version in versions:
            content = {
                "version": version,
                "run": f"run-{version}",
                "model_uri": f"/models/{version}",
                "model_digest": version * 64,
                "evidence_digest": "",
                "decided_by": "rules",
                "signature": "unsigned",
                "signed_by": None,
                "metrics": {"accuracy": 0.9},
            }
            self._add(REGISTERED, content)

    def _add(self, kind: str, content: dict[str, object]) -> None:
        number = len(self.entries) + 1
        self.entries.append(Entry(number, f"2026-01-{number:02d}T00:00:00Z", kind, content, f"{number:064d}"))

    @property
    def history(self):
        return read_history(self.entries)

    def move(self, version: str, *stages: str) -> "Record":
        for stage in stages:
            change = plan_promotion(self.history, version, stage, skip_staging=False)
            self._add(PROMOTED, {**change.content(), "by": "ann", "reason": "good"})
        return self

    def back(self, version: str | None = None) -> "Record":
        change = plan_rollback(self.history, version)
        self._add(ROLLED_BACK, {**change.content(), "by": "bob", "reason": "bad"})
        return self

    def stages(self) -> dict[str, str]:
        return {number: version.stage for number, version in self.history.versions.items()}


LIVE = ("staging", "production")


def test_a_version_begins_as_a_candidate():
    record = Record("1")
    assert record.stages() == {"1": "candidate"}
    assert record.history.production is None
    assert change_words(record.entries[0], "1") == "registered by run run-1 on 2026-01-01T00:00:00Z"


def test_the_way_to_production_leads_through_staging():
    record = Record("1").move("1", "staging")
    assert record.stages() == {"1": "staging"}
    assert record.move("1", "production").history.production == "1"


def test_what_was_in_production_is_archived_by_the_same_entry():
    record = Record("1", "2").move("1", *LIVE).move("2", *LIVE)
    assert record.stages() == {"1": "archived", "2": "production"}
    assert len(record.entries) == 2 + 4
    said = change_words(record.history.versions["1"].entries[-1], "1")
    assert said == "archived on 2026-01-06T00:00:00Z, when version 2 was promoted to production"


@pytest.mark.parametrize(
    ("before", "to", "words"),
    [
        ((), "production", "--skip-staging"),
        (("staging",), "staging", "is in staging already: promoted to staging by ann"),
        (LIVE, "staging", "From production it can go to: archived"),
        (("archived",), "production", "penstock rollback"),
        (("archived",), "archived", "is in archived already"),
    ],
)
def test_a_stage_that_cannot_follow_is_refused_and_the_way_is_named(before, to, words):
    record = Record("1").move("1", *before)
    with pytest.raises(ChangeRefused, match=words):
        plan_promotion(record.history, "1", to, skip_staging=False)


def test_staging_is_left_out_only_when_that_is_said():
    change = plan_promotion(Record("1").history, "1", "production", skip_staging=True)
    assert (change.from_stage, change.to_stage) == ("candidate", "production")


def test_leaving_out_staging_opens_no_other_way():
    with pytest.raises(ChangeRefused, match="rollback"):
        plan_promotion(Record("1").move("1", "archived").history, "1", "production", skip_staging=True)


def test_an_unknown_version_is_refused_with_those_like_it():
    with pytest.raises(ChangeRefused, match=r"'1795390214'.*1795390213"):
        plan_promotion(Record("1795390213", "7").history, "1795390214", "staging", skip_staging=False)
    with pytest.raises(ChangeRefused, match="None is registered yet"):
        Record().history.find("latest")


def test_latest_is_the_newest_registered():
    assert Record("5", "6").history.find("latest").version == "6"


def test_a_rollback_returns_to_the_version_before_and_then_to_the_one_before_that():
    record = Record("1", "2", "3").move("1", *LIVE).move("2", *LIVE).move("3", *LIVE)
    assert record.back().stages() == {"1": "archived", "2": "production", "3": "archived"}
    assert record.back().stages() == {"1": "production", "2": "archived", "3": "archived"}
    with pytest.raises(ChangeRefused, match="1 is the first"):
        record.back()


def test_after_a_rollback_the_next_promotion_goes_back_to_what_was_there():
    record = Record("1", "2", "3").move("1", *LIVE).move("2", *LIVE).back().move("3", *LIVE).back()
    assert record.history.production == "1"


def test_a_rollback_to_a_named_version_forgets_what_came_after_it():
    record = Record("1", "2", "3").move("1", *LIVE).move("2", *LIVE).move("3", *LIVE).back("1")
    assert record.stages() == {"1": "production", "2": "archived", "3": "archived"}
    with pytest.raises(ChangeRefused, match="no earlier version"):
        record.back()


def test_a_rollback_to_what_never_was_in_production_is_refused():
    record = Record("1", "2", "3").move("1", *LIVE).move("2", *LIVE)
    with pytest.raises(ChangeRefused, match="3 was not in production before; earlier were: 1"):
        record.back("3")
    with pytest.raises(ChangeRefused, match="nothing ever was"):
        plan_rollback(Record("1").history, None)


def test_a_rollback_undoes_taking_a_version_out_of_production():
    record = Record("1", "2").move("1", *LIVE).move("2", *LIVE).move("2", "archived")
    assert record.history.production is None
    assert record.back().history.production == "2"
    assert record.back().history.production == "1"


def test_an_archived_version_comes_back_by_way_of_staging():
    record = Record("1").move("1", "archived", "staging", "production")
    assert record.stages() == {"1": "production"}
