"""The ModelCard node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.bias_evaluator.artifact import BiasReport
from components.explainer.artifact import ModelExplanation
from components.gate.artifact import GateResult
from components.model_card.artifact import ModelCard as ModelCardArtifact
from components.model_card.evidence import Known
from components.model_card.executor import Executor
from components.model_card.settings import CardSettings


class ModelCardSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of ModelCard."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of CardSettings, keys sorted.
        "settings": ExecutionParameter(type=str),
        # JSON of Known, keys sorted.
        "known": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "verdicts": ChannelParameter(type=GateResult),
        "bias": ChannelParameter(type=BiasReport, optional=True),
        "explanation": ChannelParameter(type=ModelExplanation, optional=True),
        "hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "card": ChannelParameter(type=ModelCardArtifact),
    }


class ModelCard(base_component.BaseComponent):
    """Writes the model's card: what people said about it, and what the run measured.

    Output `card`: `ModelCard` with `card.json` and `card.html`. It decides nothing and nothing waits for it.
    """

    SPEC_CLASS = ModelCardSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, settings: CardSettings, known: Known, evidence: dict[str, channel.BaseChannel | None]) -> None:
        """Connects the node.

        Args:
          settings: what people wrote.
          known: what the configuration says.
          evidence: channels by the names of `ModelCardSpec.INPUTS`; None for nodes that the pipeline lacks.
        """
        inputs: dict[str, Any] = {key: found for key, found in evidence.items() if found is not None}
        super().__init__(
            ModelCardSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                known=json.dumps(known.to_json(), sort_keys=True),
                card=channel.Channel(type=ModelCardArtifact),
            )
        )
