"""Data, schema, environment and parameters of a run, held against what is there today."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.arrow_example_gen.source_files import resolve_input
from components.errors import BadData
from pipeline import ir as ir_documents
from pipeline.lineage.origin import DataSource
from pipeline.lineage.story import Story
from pipeline.provenance import Provenance
from pipeline.reproduction.ingredient import Ingredient

_VARIABLE = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)")
_NOT_NOTED = "the run is of an older version, which did not note it"


def data_ingredients(data: DataSource | None) -> list[Ingredient]:
    """Each file that was read: still there, and still the same bytes? And none beside them that would be read too?"""
    if data is None:
        return [Ingredient("data", "unknown", "the run read none")]
    if not data.files:
        return [Ingredient("data", "unknown", f"{data.place}: which files and bytes they were, {_NOT_NOTED}")]
    found = [_file(file.path, file.digest) for file in data.files]
    known = {file.path for file in data.files}
    found += [
        Ingredient("data", "differs", f"{path}: was not there then, and would be read too", blocks=True)
        for path in _files_now(data)
        if path not in known
    ]
    return found


def _file(path: str, digest: str | None) -> Ingredient:
    try:
        with Path(path).open("rb") as file:
            now = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Ingredient("data", "missing", f"{path}: {error.strerror}", blocks=True)
    if now == digest:
        return Ingredient("data", "same", f"{path}: sha256 {now[:12]}")
    seen = f"{path}: its bytes have changed (sha256 was {(digest or 'not noted')[:12]}, is {now[:12]})"
    return Ingredient("data", "differs", seen, blocks=True)


def _files_now(data: DataSource) -> tuple[str, ...]:
    """What the pattern, its span filled in, stands for today; nothing where it stands for nothing."""
    try:
        return resolve_input(data.base, data.pattern).files
    except BadData:
        return ()


def pinned_data(config: Mapping[str, Any], data: DataSource | None) -> dict[str, Any]:
    """The section `data` of the configuration, reading that very span and version and no newer one."""
    section = dict(config.get("data", {}))
    if data is None or not _VARIABLE.search(str(section.get("path", ""))):
        return section
    if data.version is None and data.span is not None:
        return {**section, "span": data.span}
    return {**section, "path": data.place, "span": None}


def schema_ingredient(config: Mapping[str, Any], story: Story) -> tuple[Ingredient, str | None]:
    """The curated schema's standing, and where to read it from; None if it was inferred or is nowhere any more."""
    path = (config.get("schema") or {}).get("path")
    if path is None:
        return Ingredient("schema", "same", "inferred from the data"), None
    schema = story.schema
    places = [schema.source, f"{schema.artifact.uri}/schema.pbtxt"] if schema else []
    for place in places:
        if place is not None and Path(place).is_file():
            return Ingredient("schema", "same", f"{place}, as it was then"), place
    if Path(path).is_file():
        seen = f"{path}: what it was then is not kept any more, so today's is taken"
        return Ingredient("schema", "unknown", seen, blocks=True), path
    return Ingredient("schema", "missing", f"{path}: not there, and no copy of it is kept", blocks=True), None


def environment_ingredients(then: Provenance | None, now: Provenance) -> list[Ingredient]:
    """Lock, packages, Python and machine; none of it can be brought back here, so nothing blocks."""
    if then is None:
        return [Ingredient("environment", "unknown", _NOT_NOTED)]
    found = [_compared("lock", then.lock_digest, now.lock_digest), _compared("python", then.python, now.python)]
    packages = sorted({*then.packages, *now.packages})
    changed = [
        f"{name} {then.packages.get(name, 'absent')} → {now.packages.get(name, 'absent')}"
        for name in packages
        if then.packages.get(name) != now.packages.get(name)
    ]
    versions = ", ".join(changed)
    found.append(Ingredient("packages", "differs" if changed else "same", versions or f"{len(packages)} versions"))
    found.append(_compared("platform", then.platform, now.platform))
    found.append(_compared("processors", then.cpu_count, now.cpu_count))
    return found


def _compared(name: str, then: object, now: object) -> Ingredient:
    if then is None:
        return Ingredient(name, "unknown", "not noted")
    shown_then, shown_now = (str(value)[:12] if name == "lock" else str(value) for value in (then, now))
    if then == now:
        return Ingredient(name, "same", shown_then)
    return Ingredient(name, "differs", f"{shown_then} → {shown_now}")


def parameters_ingredient(ir_text: str | None, given: Mapping[str, str]) -> Ingredient:
    """Runtime parameters: what is not known from the run and has no default must be given."""
    if ir_text is None:
        return Ingredient("parameters", "unknown", "the compiled pipeline of the run is not there any more")
    try:
        found = _parameters(json.loads(ir_text))
    except (ValueError, RecursionError):
        return Ingredient("parameters", "unknown", "the compiled pipeline of the run is damaged")
    absent = sorted(name for name in found if name not in given)
    advice = "this run does not say with what value; give each with --param NAME=VALUE"
    if without := [name for name in absent if not found[name]]:
        return Ingredient("parameters", "missing", f"{', '.join(without)}: {advice}", blocks=True)
    if absent:
        return Ingredient("parameters", "unknown", f"{', '.join(absent)}: {advice}, else the default is taken")
    return Ingredient(
        "parameters", "same", f"{', '.join(sorted(found))} as given" if found else "the pipeline takes none"
    )


def _parameters(node: Any) -> dict[str, bool]:
    """Names of the runtime parameters in an IR document, TFX's own left out, and whether each has a default."""
    items = node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
    found = {name: default for item in items for name, default in _parameters(item).items()}
    own = node.get("runtimeParameter") if isinstance(node, dict) else None
    if isinstance(own, dict) and own.get("name") not in _TFX_PARAMETERS:
        found[str(own.get("name"))] = "defaultValue" in own
    return found


_TFX_PARAMETERS = (ir_documents.RUN_ID_PARAMETER, "pipeline-root")
