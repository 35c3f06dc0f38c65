"""The ServingCheck node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.serving_check.executor import Executor
from components.serving_check.settings import ServingCheckSettings


class ServingCheckSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of ServingCheck."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of ServingCheckSettings, keys sorted.
        "settings": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS = {  # noqa: RUF012
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
    }


class ServingCheck(base_component.BaseComponent):
    """Loads the model in a fresh process and holds its answers to each other, to the Evaluator's and to a time budget.

    Output `blessing`: `InfraBlessing` as InfraValidator writes it, with `report.json` (`ServingReport.to_json`).
    """

    SPEC_CLASS = ServingCheckSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, model: channel.BaseChannel, evaluation: channel.BaseChannel, settings: ServingCheckSettings
    ) -> None:
        inputs: dict[str, Any] = {"model": model, "evaluation": evaluation}
        super().__init__(
            ServingCheckSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                blessing=channel.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
