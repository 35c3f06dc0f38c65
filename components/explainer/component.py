"""The Explainer node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils

from components.explainer.artifact import ModelExplanation
from components.explainer.executor import Executor
from components.explainer.settings import ExplanationSettings


class ExplainerSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of Explainer."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of ExplanationSettings, keys sorted.
        "settings": ExecutionParameter(type=str),
        # JSON list of names, as the Evaluator takes them.
        "example_splits": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "model": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {  # noqa: RUF012
        "explanation": ChannelParameter(type=ModelExplanation),
    }


class Explainer(base_component.BaseComponent):
    """Explains the model's answers to a draw of the evaluated rows, through the served graph.

    Output `explanation`: `ModelExplanation`.
    """

    SPEC_CLASS = ExplainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        evaluation: channel.BaseChannel,
        model: channel.BaseChannel,
        settings: ExplanationSettings,
        example_splits: list[str],
    ) -> None:
        """Connects the node; `example_splits` are those that were evaluated."""
        inputs: dict[str, Any] = {"examples": examples, "evaluation": evaluation, "model": model}
        super().__init__(
            ExplainerSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                example_splits=json_utils.dumps(example_splits),
                explanation=channel.Channel(type=ModelExplanation),
            )
        )
