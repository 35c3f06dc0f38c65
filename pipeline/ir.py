"""TFX's intermediate representation (IR): the compiled pipeline, addressed by the hash of its content."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from models.tabular_text.features import FeatureSpec
from pipeline.errors import ConfigError

RUN_ID_PARAMETER = "pipeline-run-id"
"""TFX's own runtime parameter for the run (tfx.dsl.compiler.constants.PIPELINE_RUN_ID_PARAMETER_NAME)."""


def compile_ir(dsl_pipeline: Any) -> str:
    """The pipeline as canonical JSON: the same definition gives the same bytes.

    Pure. Source: tfx.proto.orchestration.pipeline_pb2.Pipeline.
    """
    from google.protobuf import json_format
    from tfx.dsl.compiler import compiler

    ir = compiler.Compiler().compile(dsl_pipeline)
    return json_format.MessageToJson(ir, sort_keys=True, indent=1)


def parse_ir(text: str) -> Any:
    """The `pipeline_pb2.Pipeline` of an IR document."""
    from google.protobuf import json_format
    from ml_metadata.proto import metadata_store_pb2  # noqa: F401 - payloads of Any fields
    from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2  # noqa: F401 - payloads of Any fields

    return json_format.Parse(text, pipeline_pb2.Pipeline())


def digest(text: str) -> str:
    """SHA-256 of the document, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def pipeline_name(text: str) -> str:
    """The name of the pipeline."""
    return str(json.loads(text)["pipelineInfo"]["id"])


def node_ids(text: str) -> tuple[str, ...]:
    """The nodes in topological order, read without TFX."""
    return tuple(node["pipelineNode"]["nodeInfo"]["id"] for node in json.loads(text)["nodes"])


def upstream_nodes(text: str) -> dict[str, tuple[str, ...]]:
    """The nodes that each node waits for, both in topological order, read without TFX."""
    nodes = [node["pipelineNode"] for node in json.loads(text)["nodes"]]
    order = [node["nodeInfo"]["id"] for node in nodes]
    above = {node["nodeInfo"]["id"]: set(node.get("upstreamNodes", ())) for node in nodes}
    return {node_id: tuple(other for other in order if other in above[node_id]) for node_id in order}


def resolver_nodes(text: str) -> frozenset[str]:
    """The nodes that look artifacts up in the lineage store instead of making any, read without TFX."""
    infos = [node["pipelineNode"]["nodeInfo"] for node in json.loads(text)["nodes"]]
    return frozenset(info["id"] for info in infos if info["type"]["name"].endswith(".Resolver"))


def feature_spec(text: str) -> FeatureSpec | None:
    """The plan that a compiled pipeline was made with, read without TFX; None if it has no Transform."""
    nodes = [node["pipelineNode"] for node in json.loads(text)["nodes"]]
    transform = next((node for node in nodes if node["nodeInfo"]["id"] == "Transform"), None)
    if transform is None:
        return None
    custom_config = transform["parameters"]["parameters"]["custom_config"]["fieldValue"]["stringValue"]
    return FeatureSpec.from_json(json.loads(custom_config)["features"])


def runtime_parameters(ir: Any) -> dict[str, str]:
    """Name and type (`STRING`, `INT`, `DOUBLE`) of every runtime parameter in the IR or in one of its nodes.

    The run id, which TFX itself puts in every node, is left out.
    """
    found: dict[str, str] = {}
    _collect_parameters(ir, found)
    found.pop(RUN_ID_PARAMETER, None)
    return found


@dataclasses.dataclass(frozen=True)
class RuntimeParameter:
    """A value that is bound when a run is submitted; `default` None = it must be given."""

    name: str
    type: Literal["STRING", "INT", "DOUBLE"]
    default: str | int | float | None


def parameters_of(text: str, node_ids: frozenset[str] | None = None) -> tuple[RuntimeParameter, ...]:
    """The runtime parameters of all nodes, or of some, sorted by name, read without TFX.

    The run id, which TFX itself puts in every node, is left out.
    """
    nodes = [item["pipelineNode"] for item in json.loads(text)["nodes"]]
    chosen = [node for node in nodes if node_ids is None or node["nodeInfo"]["id"] in node_ids]
    found = {parameter.name: parameter for parameter in _parameters_in(chosen)}
    return tuple(found[name] for name in sorted(found) if name != RUN_ID_PARAMETER)


def _parameters_in(tree: Any) -> Iterator[RuntimeParameter]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        if key == "runtimeParameter":
            yield RuntimeParameter(value["name"], value["type"], _default(value))
        else:
            yield from _parameters_in(value)


def _default(parameter: Mapping[str, Any]) -> str | int | float | None:
    written = parameter.get("defaultValue", {})
    if "intValue" in written:
        return int(written["intValue"])
    if "doubleValue" in written:
        return float(written["doubleValue"])
    return str(written["stringValue"]) if "stringValue" in written else None


def check_parameters(types: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Raises ConfigError listing each name that the pipeline does not have and each value of the wrong type."""
    problems = []
    for name, value in values.items():
        if name not in types:
            known = ", ".join(types) or "none"
            problems.append(f"--param {name}: the pipeline has no such parameter; it has: {known}.")
        elif not _is_a(types[name], value):
            problems.append(f"--param {name}: expected {types[name]}, found {value!r}.")
    if problems:
        raise ConfigError(problems)


def _is_a(parameter_type: str, value: str) -> bool:
    try:
        {"INT": int, "DOUBLE": float}.get(parameter_type, str)(value)
    except ValueError:
        return False
    return True


def bind_parameters(ir: Any, run_id: str, values: Mapping[str, str]) -> None:
    """Puts the run id and the values of runtime parameters into the IR.

    Raises:
      ConfigError: as `check_parameters`.
    """
    from tfx.orchestration.portable import runtime_parameter_utils

    types = runtime_parameters(ir)
    check_parameters(types, values)
    bindings = {name: {"INT": int, "DOUBLE": float}.get(types[name], str)(value) for name, value in values.items()}
    runtime_parameter_utils.substitute_runtime_parameter(ir, {RUN_ID_PARAMETER: run_id, **bindings})


def _collect_parameters(message: Any, found: dict[str, str]) -> None:
    for descriptor, value in message.ListFields():
        for child in _messages(descriptor, value):
            if child.DESCRIPTOR.full_name.endswith(".RuntimeParameter"):
                found[child.name] = type(child).Type.Name(child.type)
            elif child.DESCRIPTOR.full_name != "google.protobuf.Any":
                _collect_parameters(child, found)


def _messages(descriptor: Any, value: Any) -> Sequence[Any]:
    if descriptor.message_type is None:
        return []
    if descriptor.message_type.GetOptions().map_entry:
        return [item for item in value.values() if hasattr(item, "ListFields")]
    return list(value) if descriptor.is_repeated else [value]
