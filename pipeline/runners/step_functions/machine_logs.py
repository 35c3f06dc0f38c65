"""Where and how much a state machine logs: its `loggingConfiguration`, from the configuration's section `aws`."""

from collections.abc import Mapping
from typing import Any

from pipeline.aws_settings import AwsSettings

_OFF = {"level": "OFF", "includeExecutionData": False}


def logging_configuration(aws: AwsSettings) -> dict[str, Any]:
    """As CreateStateMachine and UpdateStateMachine take it; off where no log group is named.

    Source: docs.aws.amazon.com/step-functions/latest/apireference/API_LoggingConfiguration.html.
    """
    if aws.state_machine_log_group is None:
        return dict(_OFF)
    group = f"{aws.state_machine_log_group.removesuffix(':*')}:*"  # the service takes no other form
    return {
        "level": aws.state_machine_log_level,
        "includeExecutionData": aws.state_machine_log_data,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }


def logs_alike(there: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """True if a described machine's configuration means the same; the service leaves out what is off."""
    return _meaning(there or {}) == _meaning(wanted)


def _meaning(configuration: Mapping[str, Any]) -> tuple[Any, ...]:
    level = configuration.get("level", "OFF")
    if level == "OFF":
        return (level,)
    groups = [item["cloudWatchLogsLogGroup"]["logGroupArn"] for item in configuration.get("destinations", ())]
    return level, configuration.get("includeExecutionData", False), *groups
