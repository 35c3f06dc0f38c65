"""The record of a run as HTML: code and environment, configuration, artifacts. What an auditor asks for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.metadata import ArtifactRecord
from pipeline.report.section import fold, note
from pipeline.report.table import Cell, Column, pairs, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, size
from pipeline.report.verdict import near_root

_SHOWN_PROPERTIES = ("fingerprint", "rows_in", "span", "blessed", "pushed_version")


def environment_view(provenance: Mapping[str, Any]) -> Markup:
    """Code, lock, machine and packages of a run."""
    commit = provenance.get("git_commit")
    dirty = " with changes that were not committed" if provenance.get("git_dirty") else ""
    memory = provenance.get("memory_bytes")
    packages = provenance.get("packages") or {}
    known = [
        ("git commit", f"{commit}{dirty}" if commit else "not in a git repository"),
        ("lock", f"sha256 {provenance['lock_digest']}" if provenance.get("lock_digest") else None),
        ("Python", provenance.get("python")),
        ("platform", provenance.get("platform")),
        ("processors", provenance.get("cpu_count")),
        ("memory", size(memory) if isinstance(memory, int | float) else None),
    ]
    rows = [(str(name), str(version)) for name, version in packages.items()]
    listed = table((Column("package"), Column("version")), rows, caption="Packages")
    shown = pairs((name, value) for name, value in known if value is not None)
    return join([shown, fold(counted(len(rows), "package"), listed, key="packages") if rows else ""])


def configuration_view(config: Mapping[str, Any]) -> Markup:
    """Every setting, defaults included, by section of the configuration."""
    groups = [tag("div", tag("h3", name), pairs(_settings(value)), class_="group") for name, value in config.items()]
    return tag("div", *groups, class_="columns")


def _settings(value: Any) -> list[tuple[object, object]]:
    named = ((name or "(all of it)", inner) for name, inner in flattened(value))
    return [(tag("code", clipped(name, 200)), clipped(_value(inner), 1000)) for name, inner in named]


def flattened(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names with dots and the values at the leaves; empty containers are leaves.

    >>> list(flattened({"a": {"b": 1, "c": []}, "d": [{"e": 2}]}))
    [('a.b', 1), ('a.c', []), ('d[0].e', 2)]
    """
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flattened(inner, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for index, inner in enumerate(value):
            yield from flattened(inner, f"{prefix}[{index}]")
    else:
        yield prefix, value


def artifacts_table(artifacts: Sequence[ArtifactRecord], node_ids: Sequence[str], root: Path) -> Markup:
    """What each node made, with fingerprints where they were taken."""
    columns = (
        Column("node"),
        Column("output"),
        Column("type"),
        Column("id", numeric=True),
        Column("known of it", wide=True),
        Column("where", wide=True),
    )
    order = {node_id: index for index, node_id in enumerate(node_ids)}
    rows = [
        (
            artifact.node_id,
            artifact.key,
            artifact.type_name,
            Cell(str(artifact.artifact_id), order=artifact.artifact_id),
            _properties(artifact.properties),
            tag("code", clipped(near_root(artifact.uri, root), 300)),
        )
        for artifact in sorted(artifacts, key=lambda item: (order.get(item.node_id, len(order)), item.artifact_id))
    ]
    told = note("Places are relative to the folder of the store; ids are those of ML Metadata.")
    return join([table(columns, rows, caption="Artifacts of the run"), told])


def _properties(properties: Mapping[str, Any]) -> str:
    shown = [
        f"{name} {clipped(str(properties[name]), 80)}"
        for name in _SHOWN_PROPERTIES
        if properties.get(name) not in (None, "")
    ]
    return ", ".join(shown)


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
