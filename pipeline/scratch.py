"""A place to try things in: a copy of the lineage store whose outputs go elsewhere, so that nothing real changes."""

import datetime
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import NotFound


def scratch_copy(config: Config, run_id: str) -> Config:
    """The configuration with a root of its own below `<root>/tries`, which holds a copy of the lineage store.

    What runs there reads the real artifacts, and writes (and pushes) below its own root only.

    Raises:
      NotFound: there is no lineage store to copy.
    """
    store = config.root / "metadata.sqlite"
    if not store.is_file():
        raise NotFound(f"{store}: there is no lineage store, so run '{run_id}' has no artifacts to try a node with.")
    name = f"try-{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    root = config.root / "tries" / name
    root.mkdir(parents=True)
    copy_store(store, root / "metadata.sqlite")
    return config.model_copy(
        update={
            "pipeline": config.pipeline.model_copy(update={"root": str(root)}),
            "push": config.push.model_copy(update={"directory": None}),
        }
    )


def copy_store(store: Path, target: Path) -> None:
    """Copies a lineage store as it is at one moment, also while it is written to."""
    with (
        closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
