"""Amazon's services on this machine, Step Functions and the SageMaker jobs that it starts included.

    platform_server.py PORT

A moto server whose interpreter of state machines (the one of moto.stepfunctions) is switched on and completed by what
our machines need and moto lacks:

- `sagemaker:create…Job.sync`: the job runs (local_jobs.py), its end is the state's, and a failed job's description is
  the cause of `States.TaskFailed`, as the service has it; a fault of its start that a test planted (service_jobs.py) is
  the error that the service calls it;
- executions that stop and go on as the service's do (machine_executions.py);
- SageMaker's pipelines, steps and descriptions of jobs (sagemaker_service.py);
- answers of `aws-sdk:…` as plain JSON: no datetimes, and a stream as its text;
- a model package keeps the metadata that UpdateModelPackage does not name, as the service has it.
"""

import datetime
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import machine_executions
import requests
import sagemaker_service
import service_jobs
from moto.sagemaker.models import SageMakerModelBackend
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_callback,
    state_task_service_factory,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse import preprocessor  # noqa: F401 - so that all who know the factory are loaded

_ERRORS = {"ResourceLimitExceeded": "SageMaker.ResourceLimitExceededException"}
"""Code of an answer → the error that Step Functions makes of it, where that is not the general one."""

_LOOK_S = 0.1
"""Seconds between two looks at a job."""

_MOST_CAUSE = 32_768
"""Characters of a cause that the service keeps."""


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return value.read().decode() if hasattr(value, "read") else value


class AwsSdk(state_task_service_aws_sdk.StateTaskServiceAwsSdk):
    """`aws-sdk:<service>:<action>`."""

    def _normalise_response(self, response: Any, *names: Any, **named: Any) -> None:
        del names, named
        if isinstance(response, dict):
            response.update(plain(response))


class SageMaker(state_task_service_callback.StateTaskServiceCallback):
    """`sagemaker:<action>.sync`."""

    def __init__(self) -> None:
        # What waits for a token is not offered by the service; the interpreter looks for it all the same.
        super().__init__({ResourceCondition.Sync, ResourceCondition.WaitForTaskToken})

    def _get_supported_parameters(self) -> None:
        return None

    def _validate_service_integration_is_supported(self) -> None:
        return None

    def _eval_service_task(self, env: Any, *rest: Any, **named: Any) -> None:
        request = rest[1] if len(rest) > 1 else named["normalised_parameters"]
        if code := service_jobs.take_fault(service_jobs.nodes_of(request)):
            error = _ERRORS.get(code, "SageMaker.AmazonSageMakerException")
            cause = f"The service could not start the job (Service: AmazonSageMaker; Error Code: {code})"
            raise self._failed(env, CustomErrorName(error), cause)
        env.stack.append({"action": self.resource.api_action, "request": request})

    def _build_sync_resolver(self, env: Any, *rest: Any, **named: Any) -> Callable[[], Any]:
        del rest, named
        asked = env.stack.pop()
        job = _Job(asked["action"], asked["request"])
        machine_executions.on_stop(env.states.context_object.context_object_data["Execution"]["Id"], job.stop)

        def resolved() -> Any:
            if job.is_running:
                return None
            if job.failure is None:
                return plain(job.description)
            cause = json.dumps(plain(job.failure))[:_MOST_CAUSE]
            raise self._failed(env, StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed), cause)

        return resolved

    def _failed(self, env: Any, name: Any, cause: str) -> FailureEventException:
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
            error=name.error_name,
            cause=cause,
        )
        return FailureEventException(
            FailureEvent(
                env=env,
                error_name=name,
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(taskFailedEventDetails=details),
            )
        )


class _Job:
    """A job under way."""

    def __init__(self, action: str, request: dict[str, Any]) -> None:
        self.description: dict[str, Any] = {}
        self.failure: dict[str, Any] | None = None
        self._kind = "Processing" if "processing" in action.lower() else "Training"
        self._request = request
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Asks the job to stop, if it has not ended."""
        if self.is_running:
            service_jobs.stop(self._request[f"{self._kind}JobName"])

    def _run(self) -> None:
        import local_jobs
        from sagemaker.core.local import LocalSession

        kind, request = self._kind, dict(self._request)
        name = request.pop(f"{kind}JobName")
        try:
            client = local_jobs.session("penstock-sdk", LocalSession).sagemaker_client
            getattr(client, f"create_{kind.lower()}_job")(name, **request)
            self.description = getattr(client, f"describe_{kind.lower()}_job")(name)
        except local_jobs.JobFailed as failed:
            self.failure = failed.description
        except Exception as error:  # what the service calls its own fault
            self.failure = {f"{kind}JobName": name, "FailureReason": f"InternalServerError: {error!r}"}


def install() -> None:
    """Puts our two services where moto's interpreter looks for them."""
    state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = _LOOK_S
    original = state_task_service_factory.state_task_service_for
    ours = {"sagemaker": SageMaker, "aws-sdk": AwsSdk}

    def state_task_service_for(service_name: str) -> Any:
        return ours[service_name]() if service_name in ours else original(service_name)

    for module in list(sys.modules.values()):
        if getattr(module, "state_task_service_for", None) is original:
            module.state_task_service_for = state_task_service_for


def keep_metadata() -> None:
    """Has packages keep what an update does not name; moto takes what is left out for an empty value."""
    update = SageMakerModelBackend.update_model_package

    def update_model_package(self: Any, model_package_arn: str, *rest: Any, **named: Any) -> Any:
        if named.get("customer_metadata_properties") is None:
            package = self.describe_model_package(model_package_arn)
            named["customer_metadata_properties"] = package.customer_metadata_properties
        return update(self, model_package_arn, *rest, **named)

    SageMakerModelBackend.update_model_package = update_model_package


def main() -> None:
    """Serves until it is killed."""
    port = int(sys.argv[1])
    install()
    keep_metadata()
    machine_executions.install()
    sagemaker_service.install()
    ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False).start()
    config = {"stepfunctions": {"execute_state_machine": True}}
    requests.post(f"http://127.0.0.1:{port}/moto-api/config", json=config, timeout=30)
    print("READY", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
