"""The AttributionDrift node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.attribution_drift.executor import Executor
from components.attribution_drift.settings import AttributionDriftSettings
from components.explainer.artifact import ModelExplanation
from components.gate.artifact import GateResult


class AttributionDriftSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of AttributionDrift."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of AttributionDriftSettings, keys sorted.
        "settings": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "explanation": ChannelParameter(type=ModelExplanation),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline": ChannelParameter(type=ModelExplanation, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "result": ChannelParameter(type=GateResult),
    }


class AttributionDrift(base_component.BaseComponent):
    """Refuses a model that ranks its features otherwise than the last approved one, or whose explanation does not hold.

    Output `result`: `GateResult`. `model` is the one that is judged: by it later runs find what was said of it.
    """

    SPEC_CLASS = AttributionDriftSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        explanation: channel.BaseChannel,
        model: channel.BaseChannel,
        settings: AttributionDriftSettings,
        baseline: channel.BaseChannel | None = None,
    ) -> None:
        """Connects the node; `baseline` is the last approved model's explanation and may resolve to none."""
        inputs: dict[str, Any] = {"explanation": explanation, "model": model, "baseline": baseline}
        super().__init__(
            AttributionDriftSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                result=channel.Channel(type=GateResult),
            )
        )
