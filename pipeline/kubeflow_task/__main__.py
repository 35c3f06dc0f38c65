"""`python -m pipeline.kubeflow_task`."""

import functools
import sys

from pipeline.kubeflow_task.arguments import parse
from pipeline.kubeflow_task.showing import show
from pipeline.launch.job import ended, main


def run() -> int:
    """Runs the node that the command line names and leaves what is shown of it; returns the launcher's exit code.

    Raises:
      ConfigError: listing every argument that makes no sense.
    """
    task, words = parse(sys.argv[1:])
    del sys.argv[1:]
    return main(words, told=functools.partial(show, task))


if __name__ == "__main__":
    sys.exit(ended(run))
