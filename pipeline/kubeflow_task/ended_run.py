"""A run of which nothing goes on, as its last task is told of it."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class EndedRun:
    """A run of which nothing goes on.

    Attributes:
      ir: the compiled pipeline, as the launcher takes it.
      root: that its nodes left word at.
      status: Kubeflow's PipelineTaskFinalStatus of everything before, as JSON.
    """

    pipeline_name: str
    run_id: str
    ir: str
    root: str
    status: str

    @property
    def succeeded(self) -> bool:
        """True if Kubeflow says so."""
        try:
            return bool(json.loads(self.status).get("state") == "SUCCEEDED")
        except (ValueError, AttributeError):
            return False
