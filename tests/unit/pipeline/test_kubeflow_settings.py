import dataclasses

import pytest
from kubeflow_config import SETTINGS

from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import AcceleratorPool, NodePool, Secret, Toleration, Volume

SMALLEST = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"
STORE = Secret("store", environment={"PENSTOCK_METADATA_PASSWORD": "password"})


def problems_of(**changes):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is what is checked
        dataclasses.replace(SETTINGS, **changes)
    return str(refused.value).split("\n")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"root": "bucket/prefix"}, "root is 'bucket/prefix', expected s3://BUCKET/PREFIX, or an absolute folder"),
        ({"root": "/mnt/other/x"}, "root is the folder /mnt/other/x, which is on no volume (paths of volumes: /mnt/d"),
        ({"root": "/mnt/data2"}, "which is on no volume"),
        ({"image": "penstock:latest"}, "a tag may mean another image tomorrow"),
        ({"endpoint": "kubeflow"}, "endpoint is 'kubeflow', expected the URL of the Kubeflow Pipelines API"),
        ({"report_url": "https://reports.example.com/latest"}, "expected a URL with {run_id} in it, such as https://"),
        ({"namespace": "Team_A"}, "namespace is 'Team_A', expected a namespace"),
        ({"metadata": "mysql://root:hush@db:3306/x"}, "a password is never written here"),
        ({"environment": {"1X": "a"}}, "environment: '1X' is not the name of a variable"),
        ({"environment": {"PENSTOCK_METADATA_PASSWORD": "hush"}}, "is a secret, and would be visible here"),
        ({"labels": {"team": "who knows?"}}, "labels: 'team': 'who knows?' is no Kubernetes label"),
        ({"image_pull_secrets": ("My Secret",)}, "image_pull_secrets: 'My Secret' is a name that no Kubernetes secret"),
        ({"run_as_user": 0}, "run_as_user is 0, expected 1 to 2147483647: pods do not run as root"),
        ({"run_as_user": 2**31}, "run_as_user is 2147483648, expected 1 to 2147483647"),
        ({"experiment": " "}, "experiment is ' ', expected 1 to 128 letters that can be seen"),
        ({"experiment": "a\nb"}, "experiment is 'a\\nb', expected 1 to 128"),
        ({"experiment": "x" * 129}, "expected 1 to 128 letters"),
        ({"secrets": (STORE, STORE), "notify_variable": None}, "secrets: two of them give PENSTOCK_METADATA_PASSWORD"),
        ({"notify_variable": "ELSEWHERE"}, "notify_variable is 'ELSEWHERE', which no secret gives"),
        ({"volumes": (Volume("a", "/mnt/x"), Volume("b", "/mnt/x"))}, "two volumes or secrets have the path /mnt/x"),
        ({"environment": {"X": "{{workflow.name}}"}}, "environment: X has {{ in it, which Argo would fill in"),
        ({"volumes": (Volume("my.data", "/mnt/data"),)}, "'my.data' is mounted and would be a volume's name"),
        ({"volumes": (Volume("scratch", "/mnt/data"),)}, "'scratch' is mounted, and every pod has a volume of that"),
        ({"volumes": (Volume("x", "/mnt/a"), Volume("x", "/mnt/b"))}, "'x' is mounted twice, which no pod can have"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_when_the_configuration_is_read(changes, told):
    (problem,) = problems_of(**changes)
    assert told in problem
    assert "hush" not in problem


def test_a_store_with_a_user_needs_a_password_from_a_secret():
    (problem,) = problems_of(secrets=(), notify_variable=None)
    assert (
        "no secret gives pods its password: add to secrets one with environment: {PENSTOCK_METADATA_PASSWORD" in problem
    )


def test_a_root_on_a_volume_is_taken():
    assert dataclasses.replace(SETTINGS, root="/mnt/data/reviews").on_volume
    assert not SETTINGS.on_volume


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Secret("store"), "secret 'store': say where pods see it, with environment or path"),
        (lambda: Secret("Not a name", path="/etc/x"), "name is 'Not a name'"),
        (lambda: Secret("store", path="etc"), "path is 'etc', expected an absolute folder"),
        (lambda: Secret("store", {"X": "a/b"}), "secret 'store': 'a/b' is a key that no Kubernetes secret can have"),
        (lambda: Volume("Claim!", "/mnt/x"), "claim is 'Claim!'"),
        (lambda: NodePool({"a b": "c"}), "node_selector: 'a b': 'c' is no Kubernetes label"),
        (lambda: Toleration("a b"), "tolerations: 'a b': '' is no Kubernetes label"),
        (lambda: AcceleratorPool(resource="gpu"), "resource is 'gpu', expected one such as nvidia.com/gpu"),
    ],
)
def test_what_belongs_to_it_is_checked_too(make, told):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is what is checked
        make()
    assert told in str(refused.value)


def test_a_file_with_everything_wrong_is_told_with_its_lines(tmp_path):
    path = tmp_path / "pipeline.yaml"
    lines = "kubeflow:\n  root: nowhere\n  image: a:b\n  metadata: mysql://u@h:1/d\n  secrets: [{name: x}]\n"
    path.write_text(SMALLEST + lines, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert any("kubeflow.secrets" in problem and "pipeline.yaml:" in problem for problem in refused.value.problems)
