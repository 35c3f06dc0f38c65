"""The templates of deploy/aws before the judge that knows every property of every resource: cfn-lint."""

import pytest
from aws_services import ENVIRONMENT, skip_without_environment
from cloudformation import FOLDER

from pipeline.infra.lint import lint_problems
from pipeline.infra.wiring import read_all

pytestmark = pytest.mark.integration

LINTER = str(ENVIRONMENT / "bin" / "cfn-lint")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_cfn_lint_finds_nothing(region):
    skip_without_environment()
    assert lint_problems(LINTER, [FOLDER / name for name in read_all(FOLDER)], region) == []


def test_cfn_lint_would_find_a_property_that_does_not_exist(tmp_path):
    skip_without_environment()
    planted = (FOLDER / "metadata.yaml").read_text().replace("StorageEncrypted:", "StorageEncryption:")
    (tmp_path / "metadata.yaml").write_text(planted)
    problems = lint_problems(LINTER, [tmp_path / "metadata.yaml"], "us-east-1")
    assert any("StorageEncryption" in problem for problem in problems), problems
