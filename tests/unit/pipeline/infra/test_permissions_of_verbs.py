"""What our code asks AWS for, read from the code, beside what roles let through and documents tell to allow."""

import functools
import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from cloudformation import deployed

from components.aws_advice import action_of

ROOT = Path(__file__).parents[4]
CLIENTS = {"sagemaker", "stepfunctions", "s3", "logs", "scaling"}
SERVICES = {"scaling": "application-autoscaling"}


@functools.cache
def operations(service):
    """boto3's name of a method → the operation's."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def asked(folder, own=None):
    """The permissions that the modules of a folder need, by their calls `ask(client, "method"…)`.

    Args:
      folder: of modules, or one of them.
      own: the service that `self._ask("method"…)` and `self._pages("method"…)` ask.
    """
    found = set()
    for path in [folder] if folder.is_file() else sorted(folder.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for client, method in re.findall(r'\bask(?:_pages)?\(\s*([\w.]+),\s*"([a-z_]+)"', text):
            name = client.rpartition(".")[2].removeprefix("_")
            if name in CLIENTS:
                service = SERVICES.get(name, name)
                found.add(action_of(service, operations(service)[method]))
        if own is not None:
            methods = re.findall(r'self\._(?:ask|pages)\(\s*"([a-z_]+)"', text)
            found |= {action_of(own, operations(own)[method]) for method in methods}
    return found


def actions(name):
    """What a role (or policy) of roles.yaml allows."""
    roles = deployed().nested["Roles"]
    properties = roles.properties(name)
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    allowed = [each for document in documents for each in document["Statement"] if each["Effect"] == "Allow"]
    return {action for each in allowed for action in each["Action"]}


RUNNERS = ROOT / "pipeline" / "runners"
FOLLOWING = {"sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob"}
"""Asked for with a name that is put together (pipeline/runners/aws/jobs.py)."""


@pytest.mark.parametrize(
    ("runner", "own", "document"),
    [("sagemaker", "sagemaker", "sagemaker.md"), ("step_functions", "stepfunctions", "step-functions.md")],
)
def test_what_verbs_ask_for_is_allowed_to_the_release_role_and_told_to_who_makes_a_role_of_their_own(
    runner, own, document
):
    needed = asked(RUNNERS / runner / "runner.py", own) | asked(RUNNERS / "aws") | FOLLOWING
    assert {"s3:PutObject", "logs:GetLogEvents", *FOLLOWING} < needed
    assert len(needed) > 12
    assert needed - actions("ReleaseRole") == set()
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    told = {action for action in needed if not action.startswith("s3:")}  # which the text tells as folders
    assert {action for action in told if f"{action.partition(':')[2]}`" not in text} == set()


def test_what_a_deployment_asks_for_is_allowed_to_the_deploy_role():
    needed = asked(ROOT / "components" / "endpoint_pusher")
    assert {"sagemaker:UpdateEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"} <= needed
    assert needed - actions("DeployPolicy") == set()
