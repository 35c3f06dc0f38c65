"""Where extractors write the predictions: set around a call of TFX's Evaluator, which does not tell them the artifact.

    with writing_to(folder):
        …                      # chosen_folder() is that folder

In a module of its own, because TFX reloads the module that it takes extractors from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_folder: ContextVar[str] = ContextVar("prediction_folder")


@contextmanager
def writing_to(folder: str) -> Iterator[None]:
    """Sets the folder that extractors made within the block write to."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def chosen_folder() -> str:
    """The folder of the block that this is called in; raises LookupError outside of one."""
    return _folder.get()
