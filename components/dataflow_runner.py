"""Dataflow's runner, saying at the end how much was done; apart, because it loads Google's clients."""

from typing import Any

from apache_beam.runners.dataflow import dataflow_runner

from components.portable_runners import telling


class DataflowRunner(dataflow_runner.DataflowRunner):
    """Beam's, telling; the launcher puts it in that one's place. Beam checks Dataflow's options by the class's name."""

    def run_pipeline(self, pipeline: Any, options: Any, *arguments: Any, **more: Any) -> Any:
        """Runs the pipeline on Dataflow, as Beam does; its counts are not asked for, Dataflow's own page has them."""
        return telling(super().run_pipeline(pipeline, options, *arguments, **more), "Dataflow", tells_rows=False)
