"""Has Beam say how far it is: who counts changes no result, so it is settled when a node is launched, not before."""

from typing import Any

_TELLING = {
    f"--runner={name}": f"--runner={ours}"
    for name, ours in {
        "FnApiRunner": "components.beam_runner.CountingRunner",
        "PortableRunner": "components.portable_runners.PortableRunner",
        "FlinkRunner": "components.portable_runners.FlinkRunner",
        "SparkRunner": "components.portable_runners.SparkRunner",
        "DataflowRunner": "components.dataflow_runner.DataflowRunner",
    }.items()
}


def counting(executor_spec: Any) -> Any:
    """The executor with Beam's runner replaced by ours, which is the same but says how far it is.

    Not in the configuration, because who counts changes no result and must not change the compiled pipeline.
    """
    for argument in getattr(executor_spec, "beam_pipeline_args_placeholders", ()):
        said = argument.value.string_value
        argument.value.string_value = _TELLING.get(said, said)
    return executor_spec
