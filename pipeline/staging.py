"""Puts the files that a run needs, and that are not artifacts, where its nodes find them."""

import shutil
from pathlib import Path

from pipeline.config import Config
from pipeline.definition import Plan, staged_schema_uri


def stage_inputs(config: Config, plan: Plan) -> None:
    """Copies the curated schema to the folder named by its digest; does nothing if it is there already."""
    if plan.schema_digest is None or config.schema_.path is None:
        return
    target = Path(staged_schema_uri(config, plan))
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(config.schema_.path, temporary)
    temporary.replace(target)
