"""Every node of the sample pipeline with everything on S3, and no path of this machine told.

Nodes run in forks of one warm process, each as in a job of its own: with a scratch folder that is empty when it starts.
That what they make is what a run on this machine makes, byte for byte, is in test_platforms_match.py.
"""

import dataclasses
import functools
import json
import re
import shutil
from pathlib import Path

import pytest
from kms_stand_in import kms_at
from projects import ROOT
from s3_jobs import run_as_job

from components.ledger.ledger import Ledger
from components.model_approval.decisions import APPROVED, latest_request
from components.model_digest import model_digest
from components.model_registry.remote import RemoteRegistry, place_of
from components.signing.signature import SIGNATURE, verify_with_key
from pipeline.config import Config, load_config
from pipeline.launch.request import LaunchRequest
from pipeline.metadata import LineageStore
from pipeline.planning import make_plan
from pipeline.runners.base import Document
from pipeline.runners.registry import build_document, placed_for
from pipeline.runners.warm import WarmProcess
from pipeline.sample_data.options import ReviewsOptions
from pipeline.sample_data.write import write_reviews
from pipeline.staging import stage_inputs
from pipeline.storage import read_text, write_text
from pipeline.storage.download import Download, download
from pipeline.storage.s3 import Location, listing, put_file, read_bytes, s3_client

pytestmark = pytest.mark.integration

ACCOUNT = "123456789012"
BUCKET = "penstock-sample"
HOME = f"s3://{BUCKET}/home"
ROWS = 700
RUN = "run-1"
RESOLVERS = {
    "previous_metrics",
    "previous_distribution",
    "latest_blessed_model",
    "latest_approved_bias",
    "latest_approved_attributions",
}
NODES = {
    "ArrowExampleGen",
    "DataQualityGate",
    "StatisticsGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "ValidationGate",
    "DistributionValidator",
    "Transform",
    "TrainingBalancer",
    "Tuner",
    "Trainer",
    "Evaluator",
    "ServingCheck",
    "BiasEvaluator",
    "Explainer",
    "AttributionDrift",
    "HumanReview",
    "ModelCard",
    "ModelApproval",
    "Pusher",
    "ModelRegistry",
}
SETTINGS = [
    "training.epochs=1",
    "tuner={enabled: true, max_trials: 1, epochs: 1}",
    "balancing.method=upsample",
    "evaluation.thresholds=[{metric: accuracy, lower: 0.05}]",
    "evaluation.min_examples_per_slice=10",
    "validation.severities={FEATURE_TYPE_LOW_FRACTION_PRESENT: warning}",  # a split of few rows
    "bias.thresholds=[{metric: AD, lower: -1, upper: 1}]",
    "bias.change_thresholds=[]",
    "bias.min_rows=5",
    "serving_check={max_p50_ms: 5000, max_p95_ms: 5000}",
    "explanation.rows=40",
    "approval.mode=required",
]
"""As short as can be, with every node; a model of one epoch is no good, and that is not what is tested here."""


@dataclasses.dataclass
class Run:
    """A run of the sample pipeline, node by node.

    Attributes:
      config: with its root where the run keeps everything.
      document: what was compiled of it.
      request: of its nodes, but for the scratch folder.
      environment: what a job finds in it.
    """

    config: Config
    document: Document
    request: LaunchRequest
    environment: dict[str, str]
    warm: WarmProcess
    folder: Path

    def __call__(self, node_id: str, run_id: str = RUN) -> str:
        """The state that the node ends in."""
        scratch = self.folder / f"scratch-{node_id}"
        request = dataclasses.replace(self.request, run_id=run_id, scratch=scratch)
        log = self.log(node_id, run_id)
        outcome = self.warm.call(run_as_job, self.environment, request, node_id, log_path=log)
        shutil.rmtree(scratch, ignore_errors=True)
        said = outcome.failure.message if outcome.failure else ""
        assert outcome.state != "FAILED", f"{node_id}: {said}\n{log.read_text(errors='replace')[-4000:]}"
        return outcome.state

    def log(self, node_id: str, run_id: str = RUN) -> Path:
        """What the node printed."""
        return self.folder / f"{run_id}-{node_id}.log"

    @functools.cached_property
    def artifacts(self):
        """Where each output of the run lies, by node and key."""
        found = LineageStore(self.request.metadata_uri).outputs_of_run(RUN)
        return {(artifact.node_id, artifact.key): artifact for artifact in found}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("sample-on-s3")


@pytest.fixture(scope="module")
def s3(aws_services):
    """The environment in which S3's clients talk to the server on this machine; this process is in it too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws_services.variables.items():
            patch.setenv(name, value)
        yield aws_services.variables


@pytest.fixture(scope="module")
def kms(home):
    """The environment of a KMS, and the public key's file."""
    with kms_at() as (endpoint, public_key):
        path = home / "model.pub"
        path.write_bytes(public_key)
        yield endpoint, path


def sha256(path):
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def there(home, s3, kms):
    """The run, before any of its nodes."""
    kms_endpoint, public_key = kms
    s3_client().create_bucket(Bucket=BUCKET)
    for span, rows in (("1", ROWS // 2), ("2", ROWS)):
        path = home / "data" / f"span-{span}" / "reviews.tsv"
        path.parent.mkdir(parents=True)
        write_reviews(path, ReviewsOptions(rows=rows))
        put_file(path, f"s3://{BUCKET}/data/span-{span}/reviews.tsv", sha256(path))
    write_reviews(home / "requests.tsv", ReviewsOptions(rows=200))
    write_reviews(home / "unsure.tsv", ReviewsOptions(rows=60, seed=9))
    store = f"sqlite:///{home / 'run' / 'metadata.sqlite'}"
    aws = {
        "region": "us-east-1",
        "root": HOME,
        "image": f"x/penstock@sha256:{'0' * 64}",
        "metadata": store,
        "approval_queue": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/approvals",
    }
    overrides = [
        *SETTINGS,
        f"pipeline.root={home / 'root'}",
        f"data.path=s3://{BUCKET}/data/span-{{SPAN}}/reviews.tsv",
        f"distribution.serving_path={home / 'requests.tsv'}",
        f"review.path={home / 'unsure.tsv'}",
        f"signing={{mode: kms, kms: 'awskms:///alias/models', public_key: '{public_key}'}}",
        f"aws={json.dumps({**aws, 'job_role': 'arn:aws:iam::123456789012:role/penstock-jobs'})}",
    ]
    config = placed_for("step_functions", load_config(ROOT / "penstock.yaml", overrides))
    plan = make_plan(config)
    warm = WarmProcess(home / "warm.log")
    document = warm.call(build_document, "step_functions", config, plan, log_path=home / "compile.log")
    stage_inputs(config, plan)
    ir = f"{HOME}/ir/sample.json"
    write_text(ir, document.ir)
    (home / "run").mkdir()
    request = LaunchRequest(ir, document.node_ids, RUN, store)
    return Run(config, document, request, {**s3, "AWS_ENDPOINT_URL_KMS": kms_endpoint}, warm, home / "run")


@pytest.fixture(scope="module")
def states(there):
    """Of the nodes up to the approval, after they ran."""
    return {
        node_id: there(node_id) for node_id in there.document.node_ids if node_id not in ("Pusher", "ModelRegistry")
    }


@pytest.fixture(scope="module")
def published(there, states):
    """The run to its end, after a person approved the model; with states by node."""
    assert states["ModelApproval"] == "AWAITING_APPROVAL", there.log("ModelApproval").read_text()[-4000:]
    ledger = Ledger(there.config.approvals_place)
    request = latest_request(ledger.entries(), RUN)
    same = {key: request.content[key] for key in ("run", "model_digest", "evidence_digest")}
    decision = {"by": "ann", "reason": "a test", "request": request.number, "report": None, "supersedes": False}
    ledger.append(APPROVED, {**same, **decision})
    rest = ("ModelApproval", "Pusher", "ModelRegistry")
    return there, {**states, **{node_id: there(node_id) for node_id in rest}}


def test_every_node_of_the_sample_runs_with_everything_on_s3(published):
    there, states = published
    assert set(states) == NODES | RESOLVERS == set(there.document.node_ids)
    assert {node_id: states[node_id] for node_id in NODES} == dict.fromkeys(NODES, "COMPLETE")


THEIR_OWN = ("/saved_model.pb", "/eval_config.json")
"""In a graph TensorFlow names where each vocabulary was, and goes by the graph's folder when it loads it; TFMA names in
a copy of its settings where the model was. Nobody reads either."""

LOCAL_PATH = re.compile(r"(?<![\w.:/<>*}\]\\-])/(?:tmp|home|root|opt|var|usr|work|mnt|private|Users|builds)\b")


def strings_of(message, name=""):
    """Every text in an ML Metadata message, with the names of the fields that it is in."""
    for field, value in message.ListFields():
        for item in value if field.is_repeated and field.message_type is None else [value]:
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                for key, held in value.items():
                    yield f"{name}.{field.name}", str(key)
                    yield from strings_of(held, f"{name}.{field.name}[{key}]")
            elif field.message_type is not None:
                for held in value if field.is_repeated else [value]:
                    yield from strings_of(held, f"{name}.{field.name}")
            elif isinstance(item, str):
                yield f"{name}.{field.name}", item


def test_no_path_of_any_machine_is_in_the_lineage_store(published, home):
    there, _ = published
    store = LineageStore(there.request.metadata_uri).ml_metadata
    artifacts, executions, contexts = store.get_artifacts(), store.get_executions(), store.get_contexts()
    assert len(artifacts) > len(NODES)
    assert {artifact.uri[: len(HOME)] for artifact in artifacts} == {HOME}
    told = [
        (f"{type(message).__name__} {message.id}{name}", text)
        for message in (*artifacts, *executions, *contexts)
        for name, text in strings_of(message)
    ]
    assert [item for item in told if str(home) in item[1] or str(ROOT) in item[1] or LOCAL_PATH.search(item[1])] == []


def test_no_document_of_the_pipeline_names_the_folder_that_nodes_worked_in(published):
    there, _ = published
    scratch = str(there.folder).encode()
    home = Location.parse(HOME)
    objects = [item for item in listing(home) if item.size and not item.key.endswith(THEIR_OWN)]
    assert len(objects) > 60
    assert [item.key for item in objects if scratch in read_bytes(Location(home.bucket, item.key).uri)] == []


def test_the_approved_model_is_pushed_whole_and_signed_and_registered(published, kms, tmp_path):
    there, _ = published
    pushed = there.artifacts["Pusher", "pushed_model"].properties["pushed_destination"]
    assert pushed.startswith(f"{HOME}/pushed/reviews/")
    version = tmp_path / pushed.rpartition("/")[2]
    download([Download(pushed, version)])
    checked = verify_with_key(version, kms[1])
    assert (version / SIGNATURE).is_file()
    approval = json.loads(read_text(f"{there.artifacts['ModelApproval', 'approval'].uri}/approval.json"))
    assert (approval["approved"], approval["decided_by"]) == (True, "people")
    assert model_digest(version) == approval["model_digest"]
    (registered,) = RemoteRegistry(there.config.registry_place, there.config.signing).history().versions.values()
    assert (registered.version, registered.stage, place_of(registered)) == (version.name, "candidate", pushed)
    assert (registered.model_digest, registered.signed_by) == (approval["model_digest"], checked.signed_by)


def test_the_request_for_an_approval_names_the_model_where_others_find_it(published):
    there, _ = published
    request = latest_request(Ledger(there.config.approvals_place).entries(), RUN)
    assert request.content["model_uri"] == there.artifacts["Trainer", "model"].uri


def test_unchanged_data_comes_from_the_cache_and_another_object_does_not(there, states, home):
    assert states["ArrowExampleGen"] == "COMPLETE"
    assert there("ArrowExampleGen", "run-2") == "CACHED"
    changed = home / "changed.tsv"
    write_reviews(changed, ReviewsOptions(rows=ROWS, seed=3))
    s3_client().upload_file(str(changed), BUCKET, "data/span-2/reviews.tsv")
    assert there("ArrowExampleGen", "run-3") == "COMPLETE"
