"""The registries of a configuration, of runs here and on platforms, and their versions as tables and plain data."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.ledger.ledger import Entry
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import ModelDamaged, Registry
from components.model_registry.remote import RemoteRegistry
from components.model_registry.versions import ChangeRefused, History, ModelVersion, change_words
from pipeline.config import Config
from pipeline.errors import NotFound
from pipeline.platform_root import PlatformRoot
from pipeline.storage.download import Download, download
from pipeline.storage.errors import NotPublished
from pipeline.storage.published import read_manifest
from pipeline.storage.s3 import CONNECTIONS, Location, folders


@contextmanager
def open_registry(config: Config, root: PlatformRoot | None, name: str | None = None) -> Iterator[Registry]:
    """The registry of this pipeline's model (or of another one), of runs here or of those with another root.

    What is downloaded to be checked is removed when the block ends.

    Raises:
      NotFound: there is no such model, naming those that there are.
    """
    if root is None or not root.is_on_s3:
        yield registry_of(config if root is None else root.config, name)
        return
    with TemporaryDirectory(prefix="penstock-registry-") as scratch:
        yield registry_on_s3(root.config, Path(scratch), name)


def registry_of(config: Config, name: str | None = None) -> LocalRegistry:
    """The registry of this pipeline's model, or of another model below the same root.

    Raises:
      NotFound: there is no such model, naming those that there are.
    """
    folder = config.registry_path
    if name is not None and name != config.model_name:
        folder = config.root / "registry" / name
        names = sorted(path.name for path in (config.root / "registry").glob("*") if path.is_dir())
        if name not in names:
            there = f"There are: {', '.join(names)}." if names else "There is none yet."
            raise NotFound(f"No model '{name}' is registered under {config.root}. {there}")
    return LocalRegistry(folder, config.signing, config.approvals_path)


def registry_on_s3(placed: Config, scratch: Path, name: str | None = None) -> RemoteRegistry:
    """The registry below a root on S3; a version that is looked at is downloaded below `scratch`, each file verified.

    Raises:
      NotFound: as `open_registry`.
    """
    place = placed.registry_place
    if name is not None and name != placed.model_name:
        place, names = placed.place("registry", name), folders(Location.parse(placed.place("registry")))
        if name not in names:
            there = f"There are: {', '.join(names)}." if names else "There is none yet."
            raise NotFound(f"No model '{name}' is registered under {placed.pipeline.root}. {there}")

    def fetch(uri: str) -> Path:
        target = scratch / Path(uri).name
        try:
            download([Download(uri, target)])
        except NotPublished as error:
            raise ModelDamaged(
                f"{uri}: the model is not there any more. Bring it back from a backup, or train another."
            ) from error
        return target

    return RemoteRegistry(place, placed.signing, placed.approvals_place, fetch, _missing)


def _missing(uris: Sequence[str]) -> list[str]:
    """Those at which nothing complete is published."""
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="versions") as pool:
        return [uri for uri, found in zip(uris, pool.map(read_manifest, uris), strict=True) if found is None]


def nothing_registered(registry: Registry) -> str:
    """What to say where the record holds no version, folders of versions notwithstanding."""
    if not registry.misplaced(registry.history()):
        verb = "submit" if isinstance(registry, RemoteRegistry) else "run"
        return f"No version is registered yet. A run registers what it pushes: penstock {verb}"
    return (
        f"{registry.record.path}: no version is on record, and folders of versions are there: entries were cut off, or "
        "the file was replaced or is gone. Put the true file back."
    )


def version_rows(history: History) -> list[tuple[str, ...]]:
    """The versions as a table of text with a header, the newest first."""
    rows: list[tuple[str, ...]] = [("version", "stage", "run", "model", "signature", "metrics", "last change")]
    for version in reversed(list(history.versions.values())):
        rows.append(
            (
                version.version,
                version.stage,
                version.run,
                version.model_digest[:12],
                version.signature,
                metrics_text(version),
                change_words(version.entries[-1], version.version),
            )
        )
    return rows


def metrics_text(version: ModelVersion, most: int = 3) -> str:
    """The first metrics: `accuracy 0.8991  skill 0.7543`."""
    shown = [(name, value) for name, value in version.metrics.items() if value is not None]
    return "  ".join(f"{name} {value:.4g}" for name, value in shown[:most])


def history_json(registry: Registry, history: History) -> dict[str, Any]:
    """Everything on record, as plain data."""
    return {
        "name": registry.name,
        "head": registry.record.head,
        "production": history.production,
        "versions": [_version_json(registry, version) for version in history.versions.values()],
    }


def _version_json(registry: Registry, version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "stage": version.stage,
        "folder": registry.place(version),
        "run": version.run,
        "model_uri": version.model_uri,
        "model_digest": version.model_digest,
        "decided_by": version.decided_by,
        "signature": version.signature,
        "signed_by": version.signed_by,
        "metrics": dict(version.metrics),
        "changes": _changes_json(version.entries),
    }


def _changes_json(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    kept = ("version", "from_stage", "to_stage", "replaces", "by", "reason", "run", "signature")
    return [
        {
            "number": entry.number,
            "at": entry.at,
            "kind": entry.kind,
            **{key: entry.content[key] for key in kept if key in entry.content},
            "hash": entry.hash,
        }
        for entry in entries
    ]


def model_folder(registry: Registry, word: str | None) -> tuple[str, Path]:
    """The SavedModel that a word means: a folder, a version, or without one what is in production, else the newest.

    Returns:
      where it is, and a folder of this machine that holds it.

    Raises:
      ChangeRefused: it is none.
    """
    if word is not None and (Path(word) / "saved_model.pb").is_file():
        return word, Path(word)
    if word is not None and ("/" in word or Path(word).is_dir()):
        raise ChangeRefused(f"{word}: no model's folder: no saved_model.pb is in it. Versions: penstock models.")
    history = registry.history()
    if word is None and not history.versions:
        raise ChangeRefused(
            f"Nothing is registered by {registry.record.path} yet. Name a folder, or register: penstock run."
        )
    version = history.find(word or history.production or "latest")
    return registry.place(version), registry.folder(version)
