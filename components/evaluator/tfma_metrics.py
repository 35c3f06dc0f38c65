"""Our metrics as TFMA sees them: `PenstockMetric`, one number per slice, computed together with its siblings.

TFMA's own accuracy and cross-entropy for sparse multiclass labels are Keras metrics, which do not run on Keras 3;
it has neither the majority class's share nor R². Named by module and class in the EvalConfig, so TFMA finds them on
a Beam worker too.
"""

from typing import Any

import apache_beam as beam
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.evaluator.tally import ClassTally, ErrorTally

Tally = ClassTally | ErrorTally
_TALLIES: dict[str, type[ClassTally] | type[ErrorTally]] = {
    name: tally for tally in (ClassTally, ErrorTally) for name in tally().values()
}


class PenstockMetric(metric_types.Metric):
    """One value of a tally, by name: `accuracy`, `skill`, `r2`, …"""

    def __init__(self, name: str) -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


metric_types.register_metric(PenstockMetric)


def _computations(
    name: str,
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    sub_key: Any = None,
    aggregation_type: Any = None,
    class_weights: Any = None,
    example_weighted: bool = False,
) -> list[Any]:
    """The tally, under a name that TFMA merges with its siblings' and hides (`_`), and the value taken from it."""
    del aggregation_type, class_weights
    tally = _TALLIES[name]
    about = {
        "model_name": model_name,
        "output_name": output_name,
        "sub_key": sub_key,
        "example_weighted": example_weighted,
    }
    tally_key = metric_types.MetricKey(name=f"_penstock_{tally.__name__}", **about)
    key = metric_types.MetricKey(name=name, **about)
    return [
        metric_types.MetricComputation(
            keys=[tally_key], preprocessors=None, combiner=TallyCombiner(tally_key, tally, eval_config)
        ),
        metric_types.DerivedMetricComputation(
            keys=[key], result=lambda metrics: {key: metrics[tally_key].values()[name]}
        ),
    ]


class TallyCombiner(beam.CombineFn):
    """Combines TFMA's per-row inputs into `{key: tally}`."""

    def __init__(self, key: Any, tally: type[ClassTally] | type[ErrorTally], eval_config: Any) -> None:
        self._key = key
        self._tally = tally
        self._eval_config = eval_config

    def create_accumulator(self) -> Tally:
        """An empty tally."""
        return self._tally()

    def add_input(self, accumulator: Tally, element: Any) -> Tally:
        """Counts one row."""
        rows = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            flatten=False,
        )
        for label, prediction, _ in rows:
            if isinstance(accumulator, ClassTally):
                accumulator.add(int(label.item()), prediction.reshape(-1))
            else:
                accumulator.add(float(label.item()), float(prediction.item()))
        return accumulator

    def merge_accumulators(self, accumulators: Any) -> Tally:
        """The sum of tallies."""
        total = self._tally()
        for accumulator in accumulators:
            total.merge(accumulator)
        return total

    def extract_output(self, accumulator: Tally) -> dict[Any, Tally]:
        """The tally under its key."""
        return {self._key: accumulator}
