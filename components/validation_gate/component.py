"""The ValidationGate node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.gate.artifact import GateResult
from components.validation_gate.executor import Executor
from components.validation_gate.policy import GatePolicy


class ValidationGateSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of ValidationGate."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of GatePolicy, keys sorted.
        "policy": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }
    OUTPUTS = {  # noqa: RUF012
        "result": ChannelParameter(type=GateResult),
    }


class ValidationGate(base_component.BaseComponent):
    """Stops the run if ExampleValidator's anomalies are errors by the policy and nobody waives them.

    With waivers the answer depends on the day, because they expire: an earlier day's answer must not be taken then.

    Output `result`: `GateResult`.
    """

    SPEC_CLASS = ValidationGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: channel.BaseChannel,
        schema: channel.BaseChannel,
        anomalies: channel.BaseChannel,
        policy: GatePolicy,
    ) -> None:
        inputs: dict[str, Any] = {"statistics": statistics, "schema": schema, "anomalies": anomalies}
        super().__init__(
            ValidationGateSpec(
                **inputs,
                policy=json.dumps(policy.to_json(), sort_keys=True),
                result=channel.Channel(type=GateResult),
            )
        )
