"""The runners by name, without importing any before it is asked for."""

import difflib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import ir as ir_documents
from pipeline.definition import Plan, create_pipeline
from pipeline.errors import ConfigError
from pipeline.runners.base import Capabilities, Document

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.runners.remote import RemoteRunner

RUNNERS = {
    "kubeflow": "pipeline.runners.kubeflow",
    "local": "pipeline.runners.local",
    "sagemaker": "pipeline.runners.sagemaker",
    "step_functions": "pipeline.runners.step_functions",
}
"""The word after `--runner` and the module that holds the runner: its `CAPABILITIES` and `compile_document`; of a
platform also `placed`, `metadata_of`, `region_of`, `check_place`, `why_unreached`, `document_problems`, and
`make_runner` in its module `runner`."""


def capabilities_of(name: str) -> Capabilities:
    """The capabilities of the runner of that name.

    Raises:
      ConfigError: if there is none, with the nearest name.
    """
    if name not in RUNNERS:
        near = difflib.get_close_matches(name, RUNNERS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(RUNNERS)}."
        raise ConfigError([f"--runner {name}: there is no such runner. {hint}"])
    found: Capabilities = import_module(RUNNERS[name]).CAPABILITIES
    return found


def runners_with(capability: str) -> list[str]:
    """Names of the runners that have a capability."""
    return [name for name in RUNNERS if getattr(capabilities_of(name), capability)]


def runners_taking(node_count: int) -> list[str]:
    """Names of the runners that take as many nodes."""
    limits = {name: capabilities_of(name).max_nodes for name in RUNNERS}
    return [name for name, limit in limits.items() if limit is None or limit >= node_count]


def kept_document(name: str, pipeline_name: str, path: str) -> Document:
    """The document of an earlier run, as it was compiled then; imports TFX, as `build_document` does."""
    text = Path(path).read_text(encoding="utf-8")
    parameters = ir_documents.runtime_parameters(ir_documents.parse_ir(text))
    return Document(name, pipeline_name, text, ir_documents.node_ids(text), parameters, ir=text)


def build_document(name: str, config: "Config", plan: Plan) -> Document:
    """Defines and compiles the pipeline for a runner; imports TFX, so the command line calls it in a warm process.

    Raises:
      UnsupportedByRunner: listing every node that the runner cannot express.
    """
    placed = placed_for(name, config)
    document: Document = import_module(RUNNERS[name]).compile_document(create_pipeline(placed, plan), placed)
    return document


def platform_problems(document: Document) -> list[str]:
    """What the platform would refuse in a document, by what can be known here, each with the step, state or task named.

    Raises:
      CannotCheck: what it would be checked with is not installed.
    """
    if capabilities_of(document.runner).runs_here:
        return []
    problems_of = import_module(RUNNERS[document.runner]).document_problems
    documents = [document, *([document.continuation] if document.continuation else [])]
    return [problem for each in documents for problem in problems_of(each.text)]


def placed_for(name: str, config: "Config") -> "Config":
    """The configuration with everything kept where that runner's nodes can reach it; what is planned and compiled.

    Raises:
      ConfigError: there is no such runner, or no section for it and the runner needs one.
    """
    if capabilities_of(name).runs_here:
        return config
    placed: Config = import_module(RUNNERS[name]).placed(config)
    return placed


def metadata_for(name: str, config: "Config") -> str:
    """The lineage store that a platform's jobs write to, as the configuration names it."""
    return str(import_module(RUNNERS[name]).metadata_of(config))


def region_for(name: str, config: "Config") -> str | None:
    """The region of AWS that a platform's runs are in, None where that is none or the environment's."""
    found: str | None = import_module(RUNNERS[name]).region_of(config)
    return found


def check_place(name: str, config: "Config") -> tuple[str, ...]:
    """Looks whether a platform's runs will find what they read where the configuration says, as far as is known here.

    Args:
      name: of the runner.
      config: as `placed_for` gives it.

    Returns:
      What could not be looked at, a sentence each.

    Raises:
      ConfigError: listing what they will not find, or cannot use.
      PlatformRefused, StorageError: the platform's storage cannot be asked.
    """
    notes: tuple[str, ...] = import_module(RUNNERS[name]).check_place(config)
    return notes


def why_unreached(name: str, config: "Config") -> str:
    """Why what a platform's runs leave at their root cannot be read from this machine, empty if it can."""
    return str(import_module(RUNNERS[name]).why_unreached(config))


def remote_runner(name: str, config: "Config") -> "RemoteRunner":
    """The runner of a platform, with clients for the place that the configuration names.

    Raises:
      ConfigError: there is no such runner, it runs here, or there is no section for it.
      PlatformRefused: there are no clients for that platform.
    """
    if capabilities_of(name).runs_here:
        away = ", ".join(other for other in RUNNERS if not capabilities_of(other).runs_here)
        raise ConfigError([f"--runner {name}: its runs are started with penstock run. For runs elsewhere: {away}."])
    runner: RemoteRunner = import_module(f"{RUNNERS[name]}.runner").make_runner(config)
    return runner
