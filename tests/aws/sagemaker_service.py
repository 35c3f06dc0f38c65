"""SageMaker on the platform server: moto's, whose pipelines run (pipeline_executions.py) and whose jobs are those here.

moto keeps pipelines and lists executions; it runs none, and knows no steps, stops and retries.
"""

from typing import Any

import service_jobs
from moto.core.responses import ActionResult
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from pipeline_executions import Execution

_BUCKET = "penstock-sdk"

_executions: dict[str, Execution] = {}


def install() -> None:
    """Puts what is here in the place of moto's own."""
    for name in ("start_pipeline_execution", "list_pipeline_executions", "describe_pipeline_execution"):
        setattr(SageMakerModelBackend, name, _with_ours(name, globals()[name]))
    for method in (list_pipeline_execution_steps, stop_pipeline_execution, retry_pipeline_execution):
        setattr(SageMakerResponse, method.__name__, method)
    for kind in ("processing", "training"):
        described = f"describe_{kind}_job"
        setattr(SageMakerModelBackend, described, _described(getattr(SageMakerModelBackend, described)))


def _with_ours(name: str, ours: Any) -> Any:
    moto = getattr(SageMakerModelBackend, name)
    return lambda self, *rest, **named: ours(self, moto(self, *rest, **named), *rest, **named)


def _described(moto: Any) -> Any:
    """A job's description: ours, if it was started here."""
    return lambda self, name: service_jobs.description_of(name) or moto(self, name)


def start_pipeline_execution(backend: Any, answer: dict[str, str], name: str, *rest: Any, **named: Any) -> Any:
    """Starts what moto has noted as started."""
    del rest, named
    arn = answer["PipelineExecutionArn"]
    noted = backend.pipelines[name].pipeline_executions[arn]
    given = {parameter["Name"]: parameter["Value"] for parameter in noted.pipeline_parameters or ()}
    execution = Execution(arn.rpartition("/")[2], noted.pipeline_definition_for_execution, given, _BUCKET)
    _executions[arn] = execution
    execution.start()
    return answer


def list_pipeline_executions(backend: Any, answer: dict[str, Any], *rest: Any, **named: Any) -> Any:
    """Newest first, as whoever asks here wants them."""
    del backend, rest, named
    found = [
        {**summary, "PipelineExecutionStatus": _executions[summary["PipelineExecutionArn"]].status}
        for summary in answer["PipelineExecutionSummaries"]
    ]
    return {"PipelineExecutionSummaries": found[::-1]}


def describe_pipeline_execution(backend: Any, answer: dict[str, Any], *rest: Any, **named: Any) -> Any:
    """With the state that it has."""
    del backend, rest, named
    execution = _executions[answer["PipelineExecutionArn"]]
    return {**answer, "PipelineExecutionStatus": execution.status, "FailureReason": execution.failure}


def list_pipeline_execution_steps(response: Any) -> ActionResult:
    """ListPipelineExecutionSteps, in one page."""
    return ActionResult({"PipelineExecutionSteps": _asked_for(response).steps()})


def stop_pipeline_execution(response: Any) -> ActionResult:
    """StopPipelineExecution."""
    _asked_for(response).stop()
    return ActionResult({"PipelineExecutionArn": response._get_param("PipelineExecutionArn")})


def retry_pipeline_execution(response: Any) -> ActionResult:
    """RetryPipelineExecution."""
    _asked_for(response).start()
    return ActionResult({"PipelineExecutionArn": response._get_param("PipelineExecutionArn")})


def _asked_for(response: Any) -> Execution:
    return _executions[response._get_param("PipelineExecutionArn")]
