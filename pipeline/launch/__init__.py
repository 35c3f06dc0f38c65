"""The one launcher: runs nodes of a compiled pipeline, on every orchestrator.

    python -m pipeline.launch --ir FILE --nodes A[,B] --run-id ID --metadata STORE [--param k=v …]
    python -m pipeline.launch --self-test

Driver, executor and publisher are TFX's own (`orchestration.portable.launcher.Launcher`), the cache is ours
(`pipeline.caching.launcher`). Idempotent: killed and started again with the same arguments it finishes the same
execution; once finished it exits 0 at once.

    arguments.py     the command line, every problem at once
    job.py           the nodes of a command line one after the other, decisions, exit code
    node.py          one node
    node_report.py   what is left of it on S3, for whoever cannot reach the lineage store
    decisions.py     what the document of an orchestrator branches on
    interruption.py  SIGTERM
    job_machine.py   what the platform says of the machine that a job runs on
    machines.py      the machines of a job of several, and where they listen
    crew.py          the first of them has the others train too (peer.py, patience.py)
    following.py     ... which they do (share.py), and end when it ends
    job_output.py    where SageMaker looks for the reason of a failure
    self_test.py     what works in this image
"""

from pipeline.launch.job import main
from pipeline.launch.node import run_node
from pipeline.launch.outcome import Failure, NodeOutcome, describe_failure
from pipeline.launch.request import LaunchRequest

__all__ = ["Failure", "LaunchRequest", "NodeOutcome", "describe_failure", "main", "run_node"]
