"""The launcher's command line in a job, with symbols where only the orchestrator knows the value."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pipeline.cache_policy import CachePolicy
from pipeline.ir import RuntimeParameter
from pipeline.jobs.request import Join, Parameter, RunId


@dataclasses.dataclass(frozen=True)
class LaunchWords:
    """What is the same in every job of a plan.

    Attributes:
      ir: what `--ir` takes.
      metadata: the lineage store.
      run_id: as the orchestrator gives it.
      parameters: runtime parameters, which every node is given.
      caching: of all nodes.
    """

    ir: str
    metadata: str
    run_id: RunId | Parameter
    parameters: tuple[RuntimeParameter, ...]
    caching: CachePolicy

    def of(self, node_ids: tuple[str, ...]) -> Iterator[Any]:
        """The words of a job that runs these nodes."""
        yield from ("--ir", self.ir)
        yield from ("--nodes", ",".join(node_ids), "--run-id", self.run_id, "--metadata", self.metadata)
        for parameter in sorted(self.parameters, key=lambda parameter: parameter.name):
            if Parameter(parameter.name) != self.run_id:
                yield from ("--param", Join((f"{parameter.name}=", Parameter(parameter.name))))
        policies = {name: policy for name, policy in self.caching.nodes.items() if name in node_ids}
        if policies:
            yield from ("--caching", CachePolicy(policies).to_json())
