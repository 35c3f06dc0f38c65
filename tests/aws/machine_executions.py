"""Executions of state machines on the platform server: moto's, which stop as the service's do and can be redriven.

moto lets what a stop interrupts go on to its Catch, and does not know RedriveExecution. Added here, as the service's
documentation has it: after a stop nothing more happens but that the jobs which the execution waits for are asked to
stop; a redrive enters the state again that did not end, with its input, in the same execution. Of a Parallel state the
service redrives the branches that did not end; here all its branches run again.
"""

import datetime
import json
import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.responses import StepFunctionResponse

_on_stop: dict[str, list[Callable[[], None]]] = {}


def on_stop(execution_arn: str, then: Callable[[], None]) -> None:
    """Calls that when the execution is stopped."""
    _on_stop.setdefault(execution_arn, []).append(then)


def install() -> None:
    """Puts what is here in the place of moto's own."""
    stop, set_error, add_event = Execution.stop, Environment.set_error, EventManager.add_event

    def stop_with_jobs(self: Any, *rest: Any, **named: Any) -> None:
        while self.exec_worker.env is None:  # its thread has just been started
            time.sleep(0.01)
        self.exec_worker.env.event_manager.is_stopped = True
        stop(self, *rest, **named)
        for then in _on_stop.pop(self.exec_arn, ()):
            then()

    def set_error_unless_stopped(self: Any, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            set_error(self, error)

    def add_event_unless_stopped(self: Any, context: Any, event_type: Any, *rest: Any, **named: Any) -> int:
        if getattr(self, "is_stopped", False) and event_type != HistoryEventType.ExecutionAborted:
            return 0
        return int(add_event(self, context, event_type, *rest, **named))

    Execution.stop, Environment.set_error = stop_with_jobs, set_error_unless_stopped
    EventManager.add_event = add_event_unless_stopped
    StepFunctionResponse.redrive_execution = redrive_execution


def redrive_execution(response: Any) -> ActionResult:
    """RedriveExecution."""
    execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
    execution.exec_worker = _Redriven(execution, execution.exec_worker)
    execution.exec_status, execution.stop_date = ExecutionStatus.RUNNING, None
    execution.error = execution.cause = None
    execution.exec_worker.start()
    return ActionResult({"redriveDate": datetime.datetime.now(datetime.UTC)})


class _Redriven(ExecutionWorker):
    """What carries on with an execution, whose history goes on too."""

    def __init__(self, execution: Any, earlier: ExecutionWorker) -> None:
        super().__init__(
            evaluation_details=earlier._evaluation_details,
            exec_comm=execution._get_start_execution_worker_comm(),
            cloud_watch_logging_session=None,
            activity_store={},
        )
        self._events = earlier.env.event_manager
        self._state, self._input = _where_it_was(self._events.get_event_history(), execution.state_machine.definition)
        self.env = earlier.env  # until the thread has its own, for whoever reads the history

    def _execution_logic(self) -> None:
        program = self._get_evaluation_entrypoint()
        program.start_at = StartAt(self._state)
        env = self._get_evaluation_environment()
        env.event_manager, env.event_manager.is_stopped = self._events, False
        env.event_history_context.source_event_id = self._events.get_event_history()[-1]["id"]
        env.states.reset(input_value=self._input)
        env.event_manager.add_event(env.event_history_context, HistoryEventType.ExecutionRedriven)
        self.env = env
        program.eval(env)
        self._execution_communication.terminated()


def _where_it_was(events: list[dict[str, Any]], definition: str) -> tuple[str, Any]:
    """The state of the machine itself that was entered last, and its input."""
    states = json.loads(definition)["States"]
    entered = [event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event]
    last = [details for details in entered if details["name"] in states][-1]
    return last["name"], json.loads(last["input"])
