"""One launch of a pipeline, on any platform: what is kept to find it again."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class RunHandle:
    """One launch of a pipeline, on any platform.

    Attributes:
      runner: the word after `--runner`.
      run_id: ours, by which the lineage store knows the run.
      execution_arn: the platform's own name of the run, empty where there is none.
      document_digest: SHA-256 of the compiled document that was submitted, empty if it is not known.
      submitted_at: ISO 8601 with zone, empty if it is not known.
    """

    runner: str
    pipeline_name: str
    run_id: str
    execution_arn: str = ""
    document_digest: str = ""
    submitted_at: str = ""
