"""The verbs for runs on platforms, with a platform of our own that keeps runs in memory."""

import dataclasses
import json
import sys

import pytest
from aws_config import SETTINGS

from pipeline.cli import remote
from pipeline.cli.app import app
from pipeline.cli.logs import _refuse_elsewhere
from pipeline.errors import ConfigError, NotFound, PlatformBusy, RunInterrupted
from pipeline.run_handle import RunHandle
from pipeline.runners import registry
from pipeline.runners.remote import JobProgress, JobUsage, RunProgress

CONFIG = """
pipeline: {name: reviews, root: root}
data: {path: rows.csv}
label: {column: y}
"""
HANDLE = RunHandle("sagemaker", "reviews", "abc123", "arn:abc123", "d", "2026-11-26T10:00:00+00:00")


def progress(state, **nodes):
    jobs = tuple(JobProgress(name, (name,), node_state, f"job-{name}") for name, node_state in nodes.items())
    return RunProgress(state, jobs)


@dataclasses.dataclass
class Platform:
    """A runner whose runs do what a list says."""

    states: list[RunProgress]
    asked: list[str] = dataclasses.field(default_factory=list)
    going_on: RunHandle = HANDLE

    def find(self, pipeline_name, run_id):
        self.asked.append(f"find {pipeline_name} {run_id}")
        if run_id not in ("latest", HANDLE.run_id):
            raise NotFound(f"no run '{run_id}'")
        return HANDLE

    def watch(self, _):
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def stop(self, handle):
        self.asked.append(f"stop {handle.run_id}")

    def resume(self, handle):
        self.asked.append(f"resume {handle.run_id}")
        return self.going_on

    def usage(self, _):
        return (JobUsage("Trainer", "training", "ml.m5.xlarge", 1, 0, 3600.0, 7200.0),)

    def logs(self, _, node_id, wanted):
        self.asked.append(f"logs {node_id} {wanted.follow_s:g}")
        yield from ("one", "two", "three")


@pytest.fixture
def project(tmp_path, monkeypatch):
    aws = {key: value for key, value in dataclasses.asdict(SETTINGS).items() if value}
    aws["metadata"] = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    (tmp_path / "penstock.yaml").write_text(CONFIG + f"aws: {json.dumps(aws)}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["penstock"])
    return tmp_path


@pytest.fixture
def platform(monkeypatch, project):
    made = Platform([progress("RUNNING", Trainer="RUNNING")])
    monkeypatch.setattr(registry, "remote_runner", lambda *_: made)
    return made


def penstock(*arguments):
    """The exit code of the verb."""
    return app(args=list(arguments), standalone_mode=False) or 0


def test_the_status_of_the_newest_run_is_told_by_node_with_what_can_be_done_next(platform, capsys):
    penstock("status", "--runner", "sagemaker")
    shown = capsys.readouterr().out
    assert platform.asked == ["find reviews latest"]
    assert "run abc123 of reviews on sagemaker: running" in shown
    assert "job-Trainer" in shown
    assert "stop abc123 --runner sagemaker" in shown


def test_whoever_must_decide_is_shown_commands_that_work_for_a_run_that_others_started_too(platform, capsys):
    platform.states = [progress("AWAITING_APPROVAL", ModelApproval="AWAITING_APPROVAL")]
    penstock("status", "abc123", "--runner", "sagemaker")
    shown = capsys.readouterr().out
    assert "approve abc123 --reason WHY --runner sagemaker" in shown
    assert "reject abc123 --reason WHY --runner sagemaker" in shown


@pytest.fixture
def submitting(platform, monkeypatch):
    """Nothing is compiled; a submission does what `act` says."""
    monkeypatch.setattr(remote, "checked_document", lambda *_: None)
    platform.submit = lambda *_: HANDLE
    return platform


def interrupted(*_):
    raise KeyboardInterrupt


def test_a_submission_that_is_interrupted_says_that_the_run_may_have_started_and_how_to_see_it(submitting):
    submitting.submit = interrupted
    with pytest.raises(RunInterrupted, match=r"may have been started, or not: .*status --runner sagemaker") as caught:
        penstock("submit", "--runner", "sagemaker")
    assert caught.value.exit_code == 130


def test_a_run_whose_record_is_interrupted_has_been_named_and_goes_on(submitting, monkeypatch, capsys):
    monkeypatch.setattr(remote, "_remember", interrupted)
    with pytest.raises(RunInterrupted, match=r"Run abc123 goes on; .*status --runner sagemaker"):
        penstock("submit", "--runner", "sagemaker")
    assert "Run abc123 of pipeline 'reviews' was started" in capsys.readouterr().out


def test_whoever_stops_waiting_is_told_that_the_run_goes_on(platform, monkeypatch):
    monkeypatch.setattr(platform, "watch", interrupted)
    with pytest.raises(RunInterrupted, match="Run abc123 goes on without us"):
        penstock("status", "--runner", "sagemaker", "--wait")


def test_a_run_that_was_not_submitted_from_here_is_not_said_to_have_been(platform):
    with pytest.raises(ConfigError, match=r"^No run 'nobody' of pipeline 'reviews' was submitted from this folder"):
        penstock("status", "nobody")


def test_a_failed_run_says_why_and_how_to_go_on(platform, capsys):
    failed = JobProgress("Trainer", ("Trainer",), "FAILED", "job-1", failure="the loss is no number\x1b[2J")
    platform.states = [RunProgress("FAILED", (failed,))]
    penstock("status", "abc123", "--runner", "sagemaker")
    shown = capsys.readouterr().out
    assert "Trainer: the loss is no number" in shown
    assert "\x1b" not in shown
    assert "resume abc123 --runner sagemaker" in shown


def test_programs_get_the_run_as_json(platform, capsys):
    penstock("status", "--runner", "sagemaker", "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["run_id"], found["state"], found["jobs"][0]["node_ids"]) == ("abc123", "RUNNING", ["Trainer"])


@pytest.mark.parametrize(
    ("state", "code"), [("COMPLETE", 0), ("FAILED", 3), ("AWAITING_APPROVAL", 8), ("INTERRUPTED", 130)]
)
def test_waiting_ends_with_the_runs_own_exit_code(platform, state, code):
    platform.states = [progress(state, Trainer="COMPLETE")]
    assert penstock("status", "--runner", "sagemaker", "--wait") == code


def test_waiting_looks_again_until_the_run_is_over():
    slept, told = [], []
    platform = Platform([progress("RUNNING"), progress("RUNNING", A="RUNNING"), progress("COMPLETE", A="COMPLETE")])
    found = remote.wait_for(platform, HANDLE, 100, told.append, poll_s=7, clock=lambda: sum(slept), sleep=slept.append)
    assert (found.state, slept, len(told)) == ("COMPLETE", [7, 7], 3)


def test_waiting_ends_after_its_time_and_says_that_the_run_goes_on():
    slept = []
    platform = Platform([progress("RUNNING")])
    with pytest.raises(PlatformBusy, match="goes on without us"):
        remote.wait_for(platform, HANDLE, 10, lambda _: None, poll_s=7, clock=lambda: sum(slept), sleep=slept.append)
    assert slept == [7, 3]


class Away(Platform):
    """A platform that does not answer when it is asked for the second time, and as often again as is said."""

    def __init__(self, times):
        super().__init__([progress("RUNNING"), progress("COMPLETE")])
        self.times, self.count = times, 0

    def watch(self, handle):
        self.count += 1
        if 1 < self.count <= 1 + self.times:
            raise PlatformBusy("its server is being started again")
        return super().watch(handle)


def test_waiting_goes_on_while_a_platform_does_not_answer_for_minutes_and_not_for_ever():
    slept = []
    found = remote.wait_for(
        Away(3), HANDLE, 9999, lambda _: None, poll_s=60, clock=lambda: sum(slept), sleep=slept.append
    )
    assert (found.state, slept) == ("COMPLETE", [60] * 4)
    slept.clear()
    with pytest.raises(PlatformBusy, match="started again"):
        remote.wait_for(Away(99), HANDLE, 9999, lambda _: None, poll_s=60, clock=lambda: sum(slept), sleep=slept.append)
    assert sum(slept) == 60 + 300


def test_a_run_whose_platform_has_one_name_for_it_is_named_once(submitting, monkeypatch, capsys):
    submitting.submit = lambda *_: dataclasses.replace(HANDLE, execution_arn=HANDLE.run_id)
    monkeypatch.setattr(remote, "_remember", lambda *_: None)
    penstock("submit", "--runner", "sagemaker")
    assert capsys.readouterr().out.splitlines()[1] == ""


def test_stopping_and_resuming_name_the_run(platform, capsys):
    penstock("stop", "abc123", "--runner", "sagemaker")
    penstock("resume", "abc123", "--runner", "sagemaker")
    assert [word for word in platform.asked if not word.startswith("find")] == ["stop abc123", "resume abc123"]


def test_a_run_that_goes_on_in_another_execution_is_listed_with_that_one(platform, project, capsys):
    platform.going_on = dataclasses.replace(HANDLE, execution_arn="arn:abc123_resumed_2")
    penstock("resume", "abc123", "--runner", "sagemaker")
    assert "arn:abc123_resumed_2" in capsys.readouterr().out
    penstock("runs")
    assert "abc123  reviews   on sagemaker" in capsys.readouterr().out


def test_the_platform_need_not_be_named_for_a_run_that_was_submitted_from_here(platform, capsys):
    with pytest.raises(ConfigError, match="--runner"):
        penstock("status")
    platform.going_on = dataclasses.replace(HANDLE, execution_arn="arn:2")
    penstock("resume", "--runner", "sagemaker")
    penstock("status")
    assert "on sagemaker: running" in capsys.readouterr().out


def test_the_log_of_a_node_on_a_platform_is_printed_whole_or_from_its_end(platform, capsys):
    penstock("logs", "Trainer", "--runner", "sagemaker")
    assert capsys.readouterr().out == "one\ntwo\nthree\n"
    penstock("logs", "Trainer", "--runner", "sagemaker", "--tail", "1")
    assert capsys.readouterr().out == "three\n"


def test_following_a_log_is_bounded(platform):
    penstock("logs", "Trainer", "--runner", "sagemaker", "--follow", "--for", "90")
    penstock("logs", "Trainer", "--runner", "sagemaker")
    assert platform.asked[1::2] == ["logs Trainer 90", "logs Trainer 0"]


def test_without_a_node_the_jobs_are_listed(platform, capsys):
    penstock("logs", "--runner", "sagemaker")
    assert "job-Trainer" in capsys.readouterr().out


def test_a_runs_cost_by_the_tables_prices_is_told_with_what_spot_saved(platform, capsys):
    penstock("cost", "--run", "latest", "--runner", "sagemaker")
    shown = capsys.readouterr().out
    assert "1 x ml.m5.xlarge  0.2300   7,200  3,600     0.2300  0.2300" in shown
    penstock("cost", "--run", "latest", "--runner", "sagemaker", "--json")
    assert json.loads(capsys.readouterr().out)["total"] == pytest.approx(0.23)


def test_options_that_a_platforms_logs_do_not_have_are_refused_together():
    with pytest.raises(ConfigError) as refused:
        _refuse_elsewhere("sagemaker", 2, True, 5)
    assert len(refused.value.problems) == 2
    _refuse_elsewhere("local", 2, False, 5)


def test_the_runner_of_this_machine_is_no_platform(project):
    with pytest.raises(ConfigError, match="penstock run"):
        penstock("submit", "--runner", "local")


def test_run_says_how_to_start_a_run_elsewhere(project):
    with pytest.raises(ConfigError, match="penstock submit --runner sagemaker"):
        penstock("run", "--runner", "sagemaker")
