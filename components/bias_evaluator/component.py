"""The BiasEvaluator node."""

import dataclasses
import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.bias_evaluator.artifact import BiasReport
from components.bias_evaluator.executor import Executor
from components.bias_evaluator.settings import BiasSettings
from components.gate.artifact import GateResult
from models.tabular_text.features import Label


class BiasEvaluatorSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of BiasEvaluator."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of BiasSettings and of the Label, keys sorted; names of splits.
        "settings": ExecutionParameter(type=str),
        "label": ExecutionParameter(type=str),
        "training_split": ExecutionParameter(type=str),
        "evaluated_split": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "baseline_bias": ChannelParameter(type=BiasReport, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "bias": ChannelParameter(type=BiasReport),
        "result": ChannelParameter(type=GateResult),
    }


class BiasEvaluator(base_beam_component.BaseBeamComponent):
    """Measures the bias of the training rows' labels and of the model's answers, and judges it.

    It never fails for a bias: the verdict goes to ModelApproval. Outputs: `bias` (what was measured) and `result` (the
    verdict). `baseline_bias` is the report on the last approved model.
    """

    SPEC_CLASS = BiasEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        model: channel.BaseChannel,
        evaluation: channel.BaseChannel,
        label: Label,
        settings: BiasSettings,
        evaluated_split: str,
        training_split: str = "train",
        baseline_bias: channel.BaseChannel | None = None,
    ) -> None:
        inputs: dict[str, Any] = {
            "examples": examples,
            "model": model,
            "evaluation": evaluation,
            "baseline_bias": baseline_bias,
        }
        super().__init__(
            BiasEvaluatorSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                label=json.dumps(dataclasses.asdict(dataclasses.replace(label, reason="")), sort_keys=True),
                training_split=training_split,
                evaluated_split=evaluated_split,
                bias=channel.Channel(type=BiasReport),
                result=channel.Channel(type=GateResult),
            )
        )
