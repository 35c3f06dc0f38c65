"""Do the templates fit together: parameters that are given exist and are all given, outputs that are taken are there.

CloudFormation would tell these mistakes one at a time, after minutes, and roll back.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.infra.template import Template, read_template, references

MAIN = "main.yaml"
REQUIRED_TAGS = ("Project", "Environment", "Owner", "CostCenter")
"""On every stack, from which CloudFormation puts them on everything that can have tags."""

MAX_TEMPLATE = 1_000_000
"""Bytes of one template in S3 (CloudFormation's quota: 1 MB)."""


def read_all(folder: Path) -> dict[str, Template]:
    """Name of file → template: the main one and all that it nests, in its order.

    Raises:
      ConfigError: listing every template that is missing or cannot be read.
    """
    main = read_template(folder / MAIN)
    problems: list[str] = []
    templates = {MAIN: main}
    for properties in main.stacks.values():
        try:
            name = str(properties.get("TemplateURL"))
            templates[name] = read_template(folder / name)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return templates


def wiring_problems(templates: Mapping[str, Template], folder: Path | None = None) -> list[str]:
    """Every way in which the templates do not fit together, one sentence each.

    Args:
      templates: as of `read_all`.
      folder: where they are; files in it that the main template does not nest are told.
    """
    main = templates[MAIN]
    found = [problem for template in templates.values() for problem in _dangling(template)]
    for logical_id, properties in main.stacks.items():
        nested = templates[str(properties.get("TemplateURL"))]
        found += _parameter_problems(logical_id, properties.get("Parameters") or {}, nested)
        found += _tag_problems(logical_id, properties.get("Tags") or [])
    found += _output_problems(templates)
    found += _description_problems(main)
    found += [
        f"{MAIN}: parameter {tag} has a default; whoever deploys must decide it."
        for tag in REQUIRED_TAGS
        if "Default" in main.parameters.get(tag, {})
    ]
    if folder is not None:
        found += [
            f"{path.name}: {MAIN} nests no stack of it."
            for path in sorted(folder.glob("*.yaml"))
            if path.name not in templates
        ]
    return found


def _dangling(template: Template) -> Iterator[str]:
    """References to what the template does not declare."""
    known = {*template.parameters, *template.resources}
    for where, value in (*template.resources.items(), *template.outputs.items()):
        for name, _ in references(value):
            if name not in known and not name.startswith("AWS::"):
                yield f"{template.name}: {where} refers to {name}, which is neither a parameter nor a resource of it."


def _parameter_problems(logical_id: str, given: Mapping[str, Any], nested: Template) -> Iterator[str]:
    for name in given:
        if name not in nested.parameters:
            yield f"{MAIN}: {logical_id} gives {name}, which {nested.name} has no parameter for."
    for name, declared in nested.parameters.items():
        if name not in given:
            lost = "nobody can decide it" if "Default" in declared else f"{nested.name} needs it"
            yield f"{MAIN}: {logical_id} does not give {name}: {lost}."


def _description_problems(main: Template) -> Iterator[str]:
    """What whoever deploys is asked, or told, without being told what it is."""
    for kind, declared in (("parameter", main.parameters), ("output", main.outputs)):
        for name, found in declared.items():
            if not found.get("Description"):
                yield f"{MAIN}: {kind} {name} has no Description; it is all that whoever deploys is shown."
    taken = {name for value in main.body.values() for name, _ in references(value)}
    for name in main.parameters:
        if name not in taken:
            yield f"{MAIN}: parameter {name} decides nothing; no resource refers to it."


def _tag_problems(logical_id: str, tags: list[Mapping[str, Any]]) -> Iterator[str]:
    keys = {tag.get("Key") for tag in tags}
    for tag in REQUIRED_TAGS:
        if tag not in keys:
            yield f"{MAIN}: {logical_id} has no tag {tag}."


def _output_problems(templates: Mapping[str, Template]) -> Iterator[str]:
    """Outputs of nested stacks that are taken and not there, or there and taken by nobody."""
    main = templates[MAIN]
    files = {logical_id: str(properties.get("TemplateURL")) for logical_id, properties in main.stacks.items()}
    taken: set[tuple[str, str]] = set()
    for where, value in (*main.resources.items(), *main.outputs.items()):
        for name, attribute in references(value):
            output = attribute.removeprefix("Outputs.")
            if name in files and output != attribute:
                taken.add((files[name], output))
                if output not in templates[files[name]].outputs:
                    yield f"{MAIN}: {where} takes {name}.{output}, which is no output of {files[name]}."
    for file in files.values():
        for output in templates[file].outputs:
            if (file, output) not in taken:
                yield f"{file}: output {output} is taken by nobody; {MAIN} can hand it on."


def size_problems(templates: Mapping[str, Template], folder: Path) -> list[str]:
    """Templates that CloudFormation would not take for their size."""
    sizes = {name: (folder / name).stat().st_size for name in templates}
    return [
        f"{name}: {size:,} bytes; CloudFormation takes {MAX_TEMPLATE:,}. Split it by concern."
        for name, size in sizes.items()
        if size > MAX_TEMPLATE
    ]
