"""The digest by which a model's bytes are known from the Trainer to every place where it is served. Files only."""

import hashlib
import os
from pathlib import Path

PUT_IN_AFTERWARDS = ("assets.extra/penstock_push.json", "assets.extra/model.sig")
"""What a push adds to the model's own files: its receipt, and the signed manifest."""


def model_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of a SavedModel's files, in order of their names.

    The same before and after a push: what a push puts in is left out.
    """
    digest = hashlib.sha256()
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for name in sorted(name.as_posix() for name in names):
        if name in PUT_IN_AFTERWARDS:
            continue
        with (folder / name).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()
