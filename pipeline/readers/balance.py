"""What TrainingBalancer did to the training rows, from its balance.json."""

from pathlib import Path

from components.training_balancer.targets import Balance
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

__all__ = ["BALANCE_FILE", "Balance", "read_balance"]

BALANCE_FILE = "balance.json"


def read_balance(folder: Path) -> Balance:
    """The document in a `PenstockBalanceReport`.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / BALANCE_FILE
    data = read_object(path)
    try:
        return Balance.from_json(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{path}: not what TrainingBalancer writes ({error}).") from error
