import datetime
import json
import os
import subprocess
import sys

import pytest

from components.errors import BadData
from pipeline.caching.request import RequestDescription, compare, describe_request, read_request, write_request
from pipeline.config import load_config
from pipeline.provenance import PROJECT_ROOT

CONFIG = """
pipeline: {name: churn}
data: {path: "data/span-{SPAN}/rows.csv"}
label: {column: churned}
schema: {path: churn.pbtxt}
"""
NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


@pytest.fixture
def project(tmp_path):
    """A configuration with data, schema and code of its own."""
    code = tmp_path / "code"
    for package in ("pipeline", "components", "models", "schemas"):
        (code / package).mkdir(parents=True)
        (code / package / "__init__.py").write_text("")
    (code / "requirements.lock").write_text("six==1\n")
    (tmp_path / "data/span-1").mkdir(parents=True)
    (tmp_path / "data/span-1/rows.csv").write_text("churned\n1\n")
    (tmp_path / "churn.pbtxt").write_text("feature {}\n")
    (tmp_path / "penstock.yaml").write_text(CONFIG)
    return tmp_path


def describe(project, *overrides, parameters=None, now=NOW):
    config = load_config(project / "penstock.yaml", overrides)
    return describe_request(config, parameters or {}, now, project / "code")


def differences(project, *overrides, **named):
    """What differs now from the request that is read back from its file."""
    return compare(read_request(project), describe(project, *overrides, **named))


@pytest.fixture
def asked(project):
    write_request(project, describe(project))
    return project


def test_the_same_request_has_no_differences(asked):
    os.utime(asked / "data/span-1/rows.csv", (1, 1))
    os.utime(asked / "churn.pbtxt")
    tomorrow = NOW + datetime.timedelta(days=1)
    assert differences(asked, now=tomorrow) == []


def test_a_setting_is_told_with_both_values(asked):
    assert differences(asked, "training.epochs=6") == ["training.epochs: 5 → 6"]


def test_settings_of_the_cache_are_no_difference(asked):
    assert differences(asked, "pipeline.cache=false", "nodes.Trainer.cache=false") == []


def test_a_parameter_is_a_difference(asked):
    assert differences(asked, parameters={"value": "3"}) == ["value: 3 is new"]


def test_logged_requests_count_by_content(project):
    path = project / "requests.csv"
    path.write_text("churned\n1\n")
    write_request(project, describe(project, "distribution.serving_path=requests.csv"))
    assert differences(project, "distribution.serving_path=requests.csv") == []
    path.write_text("churned\n0\n")
    (changed,) = differences(project, "distribution.serving_path=requests.csv")
    assert changed == "data file 'distribution.serving_path' changed"
    path.unlink()
    assert differences(project, "distribution.serving_path=requests.csv") != []


def test_data_count_by_content_and_by_the_span_that_would_be_read(asked):
    (asked / "data/span-1/rows.csv").write_text("churned\n0\n")
    assert differences(asked) == ["data file 'span-1/rows.csv' changed"]
    (asked / "data/span-1/rows.csv").write_text("churned\n1\n")
    assert differences(asked) == []
    (asked / "data/span-2").mkdir()
    (asked / "data/span-2/rows.csv").write_text("churned\n1\n")
    assert differences(asked) == ["data file 'span-1/rows.csv' is gone", "data file 'span-2/rows.csv' is new"]


def test_the_schema_counts(asked):
    (asked / "churn.pbtxt").write_text("feature { }\n")
    assert differences(asked) == ["schema file 'churn.pbtxt' changed"]


def test_code_of_every_package_counts_and_comments_do_not(asked):
    (asked / "code/schemas/__init__.py").write_text("# nothing yet\n")
    assert differences(asked) == []
    (asked / "code/schemas/__init__.py").write_text("X = 1\n")
    (asked / "code/components/new.py").write_text("")
    assert differences(asked) == ["components/new.py is new", "schemas/__init__.py changed"]


def test_a_module_beside_the_project_counts_once_it_is_loaded(asked, monkeypatch, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "our_losses.py").write_text("ALPHA = 1\n")
    monkeypatch.syspath_prepend(own)
    (asked / "code/models/__init__.py").write_text("import our_losses\n")
    assert differences(asked) == ["models/__init__.py changed", "our_losses.py is new"]
    before = describe(asked)
    (own / "our_losses.py").write_text("ALPHA = 2\n")
    assert compare(before, describe(asked)) == ["our_losses.py changed"]


def test_a_package_that_is_a_link_counts(asked, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/__init__.py").write_text("")
    (tmp_path / "elsewhere/net.py").write_text("WIDTH = 1\n")
    (asked / "code/models/own").symlink_to(tmp_path / "elsewhere")
    (asked / "code/models/__init__.py").write_text("from models.own import net\n")
    before = describe(asked)
    (tmp_path / "elsewhere/net.py").write_text("WIDTH = 2\n")
    assert compare(before, describe(asked)) == ["models/own/net.py changed"]


def test_a_new_lock_is_told_by_its_packages(asked, tmp_path):
    new = describe(asked)
    new.parts["environment"]["requirements.lock"] = "other"
    found = compare(read_request(asked), RequestDescription(new.parts, {"six": "2"}))
    assert found == ["six 1 → 2"]


def test_the_day_counts_only_with_waivers(asked):
    waivers = "validation.waivers=[{feature: a, reason: b, expires: 2999-01-01}]"
    tomorrow = NOW + datetime.timedelta(days=1)
    assert compare(describe(asked, waivers), describe(asked, waivers)) == []
    assert compare(describe(asked, waivers), describe(asked, waivers, now=tomorrow)) == [
        "the day: 2026-11-22 → 2026-11-23 (waivers expire)"
    ]


def test_a_run_that_goes_on_keeps_the_request_it_began_with(asked):
    write_request(asked, describe(asked, "training.epochs=6"))
    assert differences(asked) == []


def test_missing_data_are_refused_in_the_users_words(asked):
    (asked / "data/span-1/rows.csv").unlink()
    with pytest.raises(BadData, match="No file matches"):
        describe(asked)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"parts": 3}', '{"parts": {"code": 3}, "packages": {}}', '{"parts": {}}', "[" * 100_000]
)
def test_a_damaged_request_is_as_if_not_there(tmp_path, text):
    (tmp_path / "request.json").write_text(text)
    assert read_request(tmp_path) is None
    assert read_request(tmp_path / "nowhere") is None


def test_neither_tensorflow_nor_tfx_is_loaded_on_the_way():
    program = "import pipeline.caching.unchanged, json, sys; print(json.dumps(list(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "tfx", "apache_beam"} & set(json.loads(answer.stdout))


def test_the_rows_to_label_count_as_data(asked):
    (asked / "more.csv").write_text("a\n1\n")
    write = asked / "again"
    write.mkdir()
    write_request(write, describe(asked, "review.path=more.csv"))
    assert compare(read_request(write), describe(asked, "review.path=more.csv")) == []
    (asked / "more.csv").write_text("a\n2\n")
    (difference,) = compare(read_request(write), describe(asked, "review.path=more.csv"))
    assert "review.path" in difference
