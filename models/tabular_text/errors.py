"""What the model's code raises; one class per thing a caller would do differently.

    ModelError                  training, tuning or exporting cannot go on; the message says what to do
    ├── BadSettings             a setting has a bad value or an unknown name: correct the config
    ├── UntrainableData         the examples cannot teach this label: fix the data, the split or the label
    └── TrainingDiverged        the loss is not a number any more: change the training settings

Here and not in `components`, because `models` may not import `components`.
"""

from collections.abc import Sequence


class ModelError(Exception):
    """The model cannot be trained, tuned or exported, and the user can do something about it."""


class BadSettings(ModelError, ValueError):
    """Settings with bad values; `problems` has one sentence per finding."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type["BadSettings"], tuple[tuple[str, ...]]]:
        """Crosses process boundaries with its problems."""
        return type(self), (self.problems,)


class UntrainableData(ModelError):
    """The examples cannot teach the label."""


class TrainingDiverged(ModelError):
    """The loss became NaN or infinite."""
