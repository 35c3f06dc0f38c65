"""What a run was asked to do: everything that decides its outcome, kept in its folder as `request.json`.

Made without TensorFlow and TFX, and fast: unchanged files are not read again (see `file_index`).
"""

import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from components.arrow_example_gen.source_files import resolve_input
from components.gate.waiver import depends_on_day
from pipeline.caching.code_digests import PACKAGES, CodeFinder, Module
from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import INDEX_NAME, file_digest
from pipeline.caching.lock_file import LOCK_NAME, changed_packages, read_lock
from pipeline.caching.parts import Parts, Scalar, Section, changes, flatten, parse_parts
from pipeline.caching.words import sentences
from pipeline.config import Config
from pipeline.planning import split_input_path
from pipeline.provenance import PROJECT_ROOT

REQUEST_NAME = "request.json"


@dataclasses.dataclass(frozen=True)
class RequestDescription:
    """The parts of a request, in the sections of `parts.Parts`, and the packages of its lock."""

    parts: Parts
    packages: Mapping[str, str]


def describe_request(
    config: Config,
    parameters: Mapping[str, str],
    now: datetime.datetime | None = None,
    project_root: Path = PROJECT_ROOT,
) -> RequestDescription:
    """What a run with this configuration and these runtime parameters would be asked to do now.

    Raises:
      BadData: no file matches `data.path`.
      OSError: a file cannot be read.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    lock = read_lock(project_root)
    with FileIndex(config.root / INDEX_NAME) as index:
        parts: dict[str, Section] = {
            "configuration": _configuration(config),
            "parameters": dict(parameters),
            "data": _data(config, index),
            "schema": _schema(config, index),
            "code": _code(index, project_root),
            "environment": {"python": platform.python_version(), LOCK_NAME: lock.digest},
            "day": {"today": now.astimezone(datetime.UTC).date().isoformat()} if _asks_for_the_day(config) else {},
        }
    return RequestDescription(parts, lock.packages)


def write_request(folder: Path, request: RequestDescription) -> None:
    """Keeps the description in a run's folder; of a run that goes on, that of its first start stays."""
    path = folder / REQUEST_NAME
    if path.exists():
        return
    temporary = path.with_name(f".{REQUEST_NAME}.{os.getpid()}")
    temporary.write_text(json.dumps(dataclasses.asdict(request), indent=1), encoding="ascii")
    temporary.replace(path)


def read_request(folder: Path) -> RequestDescription | None:
    """What the run in this folder was asked to do; None if nothing (whole) was kept."""
    try:
        data = json.loads((folder / REQUEST_NAME).read_bytes())
        parts, packages = parse_parts(json.dumps(data["parts"])), data["packages"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return RequestDescription(parts, packages) if parts is not None and isinstance(packages, dict) else None


def compare(old: RequestDescription, new: RequestDescription) -> list[str]:
    """What changed from one request to the other, in words (`training.epochs: 5 → 6`); empty if nothing did."""
    return sentences(changes(old.parts, new.parts), changed_packages(old.packages, new.packages))


def _asks_for_the_day(config: Config) -> bool:
    return depends_on_day(json.loads(config.model_dump_json(by_alias=True)))


def _configuration(config: Config) -> dict[str, Scalar]:
    """Every setting but those of the cache: they decide whether an outcome may be taken, not what it is."""
    settings = json.loads(config.model_dump_json(by_alias=True, exclude={"nodes": True, "pipeline": {"cache"}}))
    return flatten(settings)


def _data(config: Config, index: FileIndex) -> dict[str, Scalar]:
    """SHA-256 of each file that a run would read, by its path below the folder that the pattern starts from.

    Logged requests stand there by their key; None: they are not there.
    """
    base, pattern = split_input_path(config.data.path)
    files = resolve_input(base, pattern, config.data.span).files
    found: dict[str, Scalar] = {
        Path(path).relative_to(base).as_posix(): file_digest(Path(path), index) for path in files
    }
    if config.distribution.serving_path is not None:
        requests = Path(config.distribution.serving_path)
        found["distribution.serving_path"] = file_digest(requests, index) if requests.is_file() else None
    if config.review.path is not None:
        to_label = Path(config.review.path)
        found["review.path"] = file_digest(to_label, index) if to_label.is_file() else None
    return found


def _schema(config: Config, index: FileIndex) -> dict[str, str]:
    path = config.schema_.path
    return {} if path is None else {Path(path).name: file_digest(Path(path), index)}


def _code(index: FileIndex, project_root: Path) -> dict[str, str]:
    """The digest of every module of our packages and of the user's modules that they load, without loading any.

    More than a run loads, so that every file that stands in a node's key stands here too.
    """
    paths = (path for package in PACKAGES for path in (project_root / package).rglob("*.py"))
    modules = {path: Module(_module_name(path, project_root), path, project_root) for path in sorted(paths)}
    finder = CodeFinder(index, project_root)
    return finder.digests({**modules, **finder.closure(module.name for module in modules.values())}.values())


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
