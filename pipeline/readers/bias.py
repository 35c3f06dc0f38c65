"""What BiasEvaluator measured, from its bias.json."""

from pathlib import Path

from components.bias_evaluator.document import BIAS_FILE, BiasDocument
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object


def read_bias(folder: Path) -> BiasDocument:
    """The report in a BiasReport artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / BIAS_FILE
    data = read_object(path)
    try:
        return BiasDocument.from_json(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{path}: not a report of BiasEvaluator ({error}).") from error
