"""The Tuner node: TFX's, with an executor that keeps the trials until the node succeeds."""

from tfx.components.tuner.component import Tuner as TfxTuner
from tfx.dsl.components.base import executor_spec

from components.tuner.executor import Executor


class Tuner(TfxTuner):
    """Searches hyperparameters; started again in the same run, it goes on where it was stopped.

    Inputs, outputs and arguments are TFX's. `fn_args.working_dir` of the `tuner_fn` is a folder that stays until the
    node has succeeded, whatever ended an attempt.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
