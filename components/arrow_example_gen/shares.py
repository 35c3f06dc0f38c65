"""The input cut into shares that any process can read, and who reads them.

Where the cuts are depends on the files alone, not on who reads, and every share has its own shards. So the same input
makes the same bytes with one process and with a cluster.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from components.arrow_example_gen.raw_batch import Source

SHARE_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True)
class Share:
    """Files, or stretches of files, that one worker reads.

    Attributes:
      number: from 0, in the order of the rows.
      sources: what there is to read, in order.
    """

    number: int
    sources: tuple[Source, ...]


class Counted(Protocol):
    """What came of a share."""

    @property
    def rows(self) -> int:
        """Rows that were read, good and bad."""


Result = TypeVar("Result", bound=Counted)
Tell = Callable[[int], None]


class Workers(Protocol):
    """Who reads the shares."""

    def to_survey(self, shares: Sequence[Share]) -> Sequence[Share]:
        """The shares as they are read soonest where it matters only what all of them show together."""
        ...

    def each(self, work: Callable[[Share, Tell], Result], shares: Sequence[Share], tell: Tell) -> Iterator[Result]:
        """What came of every share, in order; `tell` is called with numbers of rows that are done.

        Raises:
          BadData: as `work` raises it, of the first share that does.
        """
        ...


class InThisProcess:
    """Reads one share after the other; see `Workers`."""

    def to_survey(self, shares: Sequence[Share]) -> Sequence[Share]:
        """All as one: whoever has seen the rows before looks less closely at those behind."""
        return [Share(0, tuple(source for share in shares for source in share.sources))]

    def each(self, work: Callable[[Share, Tell], Result], shares: Sequence[Share], tell: Tell) -> Iterator[Result]:
        """What came of every share."""
        return (work(share, tell) for share in shares)


IN_THIS_PROCESS = InThisProcess()


def shares_of(sources: Sequence[Source], share_bytes: int = SHARE_BYTES) -> list[Share]:
    """The sources as shares of about `share_bytes`: large files are cut, small ones are put together.

    Raises:
      BadData: a file cannot be told into records.
    """
    shares: list[list[Source]] = [[]]
    size = 0
    for source in sources:
        for part, part_bytes in source.parts(share_bytes):
            if size and size + part_bytes > share_bytes:
                shares.append([])
                size = 0
            shares[-1].append(part)
            size += part_bytes
    return [Share(number, tuple(parts)) for number, parts in enumerate(shares)]
