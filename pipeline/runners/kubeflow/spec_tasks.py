"""The tasks of a document, wherever they are: conditions and exit handlers are groups, which hold tasks too. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class SpecTask:
    """A task of a pipeline's specification.

    Attributes:
      task: what is said of it where it stands.
      component: what it is an instance of: a container, or a group of tasks.
      group: the name of the innermost group that it is in, empty for one that is in none.
    """

    name: str
    task: Mapping[str, Any]
    component: Mapping[str, Any]
    group: str = ""

    @property
    def is_group(self) -> bool:
        """True if it holds tasks and runs no container."""
        return "dag" in self.component


def tasks_in(spec: Mapping[str, Any], component: Mapping[str, Any], group: str = "") -> Iterator[SpecTask]:
    """Everything in a component of the specification, such as its root: each group, and then what is in it."""
    for name, task in component.get("dag", {}).get("tasks", {}).items():
        inner = spec["components"][task["componentRef"]["name"]]
        yield SpecTask(name, task, inner, group)
        yield from tasks_in(spec, inner, name)


def executor_of(spec: Mapping[str, Any], component: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a component runs; empty for a group."""
    found: Mapping[str, Any] = spec["deploymentSpec"]["executors"].get(component.get("executorLabel"), {})
    return found


def word_after(option: str, executor: Mapping[str, Any]) -> str | None:
    """What the executor's command is given for an option; None if it is given none."""
    words = list(executor.get("container", {}).get("args", ()))
    return str(words[words.index(option) + 1]) if option in words else None


def on_kubernetes(platform: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the document's other half has Kubernetes give each executor, by label."""
    found: Any = platform
    for key in ("platforms", "kubernetes", "deploymentSpec", "executors"):
        found = found.get(key, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}
