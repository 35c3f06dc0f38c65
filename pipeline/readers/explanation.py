"""What a run's Explainer wrote (components/explainer/document.py)."""

from pathlib import Path

from components.explainer.document import EXPLANATION_FILE, Explanation
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object


def read_explanation(folder: Path) -> Explanation:
    """The explanation in an artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / EXPLANATION_FILE
    data = read_object(path)
    try:
        return Explanation.from_json(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{path}: not an explanation by Explainer ({error!r}).") from error
