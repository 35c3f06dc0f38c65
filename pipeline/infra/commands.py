"""The command lines that deploy the templates: shown, never run from here."""

import shlex
from collections.abc import Mapping
from typing import Any

from pipeline.infra.template import Template

TEMPLATE_BUCKET = "TEMPLATE_BUCKET"
PACKAGED = "packaged.yaml"


def deploy_commands(main: Template, folder: str, region: str, known: Mapping[str, str]) -> list[str]:
    """Packages the templates, deploys them, and shows what belongs in the configuration.

    Args:
      main: the main template.
      folder: where it is.
      region: to deploy to.
      known: parameters that the configuration already decides.
    """
    given = [f"{name}={_value(name, declared, known)}" for name, declared in main.parameters.items()]
    required = [item for item in given if item.partition("=")[2]]
    stack = known.get("Prefix", "PREFIX")
    package = ["aws", "cloudformation", "package", "--region", region, "--template-file", f"{folder}/{main.name}"]
    package += ["--s3-bucket", TEMPLATE_BUCKET, "--output-template-file", PACKAGED]
    deploy = ["aws", "cloudformation", "deploy", "--region", region, "--template-file", PACKAGED]
    deploy += ["--stack-name", stack, "--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides", *required]
    return [
        shlex.join(["aws", "s3", "mb", f"s3://{TEMPLATE_BUCKET}", "--region", region]),
        shlex.join(package),
        shlex.join(deploy),
    ]


def _value(name: str, declared: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """What stands for a parameter that has no default: what is known, or what to fill in."""
    if name in known:
        return known[name]
    if "Default" in declared:
        return ""
    allowed = declared.get("AllowedValues")
    return "|".join(str(value) for value in allowed) if allowed else name.upper()
