"""The ModelRegistry node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.model_approval.artifact import ModelApproval
from components.model_registry.artifact import ModelVersion
from components.model_registry.executor import Executor
from components.signing.settings import SigningSettings


class ModelRegistrySpec(ComponentSpec):
    """Inputs, outputs and exec_properties of ModelRegistry."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        "name": ExecutionParameter(type=str),
        # The registry's folder; what is in it changes by promotions, and is no part of the cache key.
        "registry": ExecutionParameter(type=str),
        # JSON of SigningSettings, keys sorted; holds no secret.
        "signing": ExecutionParameter(type=str),
        # The same file as in `signing`, by itself: its content is part of the cache key (pipeline/caching).
        "public_key": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "approval": ChannelParameter(type=ModelApproval),
    }
    OUTPUTS = {  # noqa: RUF012
        "model_version": ChannelParameter(type=ModelVersion),
    }


class ModelRegistry(base_component.BaseComponent):
    """Registers what was pushed as a candidate; registers nothing where nothing was pushed, and says so.

    Output `model_version`: `ModelVersion`.
    """

    SPEC_CLASS = ModelRegistrySpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        pushed_model: channel.BaseChannel,
        model: channel.BaseChannel,
        evaluation: channel.BaseChannel,
        approval: channel.BaseChannel,
        name: str,
        registry: str,
        signing: SigningSettings,
    ) -> None:
        """Connects the node.

        Args:
          pushed_model: the Pusher's.
          model: what was pushed.
          evaluation: the Evaluator's, for the metrics.
          approval: ModelApproval's, which says which bytes were approved.
          name: the model's, in the registry.
          registry: the registry's folder.
          signing: which signature a version must have.
        """
        inputs: dict[str, Any] = {
            "pushed_model": pushed_model,
            "model": model,
            "evaluation": evaluation,
            "approval": approval,
        }
        super().__init__(
            ModelRegistrySpec(
                **inputs,
                name=name,
                registry=registry,
                signing=json.dumps(signing.to_json(), sort_keys=True),
                public_key=signing.public_key or "",
                model_version=channel.Channel(type=ModelVersion),
            )
        )
