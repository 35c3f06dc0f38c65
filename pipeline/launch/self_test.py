"""`--self-test`: what works in this image, one JSON object a line, so that a broken image is found before a run.

    {"advice": "", "check": "python", "seen": "3.11.9", "status": "ok"}

What `penstock doctor` looks at, and what only shows when the heavy libraries are imported and used.
"""

import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pipeline.doctor.diagnosis import CHECKOUT, LOCK, diagnose
from pipeline.doctor.findings import Finding, Status, has_problem
from pipeline.doctor.probes import probe_gpus, probe_write
from pipeline.errors import PenstockError
from pipeline.launch.job_machine import JOB_FOLDER, scratch_folder
from pipeline.metadata import connection_config

IMPORTED = (
    "tensorflow",
    "keras",
    "tfx",
    "ml_metadata",
    "tensorflow_data_validation",
    "tensorflow_transform",
    "tensorflow_model_analysis",
    "apache_beam",
    "boto3",
    "pipeline.definition",
    "pipeline.caching.launcher",
)
"""What jobs import; without one of them no node of some kind runs."""

_STRANGE = "C:\\new \\' % 🙂"


def self_test(environ: Mapping[str, str], out: IO[str] | None = None) -> int:
    """Writes what was found; 1 if something will keep nodes from running, else 0.

    Args:
      environ: names the scratch folder (PENSTOCK_SCRATCH).
      out: gets the lines, standard output if None.
    """
    found = []
    for finding in _findings(scratch_folder(environ)):
        found.append(finding)
        line = {"check": finding.check, "status": finding.status, "seen": finding.seen, "advice": finding.advice}
        (out or sys.stdout).write(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n")
    for finding in found:
        if finding.status is Status.PROBLEM:
            sys.stderr.write(f"{finding.check}: {finding.seen}. {finding.advice}\n")
    return int(has_problem(found))


def _findings(scratch: Path) -> Iterator[Finding]:
    yield from diagnose(scratch)
    yield from lock_is_there()
    yield _writable(JOB_FOLDER / "output")
    yield from map(imported, IMPORTED)
    yield _tried("gpu in tensorflow", _gpus_in_tensorflow)
    yield _tried("s3", _s3)
    yield _tried("lineage", _lineage)


def lock_is_there(checkout: Path = CHECKOUT) -> Iterator[Finding]:
    """In an image the lock must be there: its digest is a part of every node's cache key."""
    if not (checkout / LOCK).exists():
        advice = f"Copy {LOCK} into the image beside the code."
        yield Finding("lock file", Status.PROBLEM, f"no {LOCK} in {checkout}", advice)


def _writable(folder: Path) -> Finding:
    """Whether the platform's folder, where there is one, takes the reason of a failure."""
    if not folder.is_dir():
        return Finding("job output", Status.OK, f"no {folder} here: this is no job")
    if problem := probe_write(folder):
        return Finding("job output", Status.PROBLEM, f"{folder}: {problem}", "Let the image's user write there.")
    return Finding("job output", Status.OK, f"{folder} can be written")


def imported(name: str) -> Finding:
    """Whether the module can be imported, with its version."""
    try:
        module = importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        advice = "Install what the locks name into the image, and the libraries of the system that they need."
        return Finding(f"import {name}", Status.PROBLEM, f"{type(error).__name__}: {error}", advice)
    version = getattr(module, "__version__", "")
    return Finding(f"import {name}", Status.OK, str(version) or "imported")


def _tried(check: str, look: Callable[[], Finding]) -> Finding:
    """What the look found, or what went wrong with it."""
    try:
        return look()
    except (ImportError, OSError, RuntimeError, ValueError, PenstockError) as error:
        advice = "See the imports above; a node would end like this too."
        return Finding(check, Status.PROBLEM, f"{type(error).__name__}: {error}", advice)


def _gpus_in_tensorflow() -> Finding:
    import tensorflow as tf

    return gpu_finding(len(probe_gpus().devices), [device.name for device in tf.config.list_physical_devices("GPU")])


def gpu_finding(devices: int, seen: list[str]) -> Finding:
    """Whether TensorFlow sees the GPUs that the machine has."""
    if devices and not seen:
        advice = "Use the image's GPU variant: TensorFlow needs its CUDA wheels, and the host a driver that fits them."
        return Finding("gpu in tensorflow", Status.PROBLEM, f"none of {devices} on this machine", advice)
    return Finding("gpu in tensorflow", Status.OK, ", ".join(seen) or "none, and none on this machine")


def _s3() -> Finding:
    from tfx.dsl.io import filesystem_registry

    from pipeline.storage import register

    register()
    plugin: Any = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.get_filesystem_for_path("s3://bucket/key")
    name = f"{plugin.__module__}.{plugin.__qualname__}"
    if plugin.__module__.startswith("pipeline.storage."):
        return Finding("s3", Status.OK, f"s3:// is {name}'s")
    return Finding("s3", Status.PROBLEM, f"s3:// is {name}'s", "TFX must ask our plugin: see pipeline/storage.")


def _lineage() -> Finding:
    """Whether ML Metadata's library works here: a store of a moment keeps what it was given."""
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{Path(folder).resolve() / 'metadata.sqlite'}"
        store = metadata_store.MetadataStore(connection_config(uri, writable=True))
        type_id = store.put_context_type(metadata_store_pb2.ContextType(name="self_test"))
        store.put_contexts([metadata_store_pb2.Context(type_id=type_id, name=_STRANGE)])
        names = [context.name for context in store.get_contexts_by_type("self_test")]
    if names != [_STRANGE]:
        return Finding("lineage", Status.PROBLEM, f"a store gave back {names}", "Install ml-metadata as locked.")
    return Finding("lineage", Status.OK, "a store keeps what it is given")
