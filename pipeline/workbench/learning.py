"""What a run learnt: the transform's vocabularies, the search for hyperparameters, and the training."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from pipeline.readers.run_view import Reading
from pipeline.readers.training import Training
from pipeline.readers.transform import TransformGraph
from pipeline.readers.tuning import Tuning
from pipeline.report.data_parts import transform_view
from pipeline.report.model_parts import training_view, tuning_view
from pipeline.report.text import counted, seconds
from pipeline.workbench.display import Shown, Table


class TransformPart(Shown):
    """What Transform learnt from the training data: the vocabularies; and what it makes of a row."""

    def __init__(self, transform: TransformGraph) -> None:
        """Takes what the reader found."""
        self.reading = transform

    @property
    def title(self) -> str:
        """How many vocabularies and features."""
        made = counted(len(self.reading.features), "transformed feature")
        return f"Transform: {made}; vocabularies: {len(self.reading.vocabularies)}"

    @property
    def frame(self) -> pd.DataFrame:
        """The transformed features: name, type, shape of one row."""
        rows = [
            (item.name, item.type, "varies" if item.shape is None else " x ".join(map(str, item.shape)) or "one number")
            for item in self.reading.features
        ]
        return pd.DataFrame(rows, columns=["feature", "type", "shape"])

    @property
    def vocabularies(self) -> Table:
        """Each vocabulary's size and its commonest terms."""
        rows = [(item.name, item.size, ", ".join(item.first_terms)) for item in self.reading.vocabularies]
        return Table("Vocabularies", pd.DataFrame(rows, columns=["vocabulary", "terms", "commonest"]))

    def body(self) -> Markup:
        """Vocabularies and features."""
        return transform_view(self.reading)


class TuningPart(Shown):
    """The trials of the search for hyperparameters, the best first."""

    def __init__(self, tuning: Tuning) -> None:
        """Takes what the reader found."""
        self.reading = tuning

    @property
    def title(self) -> str:
        """How many trials, by what."""
        return f"Search: {counted(len(self.reading.trials), 'trial')} by {self.objective}"

    @property
    def objective(self) -> str:
        """The metric that trials were compared by."""
        return self.reading.objective or "objective"

    @property
    def best(self) -> Mapping[str, object]:
        """The hyperparameters that the search chose, empty if that was not kept."""
        values = self.reading.best.values if self.reading.best else {}
        return {name: value for name, value in values.items() if not name.startswith("tuner/")}

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each trial, the best first."""
        names = self.reading.names
        rows = [[item.trial_id, item.score, *map(item.values.get, names)] for item in self.reading.trials]
        return pd.DataFrame(rows, columns=["trial", self.objective, *names])

    def body(self) -> Markup:
        """The trials as parallel coordinates, and as a table."""
        return tuning_view(self.reading)


class TrainingPart(Shown):
    """The training, epoch by epoch."""

    def __init__(self, training: Training, hyperparameters: Reading[dict[str, object]]) -> None:
        """Takes the history, and the settings where they are known."""
        self.reading, self._settings = training, hyperparameters

    @property
    def title(self) -> str:
        """How many epochs, which was best."""
        best = f", best epoch {self.reading.best_epoch}" if self.reading.best_epoch else ""
        return f"Training: {counted(len(self.reading.epochs), 'epoch')} in {seconds(self.reading.seconds)}{best}"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each epoch; `val_` metrics are of the eval split."""
        return pd.DataFrame([{"epoch": e.number, "seconds": e.seconds, **e.metrics} for e in self.reading.epochs])

    @property
    def hyperparameters(self) -> Table:
        """What the model was trained with: the configuration's settings, and what a search chose in their place."""
        found = self._settings.value or {}
        rows = [
            (group, name, value) for group, of in found.items() if isinstance(of, dict) for name, value in of.items()
        ]
        return Table("Hyperparameters", pd.DataFrame(rows, columns=["from", "name", "value"]), self._settings.reason)

    def body(self) -> Markup:
        """A drawing for each metric: on the training rows, and on the eval rows."""
        return training_view(self.reading)
