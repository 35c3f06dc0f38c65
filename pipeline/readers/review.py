"""The rows that a run puts before people, from HumanReview's queue.json."""

from pathlib import Path

from components.human_review.queue import QUEUE_FILE, Queue
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object


def read_queue(folder: Path) -> Queue:
    """The queue in a ReviewQueue artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / QUEUE_FILE
    data = read_object(path)
    try:
        return Queue.from_json(data)
    except (KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{path}: not a queue of rows for people ({error}).") from error
