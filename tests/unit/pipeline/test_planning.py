import fnmatch
import hashlib
import json
import os

import pytest

from components.arrow_example_gen.source_files import resolve_input
from components.errors import BadData
from pipeline import places
from pipeline.config import Config
from pipeline.definition import read_options
from pipeline.errors import ConfigError
from pipeline.planning import check_data, make_plan, split_input_path
from pipeline.storage.errors import NotReached
from pipeline.storage.reading import S3Files

SCHEMA = """
feature { name: "x" type: FLOAT }
feature { name: "zip" type: BYTES }
feature { name: "y" type: FLOAT presence { min_fraction: 1 } }
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/reviews.tsv", ("/data", "reviews.tsv")),
        ("/reviews.tsv", ("/", "reviews.tsv")),
        ("/data/span-{SPAN}/part-*.csv", ("/data", "span-{SPAN}/part-*.csv")),
        ("/data/{YYYY}-{MM}-{DD}/v{VERSION}/x.csv", ("/data", "{YYYY}-{MM}-{DD}/v{VERSION}/x.csv")),
        ("/data/part-[0-9].csv", ("/data", "part-[0-9].csv")),
    ],
)
def test_the_data_path_becomes_a_folder_and_a_pattern(path, expected):
    assert split_input_path(path) == expected


def test_a_folder_means_every_file_in_it(tmp_path):
    assert split_input_path(str(tmp_path)) == (str(tmp_path), "*")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("my [old]/a.csv", ["my [old]/a.csv"]),
        ("my [old]", ["my [old]/a.csv", "my [old]/b[1].csv", "my [old]/b1.csv"]),
        ("my [old]/b[1].csv", ["my [old]/b[1].csv"]),
        ("my [old]/*.csv", ["my [old]/a.csv", "my [old]/b[1].csv", "my [old]/b1.csv"]),
        ("my [old]/[ab].csv", ["my [old]/a.csv"]),
        ("my [old]/{SPAN}/*.csv", ["my [old]/7/c.csv"]),
        ("my [n-p]/*.csv", ["my o/a.csv"]),
    ],
)
def test_brackets_are_a_pattern_only_where_nothing_has_that_name(tmp_path, path, found):
    names = ["my [old]/a.csv", "my [old]/b[1].csv", "my [old]/b1.csv", "my [old]/6/c.csv", "my [old]/7/c.csv"]
    for name in [*names, "my o/a.csv"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = resolve_input(*split_input_path(str(tmp_path / path))).files
    assert sorted(os.path.relpath(file, tmp_path) for file in files) == sorted(found)


@pytest.fixture
def make_config(tmp_path):
    """A configuration of a small table and its schema, with sections put over it."""
    (tmp_path / "table.csv").write_text("x,zip,y\n" + "".join(f"{i}.5,0{i % 4},{i}.25\n" for i in range(40)))
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)

    def make(has_schema=True, **sections):
        tree = {
            "pipeline": {"name": "test", "root": str(tmp_path / "root")},
            "data": {"path": str(tmp_path / "table.csv")},
            "label": {"column": "y"},
            "schema": {"path": str(tmp_path / "schema.pbtxt") if has_schema else None},
        }
        for name, section in sections.items():
            tree[name] = {**tree.get(name, {}), **section}
        return Config.model_validate_json(json.dumps(tree))

    return make


def problems_of(config):
    with pytest.raises(ConfigError) as caught:
        make_plan(config)
    return caught.value.problems


def test_everything_that_does_not_fit_is_reported_at_once(make_config):
    config = make_config(
        pipeline={"root": "gs://bucket/root"},
        push={"directory": "s3://bucket/models"},
        tuner={"enabled": True, "objective": "val_auc"},
        training={"class_weights": "balanced"},
        evaluation={"metrics": ["auc"]},
    )
    problems = problems_of(config)
    expected = [
        "pipeline.root is 'gs://",
        "push.directory is 's3://",
        "evaluation: ",
        "training.class_weights",
        "tuner: ",
    ]
    assert [problem[: len(start)] for problem, start in zip(problems, expected, strict=True)] == expected
    assert "only local paths and s3:// work" in problems[0]
    assert "a run on this machine works on local paths only" in problems[1]
    assert "objective val_auc does not exist for a regression label" in problems[4]


def test_problems_of_columns_come_with_the_others(make_config):
    config = make_config(
        has_schema=False,
        push={"directory": "s3://bucket/models"},
        features={"exclude": ["zipp"]},
        label={"kind": "regression"},
        training={"class_weights": "balanced"},
    )
    places, columns, weights = problems_of(config)
    assert "push.directory" in places
    assert "Did you mean 'zip'?" in columns
    assert "set it to none" in weights


CATEGORY = {"kinds": {"zip": "categorical"}}


def test_a_number_has_no_classes_to_balance(make_config):
    (problem,) = problems_of(make_config(balancing={"method": "upsample"}))
    assert problem == (
        "balancing.method is upsample, and the label 'y' is a number (regression), which has no classes to balance; "
        "set it to none, or balancing.by to a categorical feature."
    )


def test_rows_of_a_number_can_be_balanced_by_a_feature(make_config):
    plan = make_plan(make_config(balancing={"method": "upsample", "by": "zip"}, features=CATEGORY))
    assert plan.features.label.name == "y"


@pytest.mark.parametrize(
    ("by", "hint"), [("zipp", "Did you mean 'zip'?"), ("x", "They are: zip."), ("y", "That is the label")]
)
def test_only_a_categorical_feature_can_be_balanced(make_config, by, hint):
    (problem,) = problems_of(make_config(balancing={"method": "downsample", "by": by}, features=CATEGORY))
    assert f"balancing.by is '{by}', which is no categorical feature of the model." in problem
    assert hint in problem


def test_drift_of_a_column_that_is_not_there_is_refused(make_config):
    (problem,) = problems_of(make_config(distribution={"features": {"zipp": {"severity": "ignore"}, "y": {}}}))
    assert problem == "distribution.features names 'zipp', and the data has no such column. Did you mean 'zip'?"


@pytest.mark.parametrize("key", ["data", "schema"])
def test_what_cannot_be_read_from_here_is_refused_without_trying(make_config, key):
    config = make_config(**{key: {"path": "s3://bucket/x"}}, push={"directory": "gs://bucket/models"})
    assert [problem.split(" is ")[0] for problem in problems_of(config)] == [f"{key}.path", "push.directory"]


ON_S3 = "s3://bucket/prefix"


def test_jobs_elsewhere_find_the_data_and_other_inputs_where_they_are_staged(make_config, tmp_path):
    for name in ("requests.csv", "unsure.csv", "key.pub"):
        (tmp_path / name).write_text(name)
    config = make_config(
        distribution={"serving_path": str(tmp_path / "requests.csv")},
        review={"path": str(tmp_path / "unsure.csv")},
        signing={"mode": "kms", "kms": "awskms:///alias/x", "public_key": str(tmp_path / "key.pub")},
    ).at(ON_S3)
    plan = make_plan(config)
    inputs = f"{ON_S3}/artifacts/test/inputs"
    assert plan.input_base.startswith(f"{inputs}/data/")
    assert plan.input_pattern == "table.csv"
    for name in ("requests.csv", "unsure.csv", "key.pub"):
        digest = hashlib.sha256(name.encode()).hexdigest()
        assert plan.place_of(str(tmp_path / name)) == f"{inputs}/files/{digest}/{name}"
    assert plan.place_of(str(tmp_path / "table.csv")) == f"{plan.input_base}/table.csv"
    assert plan.place_of(None) is None


def test_other_data_is_staged_elsewhere_and_equal_data_is_not(make_config, tmp_path):
    bases = []
    for text in ("x,zip,y\n1,2,3\n", "x,zip,y\n1,2,4\n", "x,zip,y\n1,2,3\n"):
        (tmp_path / "table.csv").write_text(text)
        bases.append(make_plan(make_config().at(ON_S3)).input_base)
    assert bases[0] == bases[2] != bases[1]


def test_only_the_span_that_is_meant_is_staged(make_config, tmp_path):
    for span in (1, 2, 3):
        (tmp_path / f"table-{span}.csv").write_text(f"x,zip,y\n1,2,{span}\n")
    path = str(tmp_path / "table-{SPAN}.csv")
    latest, second = (make_plan(make_config(data={"path": path, **more}).at(ON_S3)) for more in ({}, {"span": 2}))
    assert [os.path.basename(file.uri) for file in (*latest.staged, *second.staged)] == ["table-3.csv", "table-2.csv"]
    assert latest.input_pattern == second.input_pattern == "table-{SPAN}.csv"


def test_more_data_than_can_be_staged_is_to_be_put_on_s3_once(make_config, monkeypatch):
    monkeypatch.setattr(places, "MAX_STAGED_BYTES", 100)
    (problem,) = problems_of(make_config().at(ON_S3))
    assert problem.startswith("data.path is '")
    assert "aws s3 cp" in problem


def test_what_jobs_cannot_have_from_this_machine_is_refused(make_config, tmp_path):
    key = {"mode": "key", "private_key": str(tmp_path / "key.pem"), "public_key": "s3://bucket/key.pub"}
    config = make_config(push={"directory": str(tmp_path / "models")}, signing=key)
    push, signing = problems_of(config.at(ON_S3))
    assert push.startswith("push.directory is '")
    assert signing.startswith("signing.mode is key")


def test_a_run_on_this_machine_stages_nothing_but_the_schema(make_config, tmp_path):
    plan = make_plan(make_config())
    assert (plan.input_base, plan.staged) == (str(tmp_path), ())


def test_a_root_that_tfx_would_take_for_a_pattern_is_refused(make_config):
    (problem,) = problems_of(make_config(pipeline={"root": "/srv/my [old]/.penstock"}))
    assert "pipeline.root is '/srv/my [old]/.penstock'" in problem
    assert "without brackets" in problem


def test_a_tuner_that_is_off_may_have_any_objective(make_config):
    make_plan(make_config(tuner={"objective": "val_auc"}))


def test_types_of_the_schema_are_expected_and_declared_ones_demanded(make_config):
    config = make_config(data={"column_types": {"zip": "string", "new": "int64"}})
    options = read_options(config, make_plan(config))
    assert options.column_types == {"zip": "string", "new": "int64"}
    assert options.expected_types == {"x": "float32", "y": "float32"}
    assert options.planned_rows is None


def test_without_a_schema_the_planned_types_are_expected(make_config):
    config = make_config(has_schema=False, data={"column_types": {"x": "float32"}}, features={"profile_rows": 30})
    options = read_options(config, make_plan(config))
    assert options.expected_types == {"zip": "string", "y": "float32"}
    assert options.planned_rows == 30


def test_before_there_is_a_plan_no_type_is_expected(make_config):
    options = read_options(make_config(has_schema=False))
    assert (options.expected_types, options.planned_rows) == ({}, None)


@pytest.mark.parametrize("has_schema", [True, False])
def test_a_span_needs_a_place_in_the_path(make_config, has_schema):
    (problem,) = problems_of(make_config(has_schema, data={"span": 3}))
    assert problem.startswith("data.span is 3, and data.path '")
    assert "has no {SPAN}" in problem


@pytest.mark.parametrize("pattern", ["table-{SPAN}.csv", "table-{SPAN:2}.csv", "table-{YYYY}{MM}{DD}.csv"])
def test_a_span_or_a_date_in_the_path_can_be_chosen(make_config, tmp_path, pattern):
    make_plan(make_config(data={"path": str(tmp_path / pattern), "span": 3}))


@pytest.fixture
def on_s3(monkeypatch):
    """What lies on S3; None stands for a refusal to list."""
    there = ["s3://data/in/span-1/a.tsv"]

    def find(_, pattern):
        if there == [None]:
            raise NotReached("s3://data/in: S3 refused to list (AccessDenied: no).")
        return [path for path in there if fnmatch.fnmatchcase(path, pattern)]

    monkeypatch.setattr(S3Files, "find", find)
    monkeypatch.setattr(S3Files, "is_dir", lambda *_: False)
    return there


def test_data_that_are_not_on_s3_are_missed_before_a_run_is_submitted(make_config, on_s3):
    config = make_config(data={"path": "s3://data/in/span-{SPAN}/*.tsv"}).at(ON_S3)
    plan = make_plan(config)
    assert check_data(config, plan) is None
    on_s3.clear()
    with pytest.raises(BadData, match="s3://data/in"):
        check_data(config, plan)


def test_whoever_may_not_look_at_the_data_may_submit_and_is_told(make_config, on_s3):
    config = make_config(data={"path": "s3://data/in/span-{SPAN}/*.tsv"}).at(ON_S3)
    plan = make_plan(config)
    on_s3[:] = [None]
    assert check_data(config, plan).startswith("It was not looked whether there are data: s3://data/in: S3 refused")


def test_data_that_are_staged_were_seen_already(make_config, on_s3):
    config = make_config().at(ON_S3)
    assert check_data(config, make_plan(config)) is None
