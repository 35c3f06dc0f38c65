"""CloudFormation templates as plain data: short tags (`!Ref`) become what they stand for (`{"Ref": …}`)."""

import dataclasses
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

from pipeline.errors import ConfigError

STACK = "AWS::CloudFormation::Stack"


class _Constructor(SafeConstructor):
    """Understands CloudFormation's tags; a class of its own, because constructors are registered on the class."""


def _tagged(constructor: _Constructor, suffix: str, node: Node) -> dict[str, Any]:
    if isinstance(node, ScalarNode):
        value: Any = constructor.construct_scalar(node)
    elif isinstance(node, SequenceNode):
        value = constructor.construct_sequence(node, deep=True)
    else:
        value = constructor.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Constructor.add_multi_constructor("!", _tagged)


@dataclasses.dataclass(frozen=True)
class Template:
    """One template.

    Attributes:
      name: of its file.
      body: its content; sections that are not there are empty.
    """

    name: str
    body: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Name → its declaration."""
        return self._section("Parameters")

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Logical id → resource."""
        return self._section("Resources")

    @property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Name → output."""
        return self._section("Outputs")

    @property
    def stacks(self) -> Mapping[str, Mapping[str, Any]]:
        """Logical id → properties of each nested stack, in the order of the file."""
        nested = {name: found for name, found in self.resources.items() if found.get("Type") == STACK}
        return {name: found.get("Properties", {}) for name, found in nested.items()}

    def _section(self, name: str) -> Mapping[str, Any]:
        return self.body.get(name) or {}


def read_template(path: Path) -> Template:
    """The template in that file.

    Raises:
      ConfigError: it is not there, not YAML, or holds no resources.
    """
    try:
        return parse_template(path.name, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}. Name the folder of templates with --templates."]) from error


def parse_template(name: str, text: str) -> Template:
    """The template of that text; raises ConfigError as `read_template`."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        body = yaml.load(io.StringIO(text))
    except YAMLError as error:
        raise ConfigError([f"{name}: not YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        raise ConfigError([f"{name}: a template needs a section 'Resources'."])
    return Template(name, body)


def references(value: Any) -> Iterator[tuple[str, str]]:
    """What a value of a template refers to: (name, attribute), the attribute empty for the thing itself.

    >>> sorted(references({"Fn::Sub": "${A.Arn}/${B}/${!kept}", "x": [{"Ref": "C"}]}))
    [('A', 'Arn'), ('B', ''), ('C', '')]
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner), ""
            elif key == "Fn::GetAtt" and isinstance(inner, list):
                yield str(inner[0]), ".".join(str(part) for part in inner[1:])
            elif key == "Fn::Sub":
                yield from _substituted(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def _substituted(value: Any) -> Iterator[tuple[str, str]]:
    text, own = (value[0], value[1]) if isinstance(value, list) else (value, {})
    for part in str(text).split("${")[1:]:
        name, _, attribute = part.partition("}")[0].partition(".")
        if not name.startswith("!") and name not in own:
            yield name, attribute
    yield from references(own)
