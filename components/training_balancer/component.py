"""The TrainingBalancer node."""

import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.training_balancer.artifact import BalanceReport
from components.training_balancer.executor import Executor
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.features import FeatureSpec


class TrainingBalancerSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of TrainingBalancer."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of BalancingSettings and FeatureSpec, keys sorted.
        "settings": ExecutionParameter(type=str),
        "features": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
    }
    OUTPUTS = {  # noqa: RUF012
        "balanced_examples": ChannelParameter(type=standard_artifacts.Examples),
        "balance": ChannelParameter(type=BalanceReport),
    }


class TrainingBalancer(base_beam_component.BaseBeamComponent):
    """Balances the classes of the train split; every other split stays byte for byte what it was.

    Outputs: `balanced_examples` (what the model is trained on; with `class_weights` the same rows, and the weights
    beside them) and `balance` (what was done).
    """

    SPEC_CLASS = TrainingBalancerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        transformed_examples: channel.BaseChannel,
        transform_graph: channel.BaseChannel,
        features: FeatureSpec,
        settings: BalancingSettings,
    ) -> None:
        inputs: dict[str, Any] = {"transformed_examples": transformed_examples, "transform_graph": transform_graph}
        super().__init__(
            TrainingBalancerSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                features=json.dumps(features.to_json(), sort_keys=True),
                balanced_examples=channel.Channel(type=standard_artifacts.Examples),
                balance=channel.Channel(type=BalanceReport),
            )
        )
