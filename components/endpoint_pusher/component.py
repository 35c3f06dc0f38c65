"""The EndpointPusher node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.endpoint_pusher.artifact import Endpoint
from components.endpoint_pusher.executor import Executor
from components.endpoint_pusher.settings import DeploySettings, Target
from components.model_approval.artifact import ModelApproval
from components.model_registry.artifact import ModelVersion
from components.signing.settings import SigningSettings


class EndpointPusherSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of EndpointPusher."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of DeploySettings and Target, keys sorted.
        "settings": ExecutionParameter(type=str),
        "target": ExecutionParameter(type=str),
        # JSON of SigningSettings, keys sorted; holds no secret.
        "signing": ExecutionParameter(type=str),
        # The same file as in `signing`, by itself: its content is part of the cache key (pipeline/caching).
        "public_key": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "approval": ChannelParameter(type=ModelApproval),
        "model_version": ChannelParameter(type=ModelVersion),
    }
    OUTPUTS = {  # noqa: RUF012
        "endpoint": ChannelParameter(type=Endpoint),
    }


class EndpointPusher(base_component.BaseComponent):
    """Puts a model that was approved, signed, pushed and registered on a SageMaker endpoint.

    Deploys nothing where nothing was pushed, and says so; fails where what was pushed is not what was approved.
    Output `endpoint`: `PenstockEndpoint`.
    """

    SPEC_CLASS = EndpointPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        pushed_model: channel.BaseChannel,
        approval: channel.BaseChannel,
        model_version: channel.BaseChannel,
        settings: DeploySettings,
        target: Target,
        signing: SigningSettings,
    ) -> None:
        """Connects the node.

        Args:
          pushed_model: the Pusher's.
          approval: ModelApproval's, which says which bytes were approved.
          model_version: ModelRegistry's.
          settings: how to deploy.
          target: where.
          signing: which signature the model must have.
        """
        inputs: dict[str, Any] = {"pushed_model": pushed_model, "approval": approval, "model_version": model_version}
        super().__init__(
            EndpointPusherSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                target=json.dumps(target.to_json(), sort_keys=True),
                signing=json.dumps(signing.to_json(), sort_keys=True),
                public_key=signing.public_key or "",
                endpoint=channel.Channel(type=Endpoint),
            )
        )
