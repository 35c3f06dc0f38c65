"""`penstock schedule`, with a platform of our own that keeps schedules in memory."""

import dataclasses
import re

import pytest
from kubeflow_config import config_on_kubeflow

from pipeline.cli import schedule
from pipeline.cli.app import app
from pipeline.errors import ConfigError
from pipeline.runners import registry
from pipeline.runners.base import Document
from pipeline.runners.remote import Scheduled, Timing

DOCUMENT = Document("kubeflow", "reviews", "{}", (), {}, "{}")


@dataclasses.dataclass
class Platform:
    """A runner that makes schedules with numbers."""

    made: list[tuple[object, ...]] = dataclasses.field(default_factory=list)
    kept: tuple[Scheduled, ...] = ()
    name: str = "kubeflow"

    def schedule(self, document, parameters, timing):
        self.made.append((document, parameters, timing))
        return f"id-{len(self.made)}"

    def check_timing(self, timing):
        assert isinstance(timing, Timing)

    def schedules(self, pipeline_name):
        assert pipeline_name == "reviews"
        return self.kept

    def unschedule(self, pipeline_name, schedule_id):
        self.made.append((pipeline_name, schedule_id))


@pytest.fixture
def platform(tmp_path, monkeypatch):
    (tmp_path / "penstock.yaml").write_text(config_on_kubeflow().model_dump_json(by_alias=True))
    monkeypatch.chdir(tmp_path)
    made = Platform()
    monkeypatch.setattr(registry, "remote_runner", lambda *_: made)
    monkeypatch.setattr(schedule, "checked_document", lambda *_: DOCUMENT)
    return made


def penstock(*arguments):
    return app(args=["schedule", "--runner", "kubeflow", *arguments], standalone_mode=False)


def test_a_schedule_is_made_of_what_is_compiled_now_and_can_be_ended_by_what_is_printed(platform, capsys):
    penstock("--cron", "0 6 * * 1", "--param", "span=7", "--max-concurrency", "2")
    penstock("--every", "6h", "--catchup")
    assert platform.made == [
        (DOCUMENT, {"span": "7"}, Timing(cron="0 6 * * 1", max_concurrency=2)),
        (DOCUMENT, {}, Timing(every_s=6 * 3600, catchup=True)),
    ]
    shown = capsys.readouterr()
    assert "Schedule id-1 starts runs of pipeline 'reviews' on kubeflow" in shown.out
    assert "--remove id-2" in shown.out
    assert "data.path is on this machine: each run reads the copy" in shown.err
    penstock("--remove", "id-2")
    assert platform.made[2:] == [("reviews", "id-2")]


def test_the_schedules_are_listed_and_another_one_is_told_of_them(platform, capsys):
    penstock("--list")
    assert "There are no schedules" in capsys.readouterr().out
    platform.kept = (Scheduled("id-9", "0 6 * * 1", False, {"span": "7"}, "v1", "2026-01-01T00:00:00+00:00"),)
    penstock("--list")
    row = capsys.readouterr().out.splitlines()[1]
    assert re.split(r" {2,}", row) == ["id-9", "0 6 * * 1", "off", "2026-01-01T00:00:00+00:00", "v1", "span=7"]
    penstock("--every", "1d")
    assert "it has other schedules too, which go on as they were: id-9" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--list", "--every", "1d"), ("--cron", "0 6 * * 1", "--every", "1d")])
def test_one_thing_is_asked_for(platform, arguments):
    with pytest.raises(ConfigError, match="Say one of --cron, --every, --list and --remove"):
        penstock(*arguments)


@pytest.mark.parametrize("period", ["6", "0h", "h", "1w", "1.5h"])
def test_what_is_no_period_is_refused(platform, period):
    with pytest.raises(ConfigError, match="expected a number and s, m, h or d"):
        penstock("--every", period)


@pytest.mark.parametrize(
    ("runner", "told"), [("local", "have cron start: penstock run"), ("step_functions", "deploy/aws/main.yaml")]
)
def test_a_runner_without_schedules_says_what_to_do_instead(platform, runner, told):
    with pytest.raises(ConfigError, match=f"{told}.*kubeflow"):
        app(args=["schedule", "--runner", runner, "--every", "1d"], standalone_mode=False)
