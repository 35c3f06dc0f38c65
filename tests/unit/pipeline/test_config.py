import dataclasses
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import CachedNode, Config, load_config
from pipeline.config_keys import all_keys
from pipeline.errors import ConfigError

ROOT = Path(__file__).parents[3]
SMALLEST = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"


def write(folder, text):
    path = folder / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(folder, text, overrides=()):
    with pytest.raises(ConfigError) as refused:
        load_config(write(folder, text), overrides)
    return refused.value.problems


def test_three_keys_are_enough(tmp_path):
    config = load_config(write(tmp_path, SMALLEST))
    assert config.label.column == "churned"
    assert dict(config.data.splits) == {"train": 8, "eval": 2}


def test_the_sample_configuration_is_valid():
    assert load_config(ROOT / "penstock.yaml").pipeline.name == "reviews"


def test_paths_are_relative_to_the_file(tmp_path):
    config = load_config(write(tmp_path, SMALLEST + "schema: {path: s.pbtxt}\npush: {directory: /srv/models}\n"))
    assert config.data.path == str(tmp_path / "customers.csv")
    assert config.schema_.path == str(tmp_path / "s.pbtxt")
    assert config.push_directory == "/srv/models"
    assert config.root == tmp_path / ".penstock"
    assert load_config(write(tmp_path, SMALLEST + "review: {path: more.csv}\n")).review.path == str(
        tmp_path / "more.csv"
    )
    assert config.review.path is None


def test_the_path_of_logged_requests_is_relative_to_the_file(tmp_path):
    text = SMALLEST + "distribution: {serving_path: log/requests.csv, refuse: {psi: 0.5}}\n"
    distribution = load_config(write(tmp_path, text)).distribution
    assert distribution.serving_path == str(tmp_path / "log" / "requests.csv")
    assert distribution.bounds("any", "psi") == (0.1, 0.5)
    assert distribution.bounds("any", "l_infinity") == (0.1, 0.2)


def test_addresses_stay_as_they_are(tmp_path):
    config = load_config(write(tmp_path, SMALLEST.replace("customers.csv", "s3://bucket/customers.csv")))
    assert config.data.path == "s3://bucket/customers.csv"


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path):
    text = """pipeline:
  name: Reviews!
data:
  path: x.csv
  on_bad_rows: quarantin
  splits: {train: 8}
label:
  colum: star
training:
  epochs: "5"
  dropuot: 0.1
evaluation:
  thresholds:
    - {metric: acuracy, lower: 0.5}
validation:
  waivers:
    - {feature: vine, reason: known, expires: 2026-13-01}
"""
    problems = problems_of(tmp_path, text)
    expected = [
        (2, ["pipeline.name", "lower-case letters", "'Reviews!'"]),
        (5, ["data.on_bad_rows", "'quarantin'", "Did you mean 'quarantine'?"]),
        (6, ["data.splits", "a split named eval"]),
        (7, ["'label.column' is required"]),
        (8, ["unknown key 'label.colum'", "Did you mean 'column'?"]),
        (10, ["training.epochs", "valid integer", "'5'"]),
        (11, ["unknown key 'training.dropuot'", "Did you mean 'model.dropout'?"]),
        (14, ["evaluation.thresholds[0]", "'acuracy'", "'accuracy'"]),
        (17, ["validation.waivers[0].expires", "2026-13-01"]),
    ]
    assert len(problems) == len(expected)
    by_line = sorted(problems, key=lambda problem: int(re.search(r"yaml:(\d+):", problem)[1]))
    for problem, (line, words) in zip(by_line, expected, strict=True):
        assert f"pipeline.yaml:{line}:" in problem
        assert all(word in problem for word in words), problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found nothing"),
        ("- a\n- b\n", "expected sections"),
        ("pipeline: {name: a\n", "not valid YAML"),
        ("pipeline: {name: a}\npipeline: {name: b}\n", "not valid YAML"),
        ("a: &x [*x]\n", "yaml"),
    ],
)
def test_what_is_no_configuration_is_refused_in_words(tmp_path, text, words):
    assert words in problems_of(tmp_path, text)[0]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: there is no such configuration file"):
        load_config(tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(path)


def test_overrides_go_over_the_file(tmp_path):
    config = load_config(write(tmp_path, SMALLEST), ["training.epochs=3", "data.splits={train: 1, eval: 1}"])
    assert config.training.epochs == 3
    assert dict(config.data.splits) == {"train": 1, "eval": 1}


def test_a_wrong_override_is_named_as_one(tmp_path):
    problems = problems_of(tmp_path, SMALLEST, ["training.epochs=many"])
    assert problems[0].startswith("--set training.epochs: ")
    assert problems_of(tmp_path, SMALLEST, ["training.epochs"])[0].startswith(
        "--set training.epochs: expected KEY=VALUE"
    )


@pytest.mark.parametrize("override", ["features.exclude=[a", "label.column=%x", "label.column=A: x: y"])
def test_an_override_that_is_no_yaml_is_named(tmp_path, override):
    assert override.partition("=")[0] in problems_of(tmp_path, SMALLEST, [override])[0]


@pytest.mark.parametrize("value", ["!foo b", "!!binary aGk=", "!!set {a, b}", "&x [*x]"])
def test_yaml_that_no_key_takes_is_refused_in_words(tmp_path, value):
    assert problems_of(tmp_path, SMALLEST.replace("churned", value))


def test_a_nodes_cache_can_be_switched_off_or_limited_by_age(tmp_path):
    nodes = "nodes: {Trainer: {cache: false}, ArrowExampleGen: {cache_ttl_hours: 24}}\n"
    caching = load_config(write(tmp_path, SMALLEST + nodes)).caching
    assert (caching.of("Trainer").cache, caching.of("Trainer").cache_ttl_hours) == (False, None)
    assert (caching.of("ArrowExampleGen").cache, caching.of("ArrowExampleGen").cache_ttl_hours) == (True, 24)
    assert caching.of("Pusher").cache


def test_an_unknown_node_is_named_with_its_line_the_nearest_and_all_others(tmp_path):
    (problem,) = problems_of(tmp_path, f"{SMALLEST}nodes:\n  Trainr: {{cache: false}}\n")
    assert re.match(r".*pipeline\.yaml:5: unknown key 'nodes\.Trainr': ", problem)
    assert problem.endswith(" or 'EndpointPusher'. Did you mean 'Trainer'?")
    assert all(f"'{node}'" in problem for node in get_args(CachedNode))


def test_a_time_to_live_must_be_more_than_nothing(tmp_path):
    (problem,) = problems_of(tmp_path, SMALLEST, ["nodes.Trainer.cache_ttl_hours=0"])
    assert "'nodes.Trainer': cache_ttl_hours is 0" in problem


def test_the_nodes_of_the_configuration_are_those_of_the_definition():
    compiled = [json.loads(path.read_text()) for path in (ROOT / "tests" / "golden").glob("*.ir.json")]
    infos = [node["pipelineNode"]["nodeInfo"] for ir in compiled for node in ir["nodes"]]
    cached = {info["id"] for info in infos if not info["type"]["name"].endswith(".Resolver")}
    assert cached == set(get_args(CachedNode))


def test_an_override_may_be_a_date(tmp_path):
    waivers = "validation.waivers=[{feature: a, reason: b, expires: 2999-01-01}]"
    (waiver,) = load_config(write(tmp_path, SMALLEST), [waivers]).validation.waivers
    assert waiver.expires.isoformat() == "2999-01-01"


@pytest.mark.parametrize("name", ["../x", "a b", "", "a/b"])
def test_a_split_that_cannot_be_a_folder_is_refused(tmp_path, name):
    splits = json.dumps({"train": 1, "eval": 1, name: 1})
    assert "data.splits" in problems_of(tmp_path, SMALLEST, [f"data.splits={splits}"])[0]


@pytest.mark.parametrize("weight", [0, 1_000_001, 99999999999999999999])
def test_a_weight_that_no_split_can_have_is_refused(tmp_path, weight):
    """TFX keeps weights in 32 bits."""
    (problem,) = problems_of(tmp_path, SMALLEST, [f"data.splits={{train: {weight}, eval: 1}}"])
    assert "data.splits" in problem
    assert str(weight) in problem
    load_config(write(tmp_path, SMALLEST), ["data.splits={train: 1000000, eval: 1}"])


def test_the_label_cannot_be_a_feature(tmp_path):
    assert "cannot be a feature" in problems_of(tmp_path, SMALLEST + "features: {kinds: {churned: text}}\n")[0]


PLAIN_KEYS = [key for key, _ in all_keys(Config) if "[]" not in key and "*" not in key]
SECTIONS = sorted({key.split(".")[0] for key, _ in all_keys(Config)})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(section=st.sampled_from(SECTIONS), word=st.from_regex(r"zz[a-z_]{3,12}", fullmatch=True))
def test_no_unknown_key_goes_unnoticed(tmp_path, section, word):
    tree = {"pipeline": {"name": "churn"}, "data": {"path": "x.csv"}, "label": {"column": "y"}}
    tree.setdefault(section, {})[word] = 1
    assert any(f"unknown key '{section}.{word}'" in problem for problem in problems_of(tmp_path, json.dumps(tree)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    key=st.sampled_from([key for key, _ in all_keys(Config) if "[]" not in key and "*" not in key]), value=JSON_VALUES
)
def test_any_value_of_any_key_is_accepted_or_explained(tmp_path, key, value):
    tree = {"pipeline": {"name": "churn"}, "data": {"path": "x.csv"}, "label": {"column": "y"}}
    section, _, name = key.partition(".")
    tree.setdefault(section, {})[name] = value
    try:
        load_config(write(tmp_path, json.dumps(tree)))
    except ConfigError as error:
        assert error.problems
        assert all("pipeline.yaml" in problem for problem in error.problems)


def plain(default):
    """A default as docs/config.md writes it."""
    if default is ...:
        return "—"
    return f"`{json.dumps(default, default=as_json)}`"


def as_json(value):
    if hasattr(value, "to_json"):
        return value.to_json()
    return dataclasses.asdict(value)


def test_the_documentation_has_every_key_and_default_and_no_other():
    text = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([a-z_.*\[\]0-9]+)` \| (`.*?`|—) \|", text, flags=re.MULTILINE))
    assert documented == {key: plain(default) for key, default in all_keys(Config)}


@pytest.mark.parametrize("method", ["downsample", "upsample", "class_weights"])
def test_classes_are_not_balanced_twice(tmp_path, method):
    both = f"balancing: {{method: {method}}}\ntraining: {{class_weights: balanced}}\n"
    (problem,) = problems_of(tmp_path, SMALLEST + both)
    assert f"balancing.method is {method} and training.class_weights is balanced" in problem
    assert "set one of them to none" in problem


def test_a_search_does_not_balance_classes_again(tmp_path):
    search = "tuner: {enabled: true, search_space: {class_weights: {values: [none, balanced]}}}\n"
    (problem,) = problems_of(tmp_path, SMALLEST + "balancing: {method: upsample}\n" + search)
    assert "tuner.search_space.class_weights tries 'balanced'" in problem
    assert load_config(write(tmp_path, SMALLEST + search)).tuner.enabled


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_a_bound_that_bounds_nothing_is_refused_with_its_line(tmp_path, value):
    text = SMALLEST + f"bias:\n  facets: [{{column: vine}}]\n  thresholds:\n    - {{metric: DI, lower: {value}}}\n"
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"{tmp_path / 'pipeline.yaml'}:7: 'bias.thresholds[0].lower' is ")
    assert "no finite number" in problem


def test_numbers_that_are_not_finite_are_told_beside_other_mistakes_and_in_overrides(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, SMALLEST + "card: {owner: me}\n"), ["distribution.refuse={psi: .nan}"])
    assert [problem.split(" ")[:2] for problem in caught.value.problems] == [
        ["--set", "distribution.refuse:"],
        [f"{tmp_path / 'pipeline.yaml'}:4:", "unknown"],
    ]


def test_each_of_several_mistakes_of_one_item_has_its_line(tmp_path):
    text = SMALLEST + "quality:\n  constraints:\n    - {kind: uniqueness, column: vine}\n"
    problems = problems_of(tmp_path, text)
    assert len(problems) == 2
    assert all(
        problem.startswith(f"{tmp_path / 'pipeline.yaml'}:6: 'quality.constraints[0]': ") for problem in problems
    )


def test_a_question_is_not_ended_with_a_full_stop(tmp_path):
    (problem,) = problems_of(tmp_path, SMALLEST + "bias:\n  thresholds: [{metric: ADD, lower: 0}]\n")
    assert problem.endswith("Did you mean 'AD'?")


def test_bad_balancing_is_told_with_its_line(tmp_path):
    (problem,) = problems_of(tmp_path, SMALLEST + "balancing: {method: upsampel}\n")
    assert "Did you mean 'upsample'?" in problem


@pytest.mark.parametrize("overrides", [(), ("approval.approvers=2",)])
def test_the_mode_alone_is_short_for_approval(tmp_path, overrides):
    loaded = load_config(write(tmp_path, SMALLEST + "approval: required\n"), overrides)
    assert loaded.approval.mode == "required"


def test_a_wrong_mode_of_approval_is_told_with_its_line(tmp_path):
    (problem,) = problems_of(tmp_path, SMALLEST + "approval: requird\n")
    assert problem.startswith(f"{tmp_path / 'pipeline.yaml'}:4: 'approval.mode'")
    assert "found 'requird'. Did you mean 'required'?" in problem


ON_S3 = "s3://bucket/prefix"


def test_at_another_root_every_place_is_below_it_and_nothing_else_differs(tmp_path):
    local = load_config(write(tmp_path, SMALLEST))
    there = local.at(ON_S3)
    assert (there.approvals_place, there.answers_place, there.registry_place, there.push_directory) == (
        f"{ON_S3}/approvals/churn.jsonl",
        f"{ON_S3}/review/churn/answers.jsonl",
        f"{ON_S3}/registry/churn",
        f"{ON_S3}/pushed/churn",
    )
    assert there.is_remote
    assert not local.is_remote
    assert there.at(local.pipeline.root) == local


def test_places_of_a_pipeline_on_this_machine_are_its_paths(tmp_path):
    local = load_config(write(tmp_path, SMALLEST))
    assert (str(local.approvals_path), str(local.answers_path), str(local.registry_path)) == (
        local.approvals_place,
        local.answers_place,
        local.registry_place,
    )


@pytest.mark.parametrize("name", ["root", "approvals_path", "answers_path", "registry_path"])
def test_what_needs_a_folder_of_this_machine_says_so_where_there_is_none(tmp_path, name):
    there = load_config(write(tmp_path, SMALLEST)).at(ON_S3)
    with pytest.raises(ConfigError, match=f"'{ON_S3}'.*aws.root"):
        getattr(there, name)


DEPLOY = f"""aws:
  region: eu-central-1
  root: s3://bucket/prefix
  image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/penstock@sha256:{"ab" * 32}
  metadata: secretsmanager:store
  job_role: arn:aws:iam::123456789012:role/penstock-jobs
signing: {{mode: key, private_key: k.pem, public_key: k.pub}}
deploy: {{enabled: true, image: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/penstock@sha256:{"cd" * 32}"}}
"""


def test_only_runs_on_s3_deploy(tmp_path):
    config = load_config(write(tmp_path, SMALLEST + DEPLOY))
    assert not config.deploys
    assert config.at("s3://bucket/prefix").deploys
    assert not load_config(write(tmp_path, SMALLEST + DEPLOY), ["deploy.enabled=false"]).at("s3://b/p").deploys


def test_the_endpoint_has_the_serving_image_and_the_role_of_jobs_unless_it_has_its_own(tmp_path):
    target = load_config(write(tmp_path, SMALLEST + DEPLOY)).deploy_target
    assert (target.endpoint, target.role.rpartition("/")[2]) == ("churn", "penstock-jobs")
    assert target.image.endswith("cd" * 32)
    assert target.record == "s3://bucket/prefix/deployments/churn.jsonl"
    own = load_config(
        write(tmp_path, SMALLEST + DEPLOY), ["deploy.endpoint=shop", "deploy.role=arn:aws:iam::123456789012:role/x"]
    )
    assert (own.deploy_target.endpoint, own.deploy_target.role) == ("shop", "arn:aws:iam::123456789012:role/x")


def test_nothing_unsigned_or_unregistered_can_be_deployed(tmp_path):
    (problem,) = problems_of(tmp_path, f"{SMALLEST}deploy: {{enabled: true}}\nregistry: {{enabled: false}}\n")
    assert all(words in problem for words in ("section aws", "signing.mode key or kms", "registry.enabled"))
    assert "deploy.image" in problem


def test_without_a_serving_image_nothing_is_deployed_by_hand_either(tmp_path):
    config = load_config(write(tmp_path, SMALLEST + DEPLOY), ["deploy={}"])
    with pytest.raises(ConfigError, match="penstock image build --variant serving"):
        assert config.deploy_target is None


def test_a_file_that_extends_another_holds_only_what_differs(tmp_path):
    write(tmp_path, SMALLEST + "training: {epochs: 7, seed: 3}\nschema: {path: s.pbtxt}\n")
    (tmp_path / "environments").mkdir()
    over = tmp_path / "environments" / "prod.yaml"
    over.write_text("extends: ../pipeline.yaml\ntraining: {epochs: 9}\napproval: required\npush: {directory: out}\n")
    config = load_config(over, ["training.seed=4"])
    assert (config.training.epochs, config.training.seed, config.approval.mode) == (9, 4, "required")
    assert config.data.path == str(tmp_path / "customers.csv")
    assert config.schema_.path == str(tmp_path / "s.pbtxt")
    assert Path(config.push.directory) == tmp_path / "out"  # paths are relative to what is extended


def test_lists_are_replaced_and_not_mixed(tmp_path):
    write(tmp_path, SMALLEST + "features: {include: [a, b]}\n")
    (tmp_path / "over.yaml").write_text("extends: pipeline.yaml\nfeatures: {include: [c]}\n")
    assert list(load_config(tmp_path / "over.yaml").features.include) == ["c"]


def test_a_mistake_is_told_with_the_line_of_the_file_that_it_is_in(tmp_path):
    write(tmp_path, SMALLEST + "training: {epochs: x}\nmodel:\n  dropout: 0.1\n")
    (tmp_path / "over.yaml").write_text("extends: pipeline.yaml\nbeam: {}\ntuner:\n  enabled: maybe\n")
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "over.yaml")
    problems = sorted(refused.value.problems)
    assert any(re.search(r"over\.yaml:4: 'tuner.enabled'", problem) for problem in problems)
    assert any(re.search(r"pipeline\.yaml:4: 'training.epochs'", problem) for problem in problems)


def test_what_cannot_be_extended_is_told(tmp_path):
    for text, words in (("extends: over.yaml\n", "extends itself"), ("extends: no.yaml\n", "no such"),
                        ("extends: [a]\n", "path of one other")):  # fmt: skip
        (tmp_path / "over.yaml").write_text(text)
        with pytest.raises(ConfigError, match=words):
            load_config(tmp_path / "over.yaml")
