"""Has Beam say how far it is: who counts changes no result, so it is settled when a node is launched, not before."""

from typing import Any

_BEAM_RUNNER = "--runner=FnApiRunner"
_COUNTING_BEAM_RUNNER = "--runner=components.beam_runner.CountingRunner"


def counting(executor_spec: Any) -> Any:
    """The executor with Beam's in-memory runner replaced by ours, which is the same but says how far it is.

    Not in the configuration, because who counts changes no result and must not change the compiled pipeline.
    """
    for argument in getattr(executor_spec, "beam_pipeline_args_placeholders", ()):
        if argument.value.string_value == _BEAM_RUNNER:
            argument.value.string_value = _COUNTING_BEAM_RUNNER
    return executor_spec
