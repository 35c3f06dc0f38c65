"""The HumanReview node."""

import dataclasses
import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.arrow_example_gen.options import ReadOptions
from components.human_review.artifact import ReviewQueue
from components.human_review.executor import Executor
from components.human_review.settings import ReviewSettings
from models.tabular_text.features import Label


class HumanReviewSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of HumanReview."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of ReviewSettings without its path, keys sorted.
        "settings": ExecutionParameter(type=str),
        # The file of rows to label, empty for the evaluated rows; its bytes are in the cache's key.
        "review_path": ExecutionParameter(type=str),
        # The record of answers (components/ledger): rows that people answered are not asked again.
        "ledger": ExecutionParameter(type=str),
        # JSON of ReadOptions: how the data's files are read.
        "reading": ExecutionParameter(type=str),
        # JSON: name and kind of the label.
        "label": ExecutionParameter(type=str),
        "split": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS = {  # noqa: RUF012
        "queue": ChannelParameter(type=ReviewQueue),
    }


class HumanReview(base_component.BaseComponent):
    """Puts the rows that the model is least sure of in a queue for people; decides nothing about the model.

    Output `queue`: `ReviewQueue`; `penstock review` answers it.
    """

    SPEC_CLASS = HumanReviewSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        model: channel.BaseChannel,
        evaluation: channel.BaseChannel,
        label: Label,
        settings: ReviewSettings,
        reading: ReadOptions,
        ledger: str,
        split: str = "eval",
    ) -> None:
        """Connects the node.

        Args:
          examples: raw `Examples`, of which one split was evaluated.
          model: names its classes, and answers the rows of `settings.path`.
          evaluation: the Evaluator's, with its answers.
          label: what is predicted.
          settings: which rows are put before people.
          reading: how the data's files are read, by which an answered row is found in them again.
          ledger: path of the record of answers.
          split: the evaluated one.
        """
        inputs: dict[str, Any] = {"examples": examples, "model": model, "evaluation": evaluation}
        super().__init__(
            HumanReviewSpec(
                **inputs,
                settings=json.dumps(dataclasses.replace(settings, path=None).to_json(), sort_keys=True),
                review_path=settings.path or "",
                ledger=ledger,
                reading=json.dumps(reading.to_json(), sort_keys=True),
                label=json.dumps({"name": label.name, "kind": str(label.kind)}, sort_keys=True),
                split=split,
                queue=channel.Channel(type=ReviewQueue),
            )
        )
