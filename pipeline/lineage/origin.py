"""What a model or run was made of: data, code, environment, parameters, schema; from the store and the run's folder."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord, ExecutionRecord
from pipeline.provenance import Provenance
from pipeline.run_store import RunStore


@dataclasses.dataclass(frozen=True)
class DataFile:
    """A file that was read, as it was then: its digest is SHA-256 of its content, None if nobody noted it."""

    path: str
    digest: str | None
    size_bytes: int | None = None


@dataclasses.dataclass(frozen=True)
class DataSource:
    """The rows that a run read.

    Attributes:
      base: the folder that the pattern starts from.
      pattern: TFX's input pattern, span and version filled in.
      span: TFX's span, None if it was not noted.
      version: TFX's version of the span, None without one.
      files: the files that the pattern stood for, empty if nobody noted them.
      rows: counts that ArrowExampleGen noted, such as `rows_in` and `rows_train`.
      examples: the artifact that they became.
    """

    base: str
    pattern: str
    span: int | None
    version: int | None
    files: tuple[DataFile, ...]
    rows: Mapping[str, int]
    examples: ArtifactRecord

    @property
    def place(self) -> str:
        """Folder and pattern together."""
        return f"{self.base}/{self.pattern}"


@dataclasses.dataclass(frozen=True)
class Schema:
    """The data contract of a run: the curated file it was copied from, or None if it was inferred."""

    artifact: ArtifactRecord
    source: str | None
    digest: str | None


def data_source(graph: LineageGraph, outputs: list[ArtifactRecord]) -> DataSource | None:
    """Where the examples among these artifacts came from, None without any."""
    examples = next((a for a in outputs if a.type_name == "Examples" and a.key == "examples"), None)
    producer = graph.producer(examples.artifact_id) if examples else None
    if examples is None or producer is None:
        return None
    properties = {**producer.properties, **examples.properties}
    return DataSource(
        base=str(properties.get("input_base", "")),
        pattern=_pattern(producer),
        span=_whole(properties.get("span")),
        version=_whole(properties.get("version")),
        files=source_files(producer),
        rows={
            name: int(value)
            for name, value in examples.properties.items()
            if name.startswith("rows_") and not isinstance(value, str)
        },
        examples=examples,
    )


def source_files(execution: ExecutionRecord) -> tuple[DataFile, ...]:
    """The data files that the execution read, with the digests in the parts of its cache key."""
    base = str(execution.properties.get("input_base", ""))
    files = section_of(execution, "data")
    return tuple(DataFile(f"{base}/{name}", digest) for name, digest in sorted(files.items()))


def cache_parts(execution: ExecutionRecord) -> dict[str, Any]:
    """What the execution's cache key is made of, empty if it has none."""
    return json_object(execution.properties.get("cache_parts"))


def section_of(execution: ExecutionRecord, name: str) -> dict[str, str]:
    """One section of the parts (see pipeline.caching.parts): `code` and `data` are digests by file."""
    found = cache_parts(execution).get(name, {})
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def hyperparameters(execution: ExecutionRecord) -> dict[str, str]:
    """What Trainer was told in `model` and `training`, flattened to dotted names."""
    config = json_object(execution.properties.get("custom_config"))
    return {
        name: value
        for section in ("model", "training")
        for name, value in flattened(config.get(section, {}), section).items()
    }


def schema_of(graph: LineageGraph, outputs: list[ArtifactRecord]) -> Schema | None:
    """The schema among these artifacts, None without any."""
    artifact = next((a for a in outputs if a.type_name == "Schema" and a.key == "schema"), None)
    if artifact is None:
        return None
    producer = graph.producer(artifact.artifact_id)
    source = producer.properties.get("schema_file") if producer else None
    # The curated schema is staged in a folder named by its digest: see pipeline.definition.staged_schema_uri.
    digest = Path(str(source)).parent.name if source else None
    return Schema(artifact, None if source is None else str(source), digest)


def provenance_of(store: RunStore, run_id: str) -> Provenance | None:
    """What the run wrote down of its code and environment, None if it did not or it cannot be read."""
    try:
        return Provenance.read(store.provenance_path(run_id))
    except (OSError, ValueError, TypeError):
        return None


def config_of(store: RunStore, run_id: str) -> dict[str, Any]:
    """The configuration that the run was made with, empty if it was not kept."""
    path = store.config_path(run_id)
    return json_object(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else {}


def flattened(value: Any, name: str) -> dict[str, str]:
    """Dotted names and values as text.

    >>> flattened({"units": [8, 4], "wide": True}, "model")
    {'model.units': '[8, 4]', 'model.wide': 'true'}
    """
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in flattened(item, f"{name}.{key}").items()}
    return {name: value if isinstance(value, str) else json.dumps(value)}


def json_object(text: Any) -> dict[str, Any]:
    """The object that a JSON text holds, empty if it holds none."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _pattern(execution: ExecutionRecord) -> str:
    splits = json_object(execution.properties.get("input_config")).get("splits", [])
    return ", ".join(str(split.get("pattern", "")) for split in splits if isinstance(split, dict))


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
