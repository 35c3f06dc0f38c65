"""The parts of one node's key, from what TFX's launcher knows before it starts the executor."""

import dataclasses
import datetime
import glob
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.arrow_example_gen.source_files import list_files
from components.gate.waiver import depends_on_day
from pipeline.beam_options import result_options
from pipeline.caching.code_digests import CodeFinder, Module, wheel_sources
from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import file_digest, fingerprint
from pipeline.caching.lock_file import LOCK_NAME
from pipeline.caching.parts import Parts, Scalar, Section, flatten, parsed
from pipeline.storage.manifest import PROPERTY
from pipeline.storage.s3 import Location, content_digest, is_remote, matching

FINGERPRINT = PROPERTY
PUSHED_FINGERPRINT = "pushed_fingerprint"
"""Custom properties of an artifact: of its bytes, and of the folder in its `pushed_destination`."""

_USER_CODE = ("module_path", "module_file")
_DATA_FILES = ("schema_file", "ledger", "serving_path", "review_path", "public_key")
_NOT_PARAMETERS = {*_USER_CODE, *_DATA_FILES, "input_fingerprint"}
"""Exec properties that stand in other sections by content; TFX's `input_fingerprint` is made of sizes and times."""

_NOT_PROPERTIES = {
    FINGERPRINT,
    PUSHED_FINGERPRINT,
    "input_fingerprint",
    "is_external",
    "name",
    "stats_dashboard_link",
    "tfx_version",
    # These name artifacts by number and place; their bytes are in the artifacts' own fingerprints.
    "baseline_model",
    "baseline_model_id",
    "current_model",
    "current_model_id",
}


@dataclasses.dataclass(frozen=True)
class NodeCall:
    """One node as it is about to run.

    Attributes:
      node: TFX's PipelineNode.
      pipeline_name: of the pipeline it is in.
      executor_spec: TFX's executable spec.
      driver_spec: the same for a custom driver, or None.
      inputs: resolved artifacts by key.
      outputs: empty artifacts by key, as the driver left them.
      exec_properties: as the driver left them.
    """

    node: Any
    pipeline_name: str
    executor_spec: Any
    driver_spec: Any
    inputs: Mapping[str, Sequence[Any]]
    outputs: Mapping[str, Sequence[Any]]
    exec_properties: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class NodeKey:
    """The parts, and the modules that stand behind its code."""

    parts: Parts
    modules: tuple[Module, ...]


def node_key(call: NodeCall, index: FileIndex, today: datetime.date, lock_digest: str | None) -> NodeKey:
    """What the node's answer depends on.

    Args:
      call: the node.
      index: spares reading unchanged files.
      today: the day (UTC), which counts for a node whose settings depend on it.
      lock_digest: SHA-256 of requirements.lock, None where there is none.

    Raises:
      OSError: an input's file cannot be read.
      BadData: no file matches the input pattern of an ExampleGen.
    """
    modules, code = _code(call, index)
    parts: dict[str, Section] = {
        "node": {"pipeline": call.pipeline_name, "id": call.node.node_info.id, "type": call.node.node_info.type.name},
        "code": code,
        "parameters": _parameters(call),
        "data": data_section(call.exec_properties, index),
        "inputs": _inputs(call.inputs, index),
        "outputs": _artifacts(call.outputs),
        "environment": {"python": platform.python_version(), LOCK_NAME: lock_digest},
        "day": {"today": today.isoformat()} if _asks_for_the_day(call) else {},
    }
    return NodeKey(parts, modules)


def _code(call: NodeCall, index: FileIndex) -> tuple[tuple[Module, ...], dict[str, str]]:
    """The local modules that the node may load, and the digest of each file, those inside a wheel included."""
    finder, properties = CodeFinder(index), call.exec_properties
    names = [*_class_paths(call.executor_spec), *_class_paths(call.driver_spec)]
    names += [value for key, value in properties.items() if key.endswith("_fn") and isinstance(value, str) and value]
    files, digests = [], {}
    if module_file := properties.get("module_file"):
        files.append(Path(module_file))
    name, _, wheel = str(properties.get("module_path") or "").partition("@")
    for member, source in (wheel_sources(Path(wheel)) if wheel else {}).items():
        digests[f"wheel of {name}/{member}"] = source.digest
        names += [module.name for module in finder.loaded_by_source(source)]
    if name and not wheel:
        names.append(name)
    modules = tuple(finder.closure(names, files).values())
    return modules, {**finder.digests(modules), **digests}


def _class_paths(spec: Any) -> list[str]:
    """The Python classes that an executable spec names."""
    if spec is None:
        return []
    spec = getattr(spec, "python_executor_spec", spec)
    class_path = getattr(spec, "class_path", "")
    return [class_path] if class_path else []


def _parameters(call: NodeCall) -> dict[str, Scalar]:
    from google.protobuf import json_format

    properties = {
        key: parsed(_plain(value))  # TFX writes whole documents as text, in an order that differs each time
        for key, value in sorted(call.exec_properties.items())
        if key not in _NOT_PARAMETERS and not key.startswith("__")
    }
    found = flatten(properties) if properties else {}
    for role, spec in (("executor", call.executor_spec), ("driver", call.driver_spec)):
        if spec is not None:
            as_dict = json_format.MessageToDict(spec, preserving_proto_field_name=True)
            found.update(flatten(_without_places(as_dict), role))
    return found


def _without_places(spec: dict[str, Any]) -> dict[str, Any]:
    """An executable spec with those of Beam's options only that could change the answer: not where Beam runs it."""
    spec.pop("beam_pipeline_args", None)  # the placeholders say the same
    arguments = [item["value"]["string_value"] for item in spec.pop("beam_pipeline_args_placeholders", [])]
    kept = result_options(arguments)
    return {**spec, "beam_pipeline_args": kept} if kept else spec


def _plain(value: Any) -> Any:
    """The exec property as JSON."""
    from google.protobuf import json_format
    from google.protobuf.message import Message

    if isinstance(value, Message):
        return json_format.MessageToDict(value, preserving_proto_field_name=True)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def data_section(properties: Mapping[str, Any], index: FileIndex) -> dict[str, Scalar]:
    """The files that a node reads without their being artifacts: SHA-256 by name, or what S3 calls their state.

    Raises:
      OSError: a file cannot be read.
      StorageError: S3 does not answer.
      BadData: no file matches an input pattern.
    """
    found: dict[str, Scalar] = {}
    for key in _DATA_FILES:
        if path := properties.get(key):
            found[path.rpartition("/")[2]] = _content(path, index)
    base, config = properties.get("input_base"), properties.get("input_config")
    if base and config:
        for split in json.loads(config).get("splits", []):
            found.update(_input_files(base, split["pattern"], index))
    return found


def _content(path: str, index: FileIndex) -> str | None:
    if is_remote(path):
        return content_digest(path)
    return file_digest(Path(path), index) if Path(path).exists() else None


def _input_files(base: str, pattern: str, index: FileIndex) -> dict[str, Scalar]:
    if not is_remote(base):
        paths = list_files(base, pattern)
        return {Path(path).relative_to(base).as_posix(): file_digest(Path(path), index) for path in paths}
    etags = {
        f"s3://{Location.parse(base).bucket}/{item.key}": item.etag
        for item in matching(f"{glob.escape(base)}/{pattern}")
    }
    files = list_files(base, pattern, lambda _: list(etags), lambda path: path.endswith("/"))
    return {path.removeprefix(f"{base}/"): f"etag:{etags[path]}" for path in files}


def _inputs(inputs: Mapping[str, Sequence[Any]], index: FileIndex) -> dict[str, Scalar]:
    found = _artifacts(inputs)
    for label, artifact in _labelled(inputs):
        found[f"{label}.fingerprint"] = input_fingerprint(artifact, index)
    return found


def input_fingerprint(artifact: Any, index: FileIndex) -> str | None:
    """Of the artifact's bytes as they are now; what was recorded where they are not on this machine."""
    if is_remote(artifact.uri):
        return str(artifact.get_string_custom_property(FINGERPRINT)) or None
    return fingerprint(Path(artifact.uri), index)


def _artifacts(artifacts: Mapping[str, Sequence[Any]]) -> dict[str, Scalar]:
    """Type and properties of each artifact; not its place, number or time."""
    found: dict[str, Scalar] = {}
    for label, artifact in _labelled(artifacts):
        found[f"{label}.type"] = artifact.type_name
        proto = artifact.mlmd_artifact
        for name, value in sorted([*proto.properties.items(), *proto.custom_properties.items()]):
            if name not in _NOT_PROPERTIES:
                found.update(flatten(parsed(_property(name, value)), f"{label}.{name}"))
    return found


def _labelled(artifacts: Mapping[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """Each artifact with its key, numbered where there are several."""
    return [
        (key if len(group) == 1 else f"{key}[{position}]", artifact)
        for key, group in sorted(artifacts.items())
        for position, artifact in enumerate(group)
    ]


def _property(name: str, value: Any) -> Any:
    """A property's value in one form: TFX writes some in the order of a hash table, which differs each time."""
    from google.protobuf import json_format

    kind = value.WhichOneof("value")
    content: Any = getattr(value, kind) if kind else None
    if kind in ("struct_value", "proto_value"):
        return json_format.MessageToDict(content)
    if name == "split_names" and content:
        return sorted(json.loads(content))
    return content


def _asks_for_the_day(call: NodeCall) -> bool:
    """True for a node whose answer may change at midnight: its settings hold waivers, or bound the data's age."""
    texts = (value for value in call.exec_properties.values() if isinstance(value, str) and value.startswith("{"))
    return any(depends_on_day(parsed(text)) for text in texts)
