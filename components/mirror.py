"""Where the original of a local copy is: what an executor writes down must be a place that others can read too.

Executors work on local copies where artifacts are on S3 (pipeline/storage). An artifact's `uri` is then a path of this
machine, which means nothing in a document, a record or a receipt that outlives it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


def _itself(text: str) -> str:
    return text


_original: ContextVar[Callable[[str], str]] = ContextVar("original", default=_itself)


def original_uri(uri: str) -> str:
    """The URI that a path is a copy of; a path that is no copy as it is. Paths in a sentence are found too.

    >>> with copies_of(lambda text: text.replace("/scratch/s3/", "s3://")):
    ...     original_uri("/scratch/s3/bucket/model/7")
    's3://bucket/model/7'
    >>> original_uri("/here/model/7")
    '/here/model/7'
    """
    return _original.get()(uri)


@contextmanager
def copies_of(original: Callable[[str], str]) -> Iterator[None]:
    """Has `original_uri` answer so until the block ends."""
    token = _original.set(original)
    try:
        yield
    finally:
        _original.reset(token)
