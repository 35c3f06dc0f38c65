"""What the pipeline raises; one class per thing a caller would do differently, each with its exit code.

    PenstockError
    ├── ConfigError             2  the configuration (or a command's argument) is wrong; lists every problem
    │   └── UnsupportedByRunner 2  the pipeline holds nodes that the chosen runner cannot express
    ├── NotFound                2  no run, node or file of that name
    ├── NodeFailed              3  a node of the run failed
    │   ├── DataRefused         4  ... because the input data cannot be used
    │   └── GateRefusedRun      4  ... because a gate said no
    ├── StoreBusy               6  another run holds the store
    ├── NotReproduced           7  a run could not be re-created, or came out different
    ├── PlatformRefused         9  a platform that runs pipelines did not do what was asked
    │   └── PlatformBusy        9  ... for now: too many requests, a quota, no network; the same may work later
    ├── StoreUnreachable       10  the lineage store's server does not answer, or does not let us in
    └── RunInterrupted        130  Ctrl-C

Neither 5 nor 8 is an error: the run completed and the model was not pushed (5), or waits for a person's approval
(8). Exit 1 is a defect of ours.
`components/errors.py` holds what components raise; the launcher turns it into these.
"""

from collections.abc import Sequence
from functools import partial

EXIT_NOT_PUSHED = 5
EXIT_WAITING = 8


class PenstockError(Exception):
    """Something that the user can act on; the message says what, where, what was seen and what to do."""

    exit_code = 1


class ConfigError(PenstockError):
    """The configuration is wrong; `problems` lists everything found, one sentence each."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[list[str]]]:
        """Crosses process boundaries with its list of problems."""
        return type(self), (self.problems,)


class CannotCheck(ConfigError):
    """What a document would be checked with is not installed."""


class UnsupportedByRunner(ConfigError):
    """The pipeline holds nodes that the chosen runner cannot express."""


class NotFound(PenstockError):
    """No run, node or file of that name."""

    exit_code = 2


class NodeFailed(PenstockError):
    """A node of the run failed.

    Attributes:
      node_id: the node.
      log_file: where its whole output is.
    """

    exit_code = 3

    def __init__(self, message: str, *, node_id: str, log_file: str = "") -> None:
        self.node_id = node_id
        self.log_file = log_file
        super().__init__(message)

    def __reduce__(self) -> tuple[partial["NodeFailed"], tuple[str]]:
        """Crosses process boundaries with its node and log file."""
        return partial(type(self), node_id=self.node_id, log_file=self.log_file), (str(self),)


class DataRefused(NodeFailed):
    """A node failed because the input data cannot be used."""

    exit_code = 4


class GateRefusedRun(NodeFailed):
    """A node failed because a gate said no."""

    exit_code = 4


class StoreBusy(PenstockError):
    """Another run holds the store."""

    exit_code = 6


class NotReproduced(PenstockError):
    """A run could not be re-created from its lineage, or came out different."""

    exit_code = 7


class PlatformRefused(PenstockError):
    """A platform that runs pipelines did not do what was asked: no permission, no credentials, a request it forbids."""

    exit_code = 9


class PlatformBusy(PlatformRefused):
    """A platform did not do what was asked for now; the same may work later."""


class StoreUnreachable(PenstockError):
    """The lineage store's server does not answer, or does not let us in."""

    exit_code = 10


class RunInterrupted(PenstockError):
    """The user stopped the run; `run_id` continues it."""

    exit_code = 130

    def __init__(self, message: str, *, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(message)

    def __reduce__(self) -> tuple[partial["RunInterrupted"], tuple[str]]:
        """Crosses process boundaries with its run."""
        return partial(type(self), run_id=self.run_id), (str(self),)
