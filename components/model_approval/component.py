"""The ModelApproval node."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.gate.artifact import GateResult
from components.model_approval.artifact import ModelApproval as ModelApprovalArtifact
from components.model_approval.executor import Executor
from components.model_approval.settings import ApprovalSettings
from components.model_registry.packages import PackageSettings


class ModelApprovalSpec(ComponentSpec):
    """Inputs, outputs and exec_properties of ModelApproval."""

    PARAMETERS = {  # noqa: RUF012 - read by TFX as it stands
        # JSON of ApprovalSettings, keys sorted.
        "settings": ExecutionParameter(type=str),
        # The record of requests and decisions (components/ledger).
        "ledger": ExecutionParameter(type=str),
        # The nodes whose verdicts must be there.
        "gates": ExecutionParameter(type=str),
        # JSON of PackageSettings: where people may decide too; not there: by our own commands only.
        "packages": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "verdicts": ChannelParameter(type=GateResult),
    }
    OUTPUTS = {  # noqa: RUF012
        "approval": ChannelParameter(type=ModelApprovalArtifact),
    }


class ModelApproval(base_component.BaseComponent):
    """Approves a model that every gate passed, by rules or by people; without a person's decision the run waits.

    Output `approval`: `ModelApproval`, which the Pusher asks for.
    """

    SPEC_CLASS = ModelApprovalSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: channel.BaseChannel,
        evaluation: channel.BaseChannel,
        model_blessing: channel.BaseChannel,
        infra_blessing: channel.BaseChannel,
        verdicts: channel.BaseChannel,
        gates: list[str],
        settings: ApprovalSettings,
        ledger: str,
        packages: PackageSettings | None = None,
    ) -> None:
        """Connects the node.

        Args:
          model: the candidate.
          evaluation: the Evaluator's, for the changes against the last blessed model.
          model_blessing: the Evaluator's.
          infra_blessing: ServingCheck's.
          verdicts: every gate's GateResult (a union of channels).
          gates: ids of the nodes behind `verdicts`.
          settings: who approves.
          ledger: path of the record of approvals.
          packages: the model registry in which people may decide too.
        """
        inputs: dict[str, Any] = {
            "model": model,
            "evaluation": evaluation,
            "model_blessing": model_blessing,
            "infra_blessing": infra_blessing,
            "verdicts": verdicts,
        }
        super().__init__(
            ModelApprovalSpec(
                **inputs,
                settings=json.dumps(settings.to_json(), sort_keys=True),
                ledger=ledger,
                gates=json.dumps(sorted(gates)),
                **({} if packages is None else {"packages": packages.to_json()}),
                approval=channel.Channel(type=ModelApprovalArtifact),
            )
        )
