"""The Evaluator node: TFX's, with our metrics and a decision that is always written."""

import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ExecutionParameter
from tfx.utils import json_utils

from components.evaluator.demands import demands_of
from components.evaluator.eval_config import build_eval_config
from components.evaluator.executor import Executor
from components.evaluator.settings import EvaluationSettings
from models.tabular_text.features import FeatureSpec


class EvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """TFX's inputs, outputs and exec_properties, and what is demanded of the model."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        # JSON of Demands, keys sorted.
        "demands": ExecutionParameter(type=str),
    }


class Evaluator(base_beam_component.BaseBeamComponent):
    """Measures a model against its thresholds and the last blessed model, and blesses it or not.

    Outputs:
      evaluation: `ModelEvaluation`: TFMA's files, and below `serving_sample/` the rows for ServingCheck.
      blessing: `ModelBlessing`, as TFX writes it, with `decision.json` (`Decision.to_json`).
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        model: channel.BaseChannel,
        features: FeatureSpec,
        settings: EvaluationSettings,
        baseline_model: channel.BaseChannel | None = None,
        example_splits: list[str] | None = None,
    ) -> None:
        """Connects the node.

        Args:
          examples: raw `Examples`, with the label.
          model: the candidate.
          features: every column's part in the model.
          settings: what is measured and demanded.
          baseline_model: the last blessed model; may resolve to none.
          example_splits: the splits that decide, `eval` by default.

        Raises:
          ValueError: the settings do not fit the table; every finding is in the message.
        """
        inputs: dict[str, Any] = {"examples": examples, "model": model, "baseline_model": baseline_model}
        super().__init__(
            EvaluatorSpec(
                **inputs,
                eval_config=build_eval_config(features, settings),
                demands=json.dumps(demands_of(features, settings).to_json(), sort_keys=True),
                example_splits=json_utils.dumps(example_splits or ["eval"]),
                fairness_indicator_thresholds=json_utils.dumps(None),
                evaluation=channel.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=channel.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
