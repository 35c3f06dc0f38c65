"""The DistributionValidator node."""

import dataclasses
import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.distribution_validator.artifact import DistributionSummary
from components.distribution_validator.executor import Executor
from components.distribution_validator.settings import DistributionSettings
from components.gate.artifact import GateResult
from models.tabular_text.features import FeatureSpec


class DistributionValidatorSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of DistributionValidator."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of DistributionSettings without the path, keys sorted.
        "settings": ExecutionParameter(type=str),
        # JSON of FeatureSpec, keys sorted.
        "features": ExecutionParameter(type=str),
        # A file of logged requests; its bytes are part of the node's cache key.
        "serving_path": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "previous": ChannelParameter(type=DistributionSummary, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "summary": ChannelParameter(type=DistributionSummary),
        "result": ChannelParameter(type=GateResult),
    }


class DistributionValidator(base_beam_component.BaseBeamComponent):
    """Compares the examples with those of the span before, and with logged requests, and stops the run on large drift.

    Outputs: `summary` (what the columns look like, for later spans and for monitoring) and `result` (the verdict).
    """

    SPEC_CLASS = DistributionValidatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        features: FeatureSpec,
        settings: DistributionSettings,
        previous: channel.BaseChannel | None = None,
    ) -> None:
        inputs: dict[str, Any] = {"examples": examples, "previous": previous}
        placeless = dataclasses.replace(settings, serving_path=None)
        super().__init__(
            DistributionValidatorSpec(
                **inputs,
                settings=json.dumps(placeless.to_json(), sort_keys=True),
                features=json.dumps(features.to_json(), sort_keys=True),
                serving_path=settings.serving_path,
                summary=channel.Channel(type=DistributionSummary),
                result=channel.Channel(type=GateResult),
            )
        )
