"""Re-creates a run: checks what it was made of, runs it again in a root of its own, compares what came out."""

import dataclasses
import datetime
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline import provenance
from pipeline.caching.code_digests import PACKAGES
from pipeline.caching.request import RequestDescription, read_request
from pipeline.errors import NotFound, NotReproduced
from pipeline.lineage import origin
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.story import Story, tell
from pipeline.lineage.target import Target
from pipeline.metadata import ArtifactRecord, ExecutionRecord, LineageStore
from pipeline.reproduction.code import checked_out, find_code
from pipeline.reproduction.comparison import Verdict, compare
from pipeline.reproduction.ingredient import Ingredient
from pipeline.reproduction.ingredients import (
    data_ingredients,
    environment_ingredients,
    parameters_ingredient,
    pinned_data,
    schema_ingredient,
)
from pipeline.reproduction.scratch import CONFIG_NAME, baseline_ingredient, baseline_of, make_scratch
from pipeline.run_store import RunStore

VERDICT_NAME = "verdict.json"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything needed to run a run again.

    Attributes:
      config: the run's own, pinned to the data it read; its places are still the first run's.
      commit: where the code comes from, None for what lies here.
      baseline: the model to compare with, None for none.
    """

    story: Story
    run_id: str
    config: Mapping[str, Any]
    ingredients: tuple[Ingredient, ...]
    commit: str | None
    baseline: ArtifactRecord | None
    parameters: Mapping[str, str]

    @property
    def obstacles(self) -> list[Ingredient]:
        """What keeps the result from being the same, and stops without `--anyway`."""
        return [item for item in self.ingredients if item.blocks]


def recipe_of(target: Target, graph: LineageGraph, store: RunStore, parameters: Mapping[str, str]) -> Recipe:
    """The recipe of a run (or of the run that made a model).

    Raises:
      NotFound: no run made it, or the run did not keep its configuration.
    """
    if target.run_id is None:
        what = f"artifact {target.artifact.artifact_id}" if target.artifact else "it"
        raise NotFound(f"No run of this store made {what}, so there is nothing to run again.")
    story, config = tell(target, graph, store), origin.config_of(store, target.run_id)
    if not config:
        raise NotFound(
            f"Run '{target.run_id}' did not keep its configuration whole (see {store.config_path(target.run_id)}), "
            "so it cannot be run again. Runs of this version keep it."
        )
    request = read_request(store.run_folder(target.run_id))
    parameters = {**_noted_parameters(request), **parameters}
    executions = graph.executions_of_run(target.run_id, target.pipeline_name)
    code = find_code(_local_code(executions, request), story.provenance)
    baseline = baseline_of(graph, executions)
    compared = baseline_ingredient(baseline)
    schema, schema_path = schema_ingredient(config, story)
    ir_path = store.ir_path(target.run_id)
    ingredients = (
        *data_ingredients(story.data),
        code.ingredient,
        schema,
        Ingredient("configuration", "same", str(store.config_path(target.run_id))),
        parameters_ingredient(
            ir_path.read_text(encoding="utf-8", errors="replace") if ir_path.is_file() else None, parameters
        ),
        compared,
        *environment_ingredients(story.provenance, provenance.collect()),
    )
    pinned = {**config, "data": pinned_data(config, story.data), "schema": {"path": schema_path}}
    kept_baseline = baseline if compared.standing == "same" else None
    return Recipe(story, target.run_id, pinned, ingredients, code.commit, kept_baseline, parameters)


def _noted_parameters(request: RequestDescription | None) -> dict[str, str]:
    """Values of runtime parameters, empty if the run did not keep them."""
    return {name: str(value) for name, value in request.parts.get("parameters", {}).items()} if request else {}


def _local_code(executions: Iterable[ExecutionRecord], request: RequestDescription | None) -> dict[str, str]:
    """Digests of the project's files behind the run's nodes, and of those that compiled the pipeline if it noted them.

    Files of the user's own outside the project are left out.
    """
    digests: dict[str, str] = {}
    for execution in executions:
        digests |= origin.section_of(execution, "code")
    noted = request.parts.get("code", {}) if request else {}
    digests |= {name: str(digest) for name, digest in noted.items() if name.startswith(_COMPILING)}
    return {name: digest for name, digest in digests.items() if name.partition("/")[0] in PACKAGES}


_COMPILING = tuple(
    f"pipeline/{name}" for name in ("config.py", "definition.py", "feature_planning/", "ir.py", "planning.py")
)
"""What turns a configuration into a pipeline."""


def run_again(recipe: Recipe, store: RunStore, tell_user: Callable[[str], None]) -> Verdict:
    """Runs the recipe below `<root>/reproductions`, and returns how the result compares; writes it there too.

    Raises:
      NotReproduced: the run did not get as far as the first one, or could not be started.
    """
    now = datetime.datetime.now(datetime.UTC)
    again_id = f"again-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"  # sorts by time: gc keeps the newest
    root = store.root / "reproductions" / again_id
    make_scratch(root, store, dict(recipe.config), recipe.baseline)
    tell_user(f"running again in {root}")
    with checked_out(recipe.commit, root / "code") as code:
        _run(root, again_id, code, recipe.parameters)
    again_store = RunStore(root)
    graph = LineageGraph.read(LineageStore(again_store.metadata_uri))
    verdict = compare(recipe.story, tell(Target(None, again_id, recipe.story.pipeline_name), graph, again_store))
    document = {"run": recipe.run_id, **dataclasses.asdict(verdict)}
    document["ingredients"] = [dataclasses.asdict(item) for item in recipe.ingredients]
    (root / VERDICT_NAME).write_text(json.dumps(document, indent=1), encoding="utf-8")
    return verdict


def _run(root: Path, run_id: str, code: Path, parameters: Mapping[str, str]) -> None:
    """Runs the pipeline by the command line of that code; its output goes where ours goes."""
    config = str(root / CONFIG_NAME)
    command = [sys.executable, "-m", "pipeline.cli", "run", "--config", config, "--run-id", run_id]
    command += [f"--param={name}={value}" for name, value in parameters.items()]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(command, cwd=code, env=environment, check=False)
    if not (root / "runs" / run_id / "run.json").is_file():
        raise NotReproduced(f"The run could not be started again (exit code {done.returncode}); see above.")
