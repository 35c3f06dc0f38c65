"""The model's answer to every evaluated row, found again among the examples by its digest."""

from pathlib import Path

from components.evaluator.predictions import Predictions, read_predictions
from models.tabular_text.features import LabelKind
from pipeline.errors import NotFound
from pipeline.readers.evaluation import read_analysis


def read_answers(evaluation: Path) -> Predictions:
    """The answers in a ModelEvaluation artifact.

    `components.evaluator.predictions.example_digest` of a serialized row gives its number in `examples`.

    Raises:
      NotFound: there are none, or they cannot be read.
    """
    kind = LabelKind(read_analysis(evaluation).label_kind)
    try:
        return read_predictions(evaluation, kind)
    except FileNotFoundError as error:
        raise NotFound(f"{evaluation}: the Evaluator of this run kept no predictions.") from error
    except (OSError, ValueError, KeyError) as error:  # Arrow's errors are ValueErrors, KeyErrors or OSErrors
        raise NotFound(f"{evaluation}: its predictions are damaged ({error}).") from error
