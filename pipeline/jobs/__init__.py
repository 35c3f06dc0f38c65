"""What an orchestrator that starts containers has to start: one request for each job of a pipeline, for any renderer.

Pure: IR and configuration in, a plan out. Late-bound values are symbols, which each renderer writes in its own terms.
"""

from pipeline.jobs.part import CONTINUE, RUN_ID_PARAMETER
from pipeline.jobs.plan import plan_jobs, plan_rest
from pipeline.jobs.request import Gate, JobPlan, JobRequest, Join, Parameter, RunId, Unique

__all__ = [
    "CONTINUE",
    "RUN_ID_PARAMETER",
    "Gate",
    "JobPlan",
    "JobRequest",
    "Join",
    "Parameter",
    "RunId",
    "Unique",
    "plan_jobs",
    "plan_rest",
]
