"""The verbs of the registry on that of runs on AWS: the same words and refusals, and two people at once."""

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from typer.testing import CliRunner

from components.ledger.ledger import Ledger
from components.model_digest import model_digest
from components.model_registry.registry import Ask, ModelDamaged, Registration
from components.model_registry.versions import ChangeRefused
from components.signing.keys import new_key_pair
from components.signing.settings import SigningSettings
from components.signing.signature import SignatureRefused, sign_model, signing_key
from pipeline.cli.app import app
from pipeline.config import load_config
from pipeline.errors import NotFound
from pipeline.model_versions import registry_on_s3
from pipeline.storage.errors import Damaged
from pipeline.storage.published import remove
from pipeline.storage.upload import upload

pytestmark = pytest.mark.integration

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/penstock@sha256:{'ab' * 32}"
ON_AWS = ("--runner", "sagemaker")
WHY = ("--by", "ann", "--reason", "good")


class Registry:
    """A configuration whose runs on AWS have pushed and registered versions 7 and 8, signed."""

    def __init__(self, folder, bucket):
        self.folder, self.root = folder, f"s3://{bucket}/p"
        new_key_pair(folder / "k.pem", folder / "k.pub", None)
        self.keys = SigningSettings("key", str(folder / "k.pem"), public_key=str(folder / "k.pub"))
        aws = {
            "region": "us-east-1",
            "root": self.root,
            "image": IMAGE,
            "metadata": "secretsmanager:store",
            "job_role": "arn:aws:iam::123456789012:role/penstock-jobs",
        }
        document = {
            "pipeline": {"name": "reviews"},
            "data": {"path": "data.csv"},
            "label": {"column": "y"},
            "signing": {"mode": "key", "private_key": "k.pem", "public_key": "k.pub"},
            "aws": aws,
        }
        (folder / "penstock.yaml").write_text(yaml.safe_dump(document))
        self.config = load_config(folder / "penstock.yaml")

    def push(self, version, *, decided_by="rules", signed=True):
        model = self.folder / "pushed" / version
        model.mkdir(parents=True)
        (model / "saved_model.pb").write_bytes(f"graph {version}".encode())
        if signed:
            sign_model(model, signing_key(self.keys))
        place = f"{self.root}/pushed/reviews/{version}"
        upload(model, place)
        registration = Registration(version, f"run-{version}", "uri", model_digest(model), "", decided_by, {"auc": 0.9})
        maker = self.opened("scratch-of-node")
        if not signed:
            maker = dataclasses.replace(maker, signing=SigningSettings())
        maker.register(model, registration, place)
        return place

    def opened(self, scratch):
        return registry_on_s3(self.config.at(self.config.aws.root), self.folder / scratch)

    def entries(self):
        return Ledger(f"{self.root}/registry/reviews/registry.jsonl").entries()

    def stages(self):
        return {number: version.stage for number, version in self.opened("look").history().versions.items()}

    def penstock(self, *words):
        done = CliRunner().invoke(app, [*words, "--config", str(self.folder / "penstock.yaml")])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout


@pytest.fixture
def registry(tmp_path, s3_bucket):
    made = Registry(tmp_path, s3_bucket)
    for version in ("7", "8"):
        made.push(version)
    return made


def test_versions_move_and_come_back_with_the_verbs_of_a_local_registry(registry):
    listed = registry.penstock("models", *ON_AWS)
    assert [line.split()[:3] for line in listed.splitlines()[1:3]] == [
        ["8", "candidate", "run-8"],
        ["7", "candidate", "run-7"],
    ]
    for version in ("7", "8"):
        registry.penstock("promote", version, "--to", "staging", *WHY, *ON_AWS)
        said = registry.penstock("promote", version, "--to", "production", *WHY, *ON_AWS)
    assert f"Version 8 is in production: {registry.root}/pushed/reviews/8\n" in said
    assert "signed by key" in said
    assert "penstock rollback --reason WHY --runner sagemaker" in said
    assert f"In production: {registry.root}/pushed/reviews/8" in registry.penstock("models", *ON_AWS)
    assert "Version 7 is in production" in registry.penstock("rollback", *WHY, *ON_AWS)
    assert registry.stages() == {"7": "production", "8": "archived"}
    told = json.loads(registry.penstock("models", "--json", *ON_AWS))
    assert (told["name"], told["production"], told["head"]) == ("reviews", "7", registry.entries()[-1].hash)
    assert told["versions"][0]["folder"] == f"{registry.root}/pushed/reviews/7"
    assert [change["kind"] for change in told["versions"][1]["changes"]] == [
        "registered",
        "promoted",
        "promoted",
        "rolled back",
    ]
    verified = registry.penstock("verify", *ON_AWS)
    assert verified.startswith(f"{registry.root}/pushed/reviews/7: signed by key")
    assert "No version is registered yet" in registry.penstock("models"), "this machine's own registry is another one"


def test_another_models_registry_is_named_and_an_unknown_one_refused(registry):
    assert "run-8" in registry.penstock("models", "reviews", *ON_AWS, "--set", "registry.name=other")
    with pytest.raises(NotFound, match="There are: reviews"):
        registry.penstock("models", "chum", *ON_AWS)


def test_what_must_not_go_on_does_not(registry, s3_bucket, aws_services):
    registry.push("9", decided_by="people")
    with pytest.raises(ModelDamaged, match=r"people approved its model, and s3://.*approvals/reviews\.jsonl does"):
        registry.penstock("promote", "9", "--to", "staging", *WHY, *ON_AWS)
    registry.push("10", signed=False)
    with pytest.raises(SignatureRefused):
        registry.penstock("promote", "10", "--to", "staging", *WHY, *ON_AWS)
    key = "p/pushed/reviews/7/saved_model.pb"
    aws_services.client("s3").put_object(Bucket=s3_bucket, Key=key, Body=b"graph X")
    with pytest.raises(Damaged, match="SHA-256"):
        registry.penstock("promote", "7", "--to", "staging", *WHY, *ON_AWS)
    other = registry.folder / "other"
    other.mkdir()
    (other / "saved_model.pb").write_bytes(b"another model, whole")
    upload(other, f"{registry.root}/pushed/reviews/7")
    with pytest.raises(ModelDamaged, match=rf"{registry.root}/pushed/reviews/7: the model's bytes are not those"):
        registry.penstock("promote", "7", "--to", "staging", *WHY, *ON_AWS)
    remove(f"{registry.root}/pushed/reviews/8")
    with pytest.raises(ModelDamaged, match="not there any more"):
        registry.penstock("promote", "8", "--to", "staging", *WHY, *ON_AWS)
    assert {*registry.stages().values()} == {"candidate"}
    assert registry.opened("look").misplaced(registry.opened("look").history()) == [
        f"{registry.root}/pushed/reviews/8: nothing whole is there; the bytes of version 8 are gone."
    ]
    registry.penstock("promote", "8", "--to", "archived", *WHY, *ON_AWS)
    assert registry.stages()["8"] == "archived"


def test_of_two_people_who_promote_at_once_one_is_told_and_nothing_is_lost(registry):
    for version in ("7", "8"):
        registry.opened("first").promote(version, "staging", Ask("ann", "good"))
    before, both_have_looked = registry.entries(), threading.Barrier(2)

    def promote(version):
        opened = registry.opened(f"scratch-{version}")

        def fetch(place):
            folder = opened.fetch(place)
            both_have_looked.wait(30)
            return folder

        try:
            return dataclasses.replace(opened, fetch=fetch).promote(version, "production", Ask(version, "now")).version
        except ChangeRefused as refused:
            return str(refused)

    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(("7", "8"), pool.map(promote, ("7", "8")), strict=True))
    (winner,) = [version for version, answer in answers.items() if answer == version]
    (loser,) = {"7", "8"} - {winner}
    assert f"The registry changed while version {loser} was checked. Nothing was recorded." in answers[loser]
    after = registry.entries()
    assert after[:-1] == before
    assert (after[-1].content["version"], after[-1].content["by"]) == (winner, winner)
    assert registry.stages() == {winner: "production", loser: "staging"}
    registry.opened("again").promote(loser, "production", Ask("bob", "still better"))
    assert registry.stages() == {winner: "archived", loser: "production"}
