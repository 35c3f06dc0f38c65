"""Which models may not be pushed, and the sentence that says why."""

import datetime

from components.model_approval.document import ApprovalDocument
from components.pusher.blessings import not_approved

DIGEST = "d" * 64
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def document(approved=True, valid_until=None):
    return ApprovalDocument(approved, "people", ("said ann.",), DIGEST, {}, valid_until=valid_until).to_json()


def test_the_very_bytes_that_are_approved_are_pushed():
    assert not_approved(document(), DIGEST, NOON) is None


def test_nothing_is_pushed_without_an_approval():
    assert not_approved(None, DIGEST, NOON) == "There is no approval of the model, though the pipeline asks for one."
    assert not_approved(document(approved=False), DIGEST, NOON) == "The model is not approved: said ann."


def test_other_bytes_are_not_pushed():
    assert "changed since it was approved (approved dddddddddddd, now eeeeeeeeeeee)" in not_approved(
        document(), "e" * 64, NOON
    )


def test_an_approval_that_expired_before_the_push_no_longer_counts():
    until = "2026-03-01T12:00:00+00:00"
    assert not_approved(document(valid_until=until), DIGEST, NOON) is None
    late = not_approved(document(valid_until=until), DIGEST, NOON + datetime.timedelta(seconds=1))
    assert late.startswith("The approval of the model expired on 2026-03-01T12:00:00+00:00, before it was pushed.")
