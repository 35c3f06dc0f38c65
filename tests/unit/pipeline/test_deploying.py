"""What people deploy by hand passes the same checks, and goes back only to what may be served."""

from types import SimpleNamespace

import pytest
from aws_config import config_on_aws

from components.endpoint_pusher.checks import DeployRefused
from components.endpoint_pusher.client import DeployFailed
from components.ledger.ledger import Entry
from components.model_digest import model_digest
from components.model_registry.registry import Ask
from components.model_registry.versions import ModelVersion
from pipeline.deploying import check_version, deploy_version, roll_back, shift_traffic
from pipeline.errors import ConfigError, PlatformRefused

CONFIG = config_on_aws()
ANN = Ask("ann", "because")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "7"
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"graph")
    return path


def version(folder, stage="production", decided_by="rules"):
    return ModelVersion("7", stage, "r1", "uri", model_digest(folder), "cd", decided_by, "unsigned", None, {}, ())


def word(kind, digest):
    content = {"model_digest": digest, "evidence_digest": "cd", "by": "bob", "reason": "unfair", "supersedes": False}
    return Entry(1, "2026-11-26T12:00:00Z", kind, content, "h")


def test_a_version_whose_bytes_are_those_that_were_registered_may_be_deployed(folder):
    check_version(version(folder), folder, [])
    check_version(version(folder, decided_by="people"), folder, [word("approved", model_digest(folder))])


def test_what_was_changed_archived_or_rejected_is_not_deployed(folder):
    good, digest = version(folder), model_digest(folder)
    with pytest.raises(DeployRefused, match="archived"):
        check_version(version(folder, "archived"), folder, [])
    with pytest.raises(DeployRefused, match="rejected by bob"):
        check_version(good, folder, [word("rejected", digest)])
    with pytest.raises(DeployRefused, match="not on record any more"):
        check_version(version(folder, decided_by="people"), folder, [word("approved", "other")])
    (folder / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(DeployRefused, match="not those that were registered"):
        check_version(good, folder, [])


def test_what_is_not_signed_never_reaches_the_endpoint(folder):
    with pytest.raises(DeployRefused, match="only models whose signature holds"):
        deploy_version(None, CONFIG, version(folder), folder, [], ANN)


def back_to(digest):
    """A deployer that would go back to a model of this digest."""
    before = Entry(1, "", "deployed", {"model_digest": digest, "version": "7"}, "h")

    def roll_back(said, timeout_s, allow):
        allow(before)
        return before

    return SimpleNamespace(roll_back=roll_back)


def test_an_endpoint_does_not_go_back_to_a_model_that_was_rejected_since():
    assert roll_back(back_to("aa"), CONFIG, [word("rejected", "bb")], ANN).kind == "deployed"
    with pytest.raises(DeployRefused, match=r"version 7, must not be served: rejected by bob"):
        roll_back(back_to("aa"), CONFIG, [word("rejected", "aa")], ANN)


def test_what_aws_did_not_do_is_an_error_of_the_platform():
    def shift(weights, said, timeout_s):
        assert (weights, said) == ({"live": 0.8}, {"by": "ann", "reason": "because"})
        raise DeployFailed("quota")

    with pytest.raises(PlatformRefused, match="quota"):
        shift_traffic(SimpleNamespace(shift=shift), CONFIG, {"live": "0.8"}, ANN)


def test_a_share_that_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="could not convert"):
        shift_traffic(SimpleNamespace(), CONFIG, {"live": "most"}, ANN)
