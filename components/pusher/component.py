"""The Pusher node: TFX's, with an approval as an input and an executor that publishes atomically."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import json_utils

from components.model_approval.artifact import ModelApproval
from components.pusher.executor import Executor
from components.signing.settings import SigningSettings


class PusherSpec(standard_component_specs.PusherSpec):
    """TFX's inputs, outputs and exec_properties, the approval, and how to sign."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        **standard_component_specs.PusherSpec.PARAMETERS,
        # JSON of SigningSettings, keys sorted; holds no secret.
        "signing": ExecutionParameter(type=str),
        # The same file as in `signing`, by itself: its content is part of the cache key (pipeline/caching).
        "public_key": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012 - read by TFX as it stands
        **standard_component_specs.PusherSpec.INPUTS,
        "approval": ChannelParameter(type=ModelApproval),
    }


class Pusher(base_component.BaseComponent):
    """Pushes a model that both gates bless and that is approved to a numbered version folder (TF Serving's layout).

    Output `pushed_model`: `PushedModel` with a copy of the version's folder, receipt and signature included, and the
    custom properties `pushed` (0 or 1), `not_pushed_reason` where it is 0, and otherwise `pushed_destination`,
    `pushed_version`, `signature` (who signed it, in words) and `already_pushed` (1 if the newest version was this very
    model, and none was added).
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: channel.BaseChannel,
        model_blessing: channel.BaseChannel,
        infra_blessing: channel.BaseChannel,
        approval: channel.BaseChannel,
        push_destination: pusher_pb2.PushDestination,
        signing: SigningSettings,
    ) -> None:
        inputs: dict[str, Any] = {
            "model": model,
            "model_blessing": model_blessing,
            "infra_blessing": infra_blessing,
            "approval": approval,
        }
        super().__init__(
            PusherSpec(
                **inputs,
                push_destination=push_destination,
                custom_config=json_utils.dumps(None),
                signing=json.dumps(signing.to_json(), sort_keys=True),
                public_key=signing.public_key or "",
                pushed_model=channel.Channel(type=standard_artifacts.PushedModel),
            )
        )
