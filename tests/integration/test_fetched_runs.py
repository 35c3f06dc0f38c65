"""A run on a platform seen from a machine that has credentials and nothing else: its page, its card, its lineage.

Its jobs' reports and its artifacts are made by hand here; those of real jobs are in test_platforms_match.py.
"""

import dataclasses
import json

import pytest
from aws_config import SETTINGS, config_on_aws
from browser import browser, chromium_or_skip, tab
from ir_by_hand import ir_of, node
from kubeflow_config import SETTINGS as KUBEFLOW

from components.ledger.ledger import Ledger
from components.model_registry.document import VERSION_FILE, VersionDocument
from pipeline.errors import NotFound
from pipeline.fetched_runs import (
    MOST_BYTES,
    bring,
    elsewhere_of,
    fetched_run,
    fetched_store,
    note_submission,
    reports_of,
)
from pipeline.ir import digest
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.story import tell
from pipeline.lineage.target import find_target
from pipeline.lineage.text import tree_of
from pipeline.lineage.tree import lines_of
from pipeline.lineage_page import write_page as write_lineage
from pipeline.metadata import ArtifactRecord, EventRecord, ExecutionRecord, Snapshot
from pipeline.model_versions import open_registry
from pipeline.node_reports import NodeReport, read_reports, write_report
from pipeline.platform_root import platform_root, reached_root
from pipeline.report.write import write_page
from pipeline.run_handle import RunHandle
from pipeline.run_store import NodeRecord
from pipeline.runners.remote import JobProgress, RunProgress
from pipeline.storage.manifest import Manifest, StoredFile
from pipeline.storage.s3 import write_text
from pipeline.storage.upload import upload
from pipeline.summary import summarise, summary_lines

pytestmark = pytest.mark.integration

RUN = "run-1"
IR = ir_of(
    node("Trainer"),
    node("Pusher", "Trainer"),
    node("ModelRegistry", "Pusher"),
    node("EndpointPusher", "ModelRegistry"),
    name="reviews",
)
ENDPOINT = {
    "format": 1,
    "deployed": 1,
    "endpoint": "reviews",
    "endpoint_config": "reviews-0123-b",
    "previous_config": "reviews-0000-a",
    "model_name": "reviews-0123",
    "variant": "challenger",
    "model_digest": "0123456789abcdef" * 4,
    "version": "7",
    "reason": "",
    "variants": [
        {"name": "live", "model_name": "reviews-0000", "instance_type": "ml.m5.large", "instances": 2, "weight": 3.0},
        {
            "name": "challenger",
            "model_name": "reviews-0123",
            "instance_type": "ml.m5.large",
            "instances": 1,
            "weight": 1,
        },
    ],
    "capture": {"percent": 50, "to": "s3://bucket/captured/reviews"},
    "scaling": {"least": 2, "most": 5, "invocations": 1000.0},
    "region": "eu-central-1",
}


class Run:
    """A run on a platform that ended well; what each node wrote is on S3, and no lineage store is in reach."""

    def __init__(self, folder, bucket):
        self.folder, self.root = folder, f"s3://{bucket}/all"
        settings = dataclasses.replace(SETTINGS, root=self.root)
        config = config_on_aws().model_copy(update={"aws": settings})
        pipeline = config.pipeline.model_copy(update={"root": str(folder / ".penstock")})
        self.config = config.model_copy(update={"pipeline": pipeline})
        self.ir = f"{self.root}/ir/{digest(IR)}.json"
        write_text(self.ir, IR)
        self.place = platform_root("sagemaker", self.config)
        note_submission(
            self.place,
            IR,
            self.config.model_dump_json(by_alias=True),
            '{"python": "3.11.9", "packages": {"tfx": "1.21.0"}}',
        )
        model = self.node("Trainer", 1, {}, {"model": ("Model", {"saved_model.pb": "graph"}, {})})
        push = {"pushed": 1, "pushed_version": "7", "pushed_destination": f"{self.root}/pushed/reviews/7"}
        pushed = self.node("Pusher", 2, {"model": model["model"]}, {"pushed_model": ("PushedModel", {"a": "b"}, push)})
        document = VersionDocument(
            True, "reviews", f"{self.root}/registry/reviews", "7", "candidate", "01" * 32, "signed"
        )
        files = {VERSION_FILE: json.dumps(document.to_json())}
        self.node("ModelRegistry", 3, pushed, {"model_version": ("PenstockModelVersion", files, {})})
        record = {
            "version": "7",
            "run": RUN,
            "model_uri": model["model"].uri,
            "model_digest": "01" * 32,
            "evidence_digest": "",
            "decided_by": "rules",
            "signature": "signed",
            "signed_by": None,
            "metrics": {},
        }
        Ledger(f"{self.root}/registry/reviews/registry.jsonl").append("registered", record)
        said = {key: value for key, value in ENDPOINT.items() if isinstance(value, str | int) and key != "format"}
        files = {"endpoint.json": json.dumps(ENDPOINT)}
        self.node("EndpointPusher", 4, pushed, {"endpoint": ("PenstockEndpoint", files, said)})

    def node(self, node_id, number, inputs, outputs):
        made, artifacts, events = (
            {},
            {},
            [EventRecord(number, i.artifact_id, key, "input") for key, i in inputs.items()],
        )
        for key, (type_name, files, properties) in outputs.items():
            local = self.folder / node_id / key
            local.mkdir(parents=True)
            for name, content in files.items():
                (local / name).write_text(content)
            uri = f"{self.root}/artifacts/reviews/{node_id}/{key}/{number}"
            upload(local, uri)
            made[key] = artifacts[number] = ArtifactRecord(number, type_name, uri, node_id, key, properties)
            events.append(EventRecord(number, number, key, "output"))
        execution = ExecutionRecord(number, node_id, node_id, "reviews", (RUN,), "COMPLETE", 1000, 2000, {})
        record = NodeRecord(
            node_id, "COMPLETE", number, 1, "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00", 60, 50
        )
        inputs_too = {item.artifact_id: dataclasses.replace(item, node_id="", key="") for item in inputs.values()}
        lineage = Snapshot({**inputs_too, **artifacts}, {number: execution}, tuple(events))
        write_report(self.root, NodeReport("reviews", RUN, self.ir, record, lineage))
        return made

    def view(self, **changes):
        jobs = [
            JobProgress(each, (each,), "COMPLETE") for each in ("Trainer", "Pusher", "ModelRegistry", "EndpointPusher")
        ]
        progress = dataclasses.replace(RunProgress("COMPLETE", tuple(jobs)), **changes)
        handle = RunHandle("sagemaker", "reviews", RUN, submitted_at="2026-01-01T00:00:00+00:00")
        return fetched_run(self.place, handle, progress, reports_of(self.place, RUN))


@pytest.fixture
def run(tmp_path, s3_bucket):
    return Run(tmp_path, s3_bucket)


def test_the_page_of_a_run_with_an_endpoint_says_what_answers_there(run):
    path = write_page(run.view())
    page = path.read_text()
    assert path == run.place.kept / "runs" / RUN / "report" / "index.html"
    for words in (
        "version 7, digest 0123456789ab, as variant challenger",
        "reviews-0123-b",
        "reviews-0000-a",
        "75%",
        "25%",
        "50 % of requests and answers",
        "2 to 5 machines, aiming at 1000 requests a minute",
        "https://eu-central-1.console.aws.amazon.com/sagemaker/home?region=eu-central-1#/endpoints/reviews",
        f"{run.root}/artifacts/reviews/EndpointPusher/endpoint/4",
        "penstock promote 7 --to staging --reason WHY --runner sagemaker",
        "penstock submit --runner sagemaker",
        "3.11.9",
    ):
        assert words in page, words


def test_the_page_reads_in_a_browser_and_asks_for_nothing(run):
    path = write_page(run.view())
    with (
        browser(chromium_or_skip()) as started,
        tab(started, path.as_uri(), viewport={"width": 390, "height": 800}) as shown,
    ):
        assert shown.page.locator("#endpoint").inner_text().startswith("Endpoint")
        wide = shown.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (shown.requests, shown.complaints, wide) == ([], [], 0)


def test_what_came_of_the_run_is_told_with_its_endpoint_and_its_version_as_it_stands_now(run):
    view = run.view()
    lines = dict(summary_lines(summarise(view.record, view.lineage, view.folder_of)))
    assert lines["endpoint"] == "reviews, variant challenger, configuration reviews-0123-b"
    assert lines["registry"] == "version 7 of reviews, candidate; signed"
    change = {
        "version": "7",
        "from_stage": "candidate",
        "to_stage": "staging",
        "replaces": None,
        "by": "a",
        "reason": "b",
    }
    Ledger(f"{run.root}/registry/reviews/registry.jsonl").append("promoted", change)
    assert run.view().registered.get().stage == "staging"


def test_lineage_goes_from_the_model_to_its_endpoint(run):
    elsewhere = elsewhere_of(run.place, reports_of(run.place, None))
    graph, store = LineageGraph(elsewhere.lineage.snapshot()), fetched_store(run.place)
    run.view()
    story = tell(find_target(RUN, graph, store, "reviews"), graph, store, elsewhere)
    told = "\n".join(lines_of(tree_of(story, graph, downstream=False)))
    assert f"{run.root}/artifacts/reviews/Trainer/model/1" in told
    assert f"{run.root}/pushed/reviews/7 by run {RUN}; that folder is not there any more" in told
    assert "reviews, variant challenger, version 7" in told
    assert "registered by run run-1" in told
    write_lineage(run.folder / "lineage.html", story, graph, downstream=False)
    assert "PenstockEndpoint" in (run.folder / "lineage.html").read_text()


def test_an_artifact_that_is_gone_or_too_large_is_named_and_the_rest_is_shown(run, s3_bucket, aws_services, tmp_path):
    place = f"{run.root}/artifacts/reviews/EndpointPusher/endpoint/4"
    large = Manifest((StoredFile("model", MOST_BYTES + 1, "0" * 64, "e"),))
    write_text(f"{place}.manifest.json", large.to_json())
    with pytest.raises(NotFound, match=r"1\.0 GB, more than is brought here"):
        bring(place, tmp_path)
    aws_services.client("s3").delete_object(Bucket=s3_bucket, Key=f"{place.partition(s3_bucket)[2][1:]}.manifest.json")
    view = run.view()
    assert view.endpoint.reason == f"{place}: nothing complete is there any more."
    assert view.registered
    assert "nothing complete is there any more" in write_page(view).read_text()


def test_a_run_whose_jobs_left_nothing_has_the_platforms_states(run):
    job = JobProgress("Trainer", ("Trainer",), "FAILED", "job-1", "", "2026-01-01T00:00:00+00:00", "", "out of memory")
    handle = RunHandle("sagemaker", "reviews", "run-2", submitted_at="2026-01-01T00:00:00+00:00")
    view = fetched_run(run.place, handle, RunProgress("FAILED", (job,)), reports_of(run.place, "run-2"))
    assert [(item.node_id, item.state, item.failure) for item in view.record.nodes] == [
        ("Trainer", "FAILED", "out of memory")
    ]
    page = write_page(view).read_text()
    assert "penstock logs Trainer --run run-2 --runner sagemaker" in page
    assert "penstock resume run-2 --runner sagemaker" in page


def test_reports_come_back_as_they_were_written(run):
    reports = read_reports(run.root, "reviews")
    assert [report.node.node_id for report in reports] == ["EndpointPusher", "ModelRegistry", "Pusher", "Trainer"]
    write_text(f"{run.root}/runs/reviews/{RUN}/Trainer.json", "{")
    with pytest.raises(NotFound, match=r"run-1/Trainer\.json: not what a job leaves of a node"):
        reports_of(run.place, RUN)


def test_the_same_of_a_root_on_s3_is_seen_of_runs_on_kubeflow(run):
    settings = dataclasses.replace(KUBEFLOW, root=run.root, environment={})
    config = run.config.model_copy(update={"aws": None, "kubeflow": settings})
    root = reached_root("kubeflow", config)
    reports = reports_of(root, RUN)
    assert reports == reports_of(run.place, RUN)
    handle = RunHandle("kubeflow", "reviews", RUN, submitted_at="2026-01-01T00:00:00+00:00")
    jobs = tuple(JobProgress(report.node.node_id.lower(), (report.node.node_id,), "COMPLETE") for report in reports)
    page = write_page(fetched_run(root, handle, RunProgress("COMPLETE", jobs), reports)).read_text()
    assert "penstock promote 7 --to staging --reason WHY --runner kubeflow" in page
    assert f"{run.root}/artifacts/reviews/EndpointPusher/endpoint/4" in page
    with open_registry(config, root) as registry:
        assert list(registry.history().versions) == ["7"]
    with open_registry(config, root, "reviews") as registry:
        assert registry.record.path == f"{run.root}/registry/reviews/registry.jsonl"
    with (
        pytest.raises(NotFound, match=r"No model 'other' is registered .* There are: reviews"),
        open_registry(config, root, "other"),
    ):
        pass
