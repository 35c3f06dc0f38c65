"""Values as people read them on a page; the same words that components write."""

from components.readable import (
    LONGEST,
    clipped,
    counted,
    middle,
    moment,
    number,
    percent,
    seconds,
    size,
    visible,
)

__all__ = ["LONGEST", "clipped", "counted", "middle", "moment", "number", "percent", "seconds", "size", "visible"]
