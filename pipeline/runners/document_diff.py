"""What differs between two documents of a platform, in words: steps, states or tasks, their settings, parameters. Pure.

Steps inside conditions, states inside branches and tasks inside groups are found by their names, wherever they are. A
change of the IR, which every job's arguments name or hold, is told once, by its digest.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.launch.packed_ir import PREFIX, unpack
from pipeline.runners.kubeflow.spec_tasks import SpecTask, executor_of, on_kubernetes, tasks_in

_IR = re.compile(r"((?:s3:/)?/\S*?/ir/)([0-9a-f]{64})(\.json)")
_PACKED = re.compile(rf"{PREFIX}[A-Za-z0-9_=-]+")
_SAME = "<ir>"
_LONGEST = 120

Parts = dict[str, Any]
"""What is compared one by one → its content, such as `step Trainer`."""


def differences(deployed: str, compiled: str) -> list[str]:
    """One line for each difference, nothing where there is none.

    Args:
      deployed: the document that the platform has.
      compiled: the document of the same platform that it would get.
    """
    old_ir, new_ir = _ir_digests(deployed), _ir_digests(compiled)
    told = []
    if old_ir != new_ir:
        told.append(f"~ the pipeline that all jobs read: {_short(old_ir)} → {_short(new_ir)}")
    before, after = (
        parts_of(_parsed(_PACKED.sub(_SAME, _IR.sub(rf"\1{_SAME}\3", text)))) for text in (deployed, compiled)
    )
    told += [f"+ {name}" for name in after if name not in before]
    told += [f"- {name}" for name in before if name not in after]
    for name in after:
        if name in before:
            told += [f"~ {name}: {change}" for change in changes(before[name], after[name], "")]
    return told


def parts_of(document: Mapping[str, Any]) -> Parts:
    """The parts of any platform's document, in order."""
    if "pipeline_spec" in document:
        return dict(_of_kubeflow(document["pipeline_spec"], document["platform_spec"]))
    if "States" in document:
        return {"the state machine": _without(document, "States"), **dict(_states(document))}
    parameters = {f"parameter {item['Name']}": item for item in document.get("Parameters", ())}
    return {"the pipeline": _without(document, "Steps", "Parameters"), **parameters, **dict(_steps(document["Steps"]))}


def _steps(steps: list[Any], behind: str = "") -> Iterator[tuple[str, Any]]:
    for step in steps:
        arguments = step.get("Arguments", {})
        inner = {key: arguments[key] for key in ("IfSteps", "ElseSteps") if key in arguments}
        own = {**step, "Arguments": _without(arguments, *inner)}
        yield f"step {step['Name']}", {**own, **({"Behind": behind} if behind else {})}
        for key, found in inner.items():
            yield from _steps(found, f"{step['Name']} {key}")


def _states(machine: Mapping[str, Any], behind: str = "") -> Iterator[tuple[str, Any]]:
    for name, state in machine["States"].items():
        branches = state.get("Branches", [])
        own = _without(state, "Branches")
        yield f"state {name}", {**own, **({"Behind": behind} if behind else {})}
        for branch in branches:
            yield from _states(branch, name)


def _of_kubeflow(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    inputs = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    yield "the pipeline", _without(spec, "components", "deploymentSpec", "root")
    yield from ((f"parameter {name}", given) for name, given in inputs.items())
    pods = on_kubernetes(platform)
    for each in tasks_in(spec, spec["root"]):
        yield f"task {each.name}", _task(each, spec, pods)


def _task(each: SpecTask, spec: Mapping[str, Any], pods: Mapping[str, Any]) -> dict[str, Any]:
    """A task with its component, its container and what Kubernetes gives it, under one roof."""
    found = {**_without(each.task, "componentRef"), **_without(each.component, "dag", "executorLabel")}
    if not each.is_group:
        label = each.component["executorLabel"]
        found |= {**executor_of(spec, each.component), "kubernetes": pods.get(label, {})}
    return {**found, **({"Behind": each.group} if each.group else {})}


def _parsed(text: str) -> Any:
    """The document: JSON, or for Kubeflow YAML of one part or two."""
    if text.lstrip().startswith("{"):
        return json.loads(text)
    import yaml

    try:
        spec, *platform = yaml.safe_load_all(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return _whole({"pipeline_spec": spec, "platform_spec": platform[0] if platform else {}})


def _whole(value: Any) -> Any:
    """The value with whole numbers as integers: the server keeps 2.0 as 2."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def changes(before: Any, after: Any, path: str) -> Iterator[str]:
    """Each place that differs: `ResourceConfig.InstanceType: "ml.m5.large" → "ml.g5.xlarge"`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _change(before, after, key, f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from changes(old, new, f"{path}[{index}]")
    elif before != after or type(before) is not type(after):
        yield f"{path}: {_text(before)} → {_text(after)}"


def _change(before: Mapping[str, Any], after: Mapping[str, Any], key: str, path: str) -> Iterator[str]:
    if key not in before:
        yield f"{path}: added, {_text(after[key])}"
    elif key not in after:
        yield f"{path}: removed, was {_text(before[key])}"
    else:
        yield from changes(before[key], after[key], path)


def told(name: str, deployed: str | None, compiled: str) -> Iterator[str]:
    """The lines that a person reads, with a heading."""
    if deployed is None:
        yield f"{name}: is not deployed yet; it would be created, with {_count(compiled)}."
        return
    found = differences(deployed, compiled)
    how_many = "1 difference" if len(found) == 1 else f"{len(found)} differences"
    yield f"{name}: {f'{how_many} from what is deployed' if found else 'as it is deployed'}."
    yield from (f"  {line}" for line in found)


def read(text: str, what: str, refuse: Callable[[str], Exception]) -> str:
    """The text, if it is a document that can be compared; raises what `refuse` makes of a message."""
    try:
        parts_of(_parsed(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise refuse(f"{what} is no document of this platform ({type(error).__name__}: {error}).") from error
    return text


def _count(compiled: str) -> str:
    names = [name.partition(" ")[0] for name in parts_of(_parsed(compiled))]
    return ", ".join(f"{names.count(kind)} {kind}s" for kind in ("step", "state", "task", "parameter") if kind in names)


def _ir_digests(text: str) -> str:
    packed = {hashlib.sha256(unpack(word).encode()).hexdigest() for word in set(_PACKED.findall(text))}
    return ", ".join(sorted(packed | {found[1] for found in _IR.findall(text)}))


def _short(digests: str) -> str:
    return ", ".join(digest[:12] for digest in digests.split(", ")) or "none"


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _without(mapping: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in names}
