"""Puts the files that a run needs, and that are not artifacts, where its nodes find them."""

import secrets
from pathlib import Path

from pipeline.config import Config
from pipeline.definition import Plan, staged_schema_uri
from pipeline.errors import ConfigError
from pipeline.input_files import digest_of, read_input


def stage_inputs(config: Config, plan: Plan) -> None:
    """Copies the curated schema to the folder named by its digest; does nothing if it is there already.

    Raises:
      ConfigError: the file cannot be read, or is not any more what the run was planned with.
    """
    if plan.schema_digest is None or config.schema_.path is None:
        return
    target = Path(staged_schema_uri(config, plan))
    if target.is_file():
        return
    source = Path(config.schema_.path)
    content = read_input(source)
    if digest_of([(source.name, content)]) != plan.schema_digest:
        raise ConfigError([f"{source}: changed while the run was starting. Start it again."])
    write_whole(target, content)


def write_whole(target: Path, content: bytes | str) -> None:
    """Writes under a name that no other run uses and renames, so that nobody reads half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
