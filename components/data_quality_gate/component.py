"""The DataQualityGate node."""

import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.data_quality_gate.artifact import ConstraintSuggestions, OffendingRows, QualityMetrics
from components.data_quality_gate.executor import Executor
from components.data_quality_gate.settings import QualitySettings
from components.gate.artifact import GateResult


class DataQualityGateSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of DataQualityGate."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of QualitySettings, keys sorted.
        "settings": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "previous_metrics": ChannelParameter(type=QualityMetrics, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "metrics": ChannelParameter(type=QualityMetrics),
        "result": ChannelParameter(type=GateResult),
        "suggestions": ChannelParameter(type=ConstraintSuggestions),
        "offending_rows": ChannelParameter(type=OffendingRows),
    }


class DataQualityGate(base_beam_component.BaseBeamComponent):
    """Measures the examples against the constraints of the configuration, and stops the run where one does not hold.

    Outputs: `metrics` (what was measured), `result` (the verdict), `suggestions` (constraints to choose from) and
    `offending_rows` (a few rows that break each constraint).
    """

    SPEC_CLASS = DataQualityGateSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        settings: QualitySettings,
        previous_metrics: channel.BaseChannel | None = None,
    ) -> None:
        inputs: dict[str, Any] = {"examples": examples, "previous_metrics": previous_metrics}
        super().__init__(
            DataQualityGateSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                metrics=channel.Channel(type=QualityMetrics),
                result=channel.Channel(type=GateResult),
                suggestions=channel.Channel(type=ConstraintSuggestions),
                offending_rows=channel.Channel(type=OffendingRows),
            )
        )
